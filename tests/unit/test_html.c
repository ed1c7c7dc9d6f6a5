/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_html.c - a report as a page: well-formed whatever an attacker wrote, and its first sentences say what its tables say
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <time.h>

#include "markup.h"
#include "present/html.h"
#include "present/report_html.h"
#include "present/timeline.h"
#include "shown.h"
#include "store/store.h"

#define SECOND INT64_C(1000000000)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)
#define NOW (INT64_C(1793635200) * SECOND) /* 2026-11-02T16:00:00Z */

#define LETTERS_50 "0123456789012345678901234567890123456789012345678\n"
#define LETTERS_500                                                                                \
	LETTERS_50 LETTERS_50 LETTERS_50 LETTERS_50 LETTERS_50 LETTERS_50 LETTERS_50 LETTERS_50    \
		LETTERS_50 LETTERS_50
#define MARK "\xcc\x8d"
#define MARKS_20                                                                                   \
	MARK MARK MARK MARK MARK MARK MARK MARK MARK MARK MARK MARK MARK MARK MARK MARK MARK MARK  \
		MARK MARK

static const char *const hostile[] = {
	"<script>alert(1)</script>",
	"\"><img src=x onerror=alert(1)>",
	"' onmouseover='alert(1)",
	"</bdi></td></table></style><style>*{display:none}</style>",
	"]]></svg><!-- ",
	"&lt;b&gt; &#60; & &amp",
	"\x1b]0;owned\x07\x01\x7f\xc2\x9b",
	"\xe2\x80\xae"
	"gpj.exe \xe2\x81\xa6 \xef\xbb\xbf",
	"\xff\xfe raw \xc0\xbc \xed\xa0\x80",
	"javascript:alert(1) https://evil.example/",
	LETTERS_500 LETTERS_500 LETTERS_500 LETTERS_500 LETTERS_500 LETTERS_500 LETTERS_500
		LETTERS_500 LETTERS_500 LETTERS_500,
	"Z" MARKS_20,
};
#define HOSTILE (sizeof(hostile) / sizeof(hostile[0]))

static struct query query;
static struct report report;

static void begin(enum report_kind kind)
{
	setenv("TZ", "UTC", 1);
	tzset();
	memset(&report, 0, sizeof(report));
	query = (struct query){.verdicts = 63, .since = NOW - DAY, .until = INT64_MAX};
	report.kind = kind;
	report.query = &query;
	report.now = NOW;
	report.extent = (struct query_extent){
		.created = NOW - 100 * DAY, .first = NOW - 99 * DAY, .last = NOW - HOUR};
	strcpy(report.host, "web1.example");
}

static struct query_row *add(enum report_what what, enum query_by by, enum verdict_class verdict,
			     uint64_t connections)
{
	struct query_table *table = &report.parts[what].table;
	struct query_row *row;

	report.parts[what].asked = true;
	table->by = by;
	/* Twice the room whenever a power of two is reached. */
	if (!(table->count & (table->count - 1)))
		table->rows = realloc(table->rows, 2 * (table->count + 1) * sizeof(*table->rows));
	row = &table->rows[table->count++];
	memset(row, 0, sizeof(*row));
	table->groups++;
	row->verdict = verdict;
	row->actor.id = (int64_t)table->count;
	row->actor.uid = 33;
	row->hour = NOW - 2 * HOUR;
	row->sums = (struct query_sums){.connections = connections,
					.accepted = connections / 2,
					.recipients = connections * 3,
					.refused = connections,
					.refusals = connections / 4,
					.blocklisted = connections / 8,
					.first = NOW - 3 * HOUR,
					.last = NOW - HOUR};
	row->sums.verdicts[verdict] = connections;
	table->all.connections += connections;
	table->all.accepted += connections / 2;
	table->all.verdicts[verdict] += connections;
	return row;
}

static void page(void)
{
	FILE *out;

	free(shown);
	out = open_memstream(&shown, &shown_size);
	report_html(out, &report);
	fclose(out);
	markup_read(shown);
}

static void end(void)
{
	report_free(&report);
	free(shown);
	shown = NULL;
}

/* What the sentences of an overview are made of. */
static void overview(void)
{
	add(REPORT_VERDICTS, QUERY_BY_VERDICT, VERDICT_BYPASS, 1200);
	add(REPORT_VERDICTS, QUERY_BY_VERDICT, VERDICT_IMPOSTOR, 34);
	add(REPORT_VERDICTS, QUERY_BY_VERDICT, VERDICT_MTA, 500);
	add(REPORT_ROWS, QUERY_BY_WHO, VERDICT_BYPASS, 1100)->actor.script =
		bytes_of("/var/www/shop/mailer.php");
	add(REPORT_ROWS, QUERY_BY_WHO, VERDICT_BYPASS, 100);
	add(REPORT_ROWS, QUERY_BY_WHO, VERDICT_IMPOSTOR, 34);
	add(REPORT_REPLIES, QUERY_BY_REPLY, VERDICT_BYPASS, 90)->value =
		bytes_of("554 zen.spamhaus.org");
	add(REPORT_REPLIES, QUERY_BY_REPLY, VERDICT_BYPASS, 9)->value =
		bytes_of("550 zen.spamhaus.org");
}

static void test_sentences(void **state)
{
	(void)state;
	begin(REPORT_OVERVIEW);
	overview();
	report.parts[REPORT_ROWS].table.rows[0].actor.user = bytes_of("www-data");
	page();
	has("2026-11-01 16:00 +0000</span> and <span class=\"t\">2026-11-02 16:00 +0000</span> "
	    "<b>three programs</b> of the host <bdi>web1.example</bdi> sent mail past its mail "
	    "server: 1,234 connections to other mail servers, over which 617 messages were "
	    "accepted.");
	has("Most of it, 1,100 connections, was <bdi>/var/www/shop/mailer.php</bdi>, run by "
	    "<bdi>www-data</bdi>.");
	has("308 connections were refused by the other side, in whole or in part; 154 answers "
	    "named a blocklist (<bdi>zen.spamhaus.org</bdi>).");
	has("the host&#39;s mail server itself made 500 connections, over which 250 messages were "
	    "accepted.");
	has("Nothing is known to be missing.");
	/* As the judge does, and the manual says. */
	has("The same, by a program that wears the name of a mail server, of the system or of a "
	    "part of the kernel, or runs as root or as a mail server&#39;s user, without being "
	    "that mail server.");
	has_not("could not be judged for want");
	has_not("Not all of this time is known");
	end();
}

static void test_more_than_listed(void **state)
{
	struct query_table *table = &report.parts[REPORT_ROWS].table;

	(void)state;
	begin(REPORT_OVERVIEW);
	overview();
	table->groups = 40;
	table->rest = table->rows[1].sums;
	page();
	has("<b>40 programs</b>");
	has("and 37 more");
	/* Of those that are not listed, some may only be unknown. */
	table->all.verdicts[VERDICT_UNKNOWN] = 3;
	page();
	has("<b>at least four programs</b>");
	has("3 connections could not be judged for want of evidence.");
	end();
}

static void test_nobody(void **state)
{
	(void)state;
	begin(REPORT_OVERVIEW);
	page();
	has("<b>no program</b> of the host <bdi>web1.example</bdi> is known to have sent mail "
	    "past");
	has("itself made no connections.");
	report.host[0] = '\0';
	memset(&report.extent, 0, sizeof(report.extent));
	page();
	has("<b>no program</b> of this host is known");
	has("The store has no connection yet;");
	end();
}

static void test_only_tried(void **state)
{
	(void)state;
	begin(REPORT_OVERVIEW);
	add(REPORT_VERDICTS, QUERY_BY_VERDICT, VERDICT_BYPASS, 1)->sums.attempts_only = 1;
	add(REPORT_ROWS, QUERY_BY_WHO, VERDICT_BYPASS, 1)->sums.attempts_only = 1;
	page();
	has("<b>one program</b> of the host <bdi>web1.example</bdi> tried to send mail past its "
	    "mail server: 1 connection to other mail servers, over which no messages were "
	    "accepted.");
	has("It was <bdi>program not known</bdi>, run by <bdi>uid 33</bdi>.");
	has("1 only tried");
	/* One that sent, beside it: not both sent. */
	add(REPORT_VERDICTS, QUERY_BY_VERDICT, VERDICT_BYPASS, 8);
	add(REPORT_ROWS, QUERY_BY_WHO, VERDICT_BYPASS, 8);
	page();
	has("<b>two programs</b> of the host <bdi>web1.example</bdi> sent or tried to send mail "
	    "past its mail server: 9 connections");
	/* And one whose TLS hides what came of it, alone. */
	report.parts[REPORT_VERDICTS].table.rows[1].sums.accepted = 0;
	report.parts[REPORT_ROWS].table.rows[1].sums.accepted = 0;
	page();
	has("sent or tried to send mail past");
	end();
}

/* A code below 400 is a success only where a message was accepted. */
static void test_answers(void **state)
{
	(void)state;
	begin(REPORT_OVERVIEW);
	overview();
	add(REPORT_REPLIES, QUERY_BY_REPLY, VERDICT_BYPASS, 8)->value = bytes_of("250");
	page();
	has("250</bdi></span></th><td>accepted</td>");
	end();
	begin(REPORT_OVERVIEW);
	overview();
	add(REPORT_REPLIES, QUERY_BY_REPLY, VERDICT_BYPASS, 1)->value = bytes_of("221");
	page();
	has("221</bdi></span></th><td>no refusal, and no message was accepted</td>");
	has("the worst that was heard on it; 250, if a message was accepted and nothing was worse");
	end();
}

static void test_selection(void **state)
{
	static const uint16_t ports[] = {25, 2525};

	(void)state;
	begin(REPORT_OVERVIEW);
	report.verdicts = report.selected = true;
	query.verdicts = 1u << VERDICT_MTA;
	query.script = "<x>";
	query.has_uid = true;
	query.uid = 1001;
	query.ports = ports;
	query.port_count = 2;
	query.has_net = true;
	memcpy(query.net, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\0", 16);
	query.prefix = 120;
	add(REPORT_ROWS, QUERY_BY_WHO, VERDICT_MTA, 8);
	page();
	has("a script with &#8220;<bdi>&lt;x&gt;</bdi>&#8221;; user id 1001; port 25, 2525; "
	    "destination 192.0.2.0/24; verdict mta</dd>");
	has("<b>one program</b> of the host <bdi>web1.example</bdi> made 8 connections");
	has("no connections of these went past the host&#39;s mail server.");
	end();
}

static void test_actor(void **state)
{
	(void)state;
	begin(REPORT_ACTOR);
	query.since = 0;
	query.actor = 7;
	add(REPORT_ROWS, QUERY_BY_WHO, VERDICT_BYPASS, 8);
	add(REPORT_HOURS, QUERY_BY_HOUR, VERDICT_BYPASS, 8);
	report.first_count = 1;
	report.first[0] = (struct report_connection){.seq = 12,
						     .start = NOW - HOUR,
						     .destination = "192.0.2.1:25",
						     .verdict = VERDICT_BYPASS,
						     .recipients = 1,
						     .refused = 3,
						     .helo = "<b>\\x01",
						     .reply = "550 \"no\""};
	page();
	has("<h1>What one sender of mail did</h1>");
	has("All of these went past the host&#39;s mail server.");
	has("Between <span class=\"t\">2026-07-26 16:00");
	has("<td><bdi>&lt;b&gt;\\x01</bdi></td><td><bdi>550 &quot;no&quot;</bdi></td>");
	has("0 of 1</td>");
	has("made 8 connections to other mail servers, over which 4 messages");
	has("messages accepted by others");
	add(REPORT_ROWS, QUERY_BY_WHO, VERDICT_LOCAL, 6);
	page();
	has("made 14 connections, 6 of them to this host itself, over which 7 messages");
	has_not("accepted by others");
	end();
	begin(REPORT_ACTOR);
	query.actor = 7;
	add(REPORT_ROWS, QUERY_BY_WHO, VERDICT_LOCAL, 1);
	page();
	has("made 1 connection to this host itself, over which no messages");
	end();
}

static void test_hostile(void **state)
{
	static const enum query_by by[REPORT_PARTS] = {
		QUERY_BY_VERDICT, QUERY_BY_WHO,	 QUERY_BY_DESTINATION,
		QUERY_BY_REPLY,	  QUERY_BY_HOUR, QUERY_BY_USER,
		QUERY_BY_SERVICE, QUERY_BY_WHO,	 QUERY_BY_HOUR};

	(void)state;
	begin(REPORT_OVERVIEW);
	strcpy(report.host, "<script>\"'&");
	report.selected = true;
	for (int what = 0; what < REPORT_PARTS; what++) {
		for (size_t i = 0; i < HOSTILE; i++) {
			struct query_row *row = add((enum report_what)what, by[what],
						    (enum verdict_class)(i % VERDICT_CLASSES), 9);
			struct bytes text = bytes_of(hostile[i]);

			row->actor.user = row->actor.exe = row->actor.script = text;
			row->actor.service = row->actor.container = row->value = text;
		}
	}
	report.known.events = calloc(1, sizeof(*report.known.events));
	report.known.count = 1;
	report.known.events[0] = (struct query_event){NOW - HOUR, STORE_EVENT_LOST_STORE, 5,
						      bytes_of("<b>\x1b[2J\"")};
	for (size_t i = 0; i < HOSTILE; i++) {
		query.script = query.exe = query.service = query.helo = hostile[i];
		query.who = query.cgroup = hostile[i];
		page();
	}
	has("&lt;script&gt;alert(1)&lt;/script&gt;");
	has("\\xe2\\x80\\xaegpj.exe");
	has("\\xff\\xfe raw");
	has("5 connections could not be stored (at 2026-11-02 15:00; &lt;b&gt;\\x1b[2J&quot;).");
	has("<title>Mail sent past the mail server: &lt;script&gt;&quot;&#39;&amp;</title>");
	has("<i class=\"cut\"> [4488 bytes left out] </i>");
	has("Z" MARK MARK MARK "\\xcc\\x8d\\xcc\\x8d");
	has_not(MARK MARK MARK MARK);
	end();
}

static void test_failed(void **state)
{
	(void)state;
	begin(REPORT_OVERVIEW);
	for (int what = 0; what < REPORT_PARTS; what++) {
		report.parts[what].asked = true;
		report.parts[what].failed = -1;
		strcpy(report.parts[what].error, "<the answer takes too long>");
	}
	report.known_failed = -1;
	page();
	has("Who sent mail could not be found out");
	has("No answer: &lt;the answer takes too long&gt;.");
	has("What else is missing cannot be told");
	end();
}

/* Each of so many hours until now, with so many connections. */
static void hours(enum report_what what, unsigned int count, uint64_t connections)
{
	for (unsigned int i = 0; i < count; i++)
		add(what, QUERY_BY_HOUR, VERDICT_BYPASS, connections)->hour =
			NOW - (int64_t)(count - i) * HOUR;
}

static void test_thousands(void **state)
{
	(void)state;
	begin(REPORT_OVERVIEW);
	query.since = NOW - 90 * DAY;
	overview();
	hours(REPORT_HOURS, 2160, 10);
	hours(REPORT_OWN_HOURS, 2160, 7);
	for (int i = 0; i < 3000; i++)
		add(REPORT_DESTINATIONS, QUERY_BY_DESTINATION, VERDICT_BYPASS, 1)->value =
			bytes_of("203.0.113.7");
	page();
	has("connections by the day");
	has("<title>2026-10-01: 240, 48 refused</title>");
	end();
}

/* Gaps, and what was before the store, are hatched; also where they end outside. */
static void test_gaps(void **state)
{
	struct query_gap gaps[] = {{NOW - 900 * DAY, NOW - 20 * HOUR, false},
				   {NOW - 5 * HOUR, NOW - 5 * HOUR + 1, true},
				   {NOW - HOUR, INT64_MAX, false}};

	(void)state;
	begin(REPORT_OVERVIEW);
	hours(REPORT_HOURS, 10, 10);
	page();
	has_not("nothing was recorded");
	report.known.gaps = malloc(sizeof(gaps));
	memcpy(report.known.gaps, gaps, sizeof(gaps));
	report.known.gap_count = 3;
	report.extent.created = report.extent.first = NOW - 22 * HOUR;
	page();
	has("nothing was recorded");
	has("Not all of this time is known");
	end();
}

static void test_large_numbers(void **state)
{
	static const uint64_t numbers[] = {1, 3, 99, 12345678, UINT64_MAX / 8, UINT64_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		begin(REPORT_OVERVIEW);
		hours(REPORT_HOURS, 1, numbers[i]);
		hours(REPORT_OWN_HOURS, 1, numbers[i]);
		report.parts[REPORT_HOURS].table.rows[0].sums.refusals = UINT64_MAX;
		add(REPORT_ROWS, QUERY_BY_WHO, VERDICT_BYPASS, numbers[i]);
		add(REPORT_VERDICTS, QUERY_BY_VERDICT, VERDICT_BYPASS, numbers[i]);
		page();
		end();
	}
}

static uint64_t drawn(const struct timeline *line)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < line->count; i++) {
		assert_true(line->bars[i].since < line->bars[i + 1].since);
		sum += line->bars[i].past;
	}
	return sum;
}

/* Whatever the span: few bars, none empty by construction, and every connection in one of them. */
static void test_bars(void **state)
{
	static const int64_t spans[] = {1,	    HOUR,	24 * HOUR, 117 * HOUR,
					119 * HOUR, 10 * DAY,	116 * DAY, 118 * DAY,
					400 * DAY,  4000 * DAY, NOW - 1};
	static const char *const zones[] = {"UTC", "Europe/Berlin", "America/St_Johns",
					    "Asia/Kolkata"};
	struct timeline line;

	(void)state;
	for (size_t zone = 0; zone < sizeof(zones) / sizeof(zones[0]); zone++) {
		for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
			uint64_t count =
				spans[i] / HOUR < 4000 ? (uint64_t)(spans[i] / HOUR) : 4000;

			begin(REPORT_OVERVIEW);
			setenv("TZ", zones[zone], 1);
			query.since = NOW - spans[i];
			hours(REPORT_HOURS, (unsigned int)count, 2);
			timeline_make(&line, &report);
			assert_in_range(line.count, 1, LIMIT_HTML_BARS);
			assert_true(line.bars[line.count].since >= NOW);
			assert_int_equal(drawn(&line), 2 * count);
			page();
			end();
		}
	}
}

/* On 2026-10-25 clocks went back in Berlin: that day has 25 hours. */
static void test_summer_time(void **state)
{
	struct timeline line;
	char label[REPORT_DATE];
	unsigned int i;

	(void)state;
	begin(REPORT_OVERVIEW);
	setenv("TZ", "Europe/Berlin", 1);
	query.since = NOW - 20 * DAY;
	hours(REPORT_HOURS, 480, 1);
	timeline_make(&line, &report);
	for (i = 0; i < line.count; i++) {
		timeline_label(label, &line, line.bars[i].since);
		if (strcmp(label, "2026-10-25") == 0)
			break;
	}
	assert_int_equal(line.bars[i].past, 25);
	assert_int_equal(line.bars[i + 1].past, 24);
	page();
	has("2026-11-02 17:00 +0100");
	has("2026-10-13 18:00 +0200");
	end();
}

static void test_period_without_time(void **state)
{
	(void)state;
	begin(REPORT_OVERVIEW);
	query.since = NOW + DAY;
	query.until = NOW + 2 * DAY;
	overview();
	hours(REPORT_HOURS, 3, 1);
	page();
	end();
}

static void test_seconds(void **state)
{
	(void)state;
	begin(REPORT_OVERVIEW);
	query.since = NOW + 3 * SECOND;
	report.now = NOW + 33 * SECOND;
	hours(REPORT_HOURS, 1, 1);
	report.parts[REPORT_HOURS].table.rows[0].hour = NOW;
	report.parts[REPORT_HOURS].table.rest.connections = 1;
	page();
	has("The most in one hour: 1 connection past the mail server, at ");
	has("Not drawn: 1 connection of later hours.");
	has("Between <span class=\"t\">2026-11-02 16:00:03 +0000</span> and <span "
	    "class=\"t\">2026-11-02 16:00:33 +0000</span>");
	has("16:00:33 +0000</span> (30 s)</dd>");
	end();
}

static void test_numbers(void **state)
{
	char shown_number[HTML_NUMBER];

	(void)state;
	html_number(shown_number, 0);
	assert_string_equal(shown_number, "0");
	html_number(shown_number, 999);
	assert_string_equal(shown_number, "999");
	html_number(shown_number, 1000);
	assert_string_equal(shown_number, "1,000");
	html_number(shown_number, UINT64_MAX);
	assert_string_equal(shown_number, "18,446,744,073,709,551,615");
	html_count(shown_number, 12);
	assert_string_equal(shown_number, "twelve");
	html_count(shown_number, 13);
	assert_string_equal(shown_number, "13");
}

/* Never in the middle of a character. */
static void test_cut(void **state)
{
	char text[2000];

	(void)state;
	for (unsigned int shift = 0; shift < 4; shift++) {
		FILE *out = open_memstream(&shown, &shown_size);
		size_t used = shift;

		memset(text, 'a', shift);
		while (used + 4 <= sizeof(text) - 4) {
			memcpy(text + used, "\xf0\x9f\x93\xa7", 4);
			used += 4;
		}
		html_bytes(out, (struct bytes){text, used});
		fclose(out);
		has(" bytes left out] ");
		has_not("\\x");
		free(shown);
		shown = NULL;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sentences),     cmocka_unit_test(test_more_than_listed),
		cmocka_unit_test(test_nobody),	      cmocka_unit_test(test_only_tried),
		cmocka_unit_test(test_selection),     cmocka_unit_test(test_actor),
		cmocka_unit_test(test_hostile),	      cmocka_unit_test(test_failed),
		cmocka_unit_test(test_thousands),     cmocka_unit_test(test_gaps),
		cmocka_unit_test(test_large_numbers), cmocka_unit_test(test_bars),
		cmocka_unit_test(test_summer_time),   cmocka_unit_test(test_period_without_time),
		cmocka_unit_test(test_answers),	      cmocka_unit_test(test_seconds),
		cmocka_unit_test(test_numbers),	      cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests_name("html", tests, NULL, NULL);
}
