/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_corpus.c - the gate and the session machine against public captures and what is known to be in them
 *
 * Every connection of every capture goes through both; all facts are compared with expected.json (read by corpus.py). The
 * captures are not part of the project: where they are missing, the test says so and is skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "feed_capture.h"

#define CORPUS "../shared/corpus"
#define ROW_MAX 16384

enum column {
	FILE_NAME,
	CLIENT,
	CLIENT_PORT,
	SERVER,
	SERVER_PORT,
	SMTP,
	FOUND_BY,
	GREETING,
	HELO,
	SENDERS,
	RECIPIENTS,
	REFUSED,
	MESSAGES,
	ACCEPTED,
	REPLIES_2XX,
	REPLIES_3XX,
	REPLIES_4XX,
	REPLIES_5XX,
	LAST_REPLY,
	AUTH,
	TLS,
	GAPS,
	COLUMNS
};

static const char *const names[COLUMNS] = {
	"file",	      "client",	  "client port", "server", "server port", "smtp",
	"found_by",   "greeting", "helo",	 "from",   "recipients",  "refused",
	"messages",   "accepted", "2xx",	 "3xx",	   "4xx",	  "5xx",
	"last_reply", "auth",	  "tls",	 "gaps",
};

static unsigned int mistakes;

/* Is `found` one of the right answers, "a" or "a|b"? */
static void expect(char *const *row, enum column column, const char *found)
{
	char right[ROW_MAX];
	char *answer, *rest = right;

	snprintf(right, sizeof(right), "%s", row[column]);
	while ((answer = strsep(&rest, "|"))) {
		if (strcmp(answer, found) == 0)
			return;
	}
	print_error("%s %s:%s: %s is %s, not %s\n", row[FILE_NAME], row[CLIENT], row[CLIENT_PORT],
		    names[column], found, row[column]);
	mistakes++;
}

static void expect_number(char *const *row, enum column column, uint64_t found)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)found);
	expect(row, column, text);
}

/* As corpus.py writes a text. */
static void put_hex(char *out, size_t size, const char *bytes, size_t length)
{
	size_t used = snprintf(out, size, "x");

	for (size_t i = 0; i < length && used + 3 < size; i++)
		used += snprintf(out + used, size - used, "%02x", (unsigned char)bytes[i]);
}

static void expect_text(char *const *row, enum column column, const struct session_text *text,
			const char *bytes)
{
	char hex[ROW_MAX] = "-";

	if (text->seen)
		put_hex(hex, sizeof(hex), bytes, text->length);
	expect(row, column, hex);
}

static void expect_senders(char *const *row, const struct session_facts *facts)
{
	char all[ROW_MAX] = ".";
	const char *path = facts->from_bytes;
	size_t used = 0;

	assert_int_equal(facts->from_kept, facts->from_count);
	for (unsigned int i = 0; i < facts->from_kept; i++) {
		if (i)
			all[used++] = ',';
		put_hex(all + used, sizeof(all) - used, path, facts->from_lengths[i]);
		used += strlen(all + used);
		path += facts->from_lengths[i];
	}
	expect(row, SENDERS, all);
}

/* What a listed port gets; the gate's own words on the others. */
static const char *smtp_word(const struct feed *feed)
{
	if (feed->session.facts.smtp)
		return "true";
	return feed->session.machine.greeted && feed->gate.protocol != GATE_NOT ? "candidate"
										: "false";
}

static const char *found_word(const struct feed *feed)
{
	static const char *const words[] = {"-", "port", "greeting", "client", "proxy"};

	return words[feed->gate.protocol == GATE_NOT ? FOUND_NOT : feed->gate.found];
}

static void check_connection(char *const *row, uint32_t split)
{
	static const char *const tls[] = {"none", "starttls", "implicit"};
	static struct feed feed;
	const struct session_facts *facts = &feed.session.facts;
	char path[512], error[PCAP_ERRBUF_SIZE];

	snprintf(path, sizeof(path), "%s/%s", CORPUS, row[FILE_NAME]);
	feed_start(&feed, row[CLIENT], atoi(row[CLIENT_PORT]), row[SERVER], atoi(row[SERVER_PORT]));
	feed.split = split;
	if (!feed_file(&feed, path, error))
		fail_msg("%s", error);
	assert_true(feed.seen);
	expect(row, SMTP, smtp_word(&feed));
	expect(row, FOUND_BY, found_word(&feed));
	if (strcmp(row[SMTP], "false") == 0)
		return;
	expect_text(row, GREETING, &facts->greeting, facts->greeting_bytes);
	expect_text(row, HELO, &facts->helo, facts->helo_bytes);
	expect_senders(row, facts);
	expect_number(row, RECIPIENTS, facts->recipients);
	expect_number(row, REFUSED, facts->refused);
	expect_number(row, MESSAGES, facts->messages);
	expect_number(row, ACCEPTED, facts->accepted);
	for (int i = 0; i < 4; i++)
		expect_number(row, REPLIES_2XX + i, facts->replies[i]);
	expect_text(row, LAST_REPLY, &facts->last_reply, facts->last_reply_bytes);
	expect_text(row, AUTH, &facts->mechanism, facts->mechanism_bytes);
	expect(row, TLS, tls[facts->tls]);
	expect(row, GAPS, facts->gaps ? "true" : "false");
}

static void compare(uint32_t split)
{
	char line[ROW_MAX];
	unsigned int rows = 0;
	FILE *expected;

	if (access(CORPUS "/expected.json", R_OK) != 0) {
		print_message("no captures in %s (optional: not part of the tree)\n", CORPUS);
		skip();
	}
	expected = popen("python3 tests/unit/corpus.py " CORPUS, "r");
	assert_non_null(expected);
	while (fgets(line, sizeof(line), expected)) {
		char *row[COLUMNS], *rest = line;
		unsigned int column = 0;

		line[strcspn(line, "\n")] = '\0';
		while (column < COLUMNS && (row[column] = strsep(&rest, "\t")))
			column++;
		assert_int_equal(column, COLUMNS);
		check_connection(row, split);
		rows++;
	}
	assert_int_equal(pclose(expected), 0);
	assert_true(rows > 0);
	print_message("%u connections compared\n", rows);
	assert_int_equal(mistakes, 0);
}

static void test_as_captured(void **state)
{
	(void)state;
	compare(0);
}

/* How the bytes come in segments says nothing about what they mean. */
static void test_in_small_segments(void **state)
{
	(void)state;
	compare(1);
	compare(7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_captured),
		cmocka_unit_test(test_in_small_segments),
	};

	return cmocka_run_group_tests_name("corpus", tests, NULL, NULL);
}
