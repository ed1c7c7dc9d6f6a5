/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_text.c - the live view: aligned, escaped, within its width, and the bypass stands out
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "base/escape.h"
#include "make_connection.h"
#include "make_script.h"
#include "present/answer.h"
#include "present/present.h"
#include "present/text.h"
#include "shown.h"

static FILE *out;
static struct present *present;

static void begin(unsigned int width, bool colour, uint32_t verdicts)
{
	struct present_options options = {.width = width, .colour = colour, .verdicts = verdicts};

	setenv("TZ", "UTC", 1);
	out = open_memstream(&shown, &shown_size);
	options.out = out;
	present = present_new(&options);
	assert_non_null(present);
}

static void end(void)
{
	present_free(present);
	fclose(out);
}

static void done(void)
{
	free(shown);
	shown = NULL;
}

static void show(struct made_connection *made, unsigned int width)
{
	begin(width, false, ~0u);
	if (!made->connection.opener)
		make_opener(made);
	present_connection(present, &made->connection, MAKE_WALL);
	end();
}

/* No line over the width, none with blanks at its end, no control character. */
static void is_tidy(unsigned int width)
{
	for (const char *line = shown; *line;) {
		size_t length = strcspn(line, "\n");

		if (escape_columns(line, length) > width)
			fail_msg("over %u columns: %.*s", width, (int)length, line);
		assert_true(!length || line[length - 1] != ' ');
		for (size_t i = 0; i < length; i++)
			assert_true((unsigned char)line[i] >= ' ' && line[i] != 0x7f);
		line += length + 1;
	}
}

static void start_frame(struct frame_start *start)
{
	memset(start, 0, sizeof(*start));
	strcpy(start->kernel, "6.1.0-27-amd64");
	strcpy(start->hooks, "fentry+cgroup_skb");
	start->ports[0] = 25;
	start->ports[1] = 465;
	start->port_count = 2;
}

static void the_header_fits(void **state)
{
	struct frame_start start;

	(void)state;
	start_frame(&start);
	strcpy(start.degraded, "no send hook on this kernel, so hand-overs are not seen and "
			       "unlisted ports carry the small identity only\nsecond\n");
	for (unsigned int width = 80; width <= 300; width += 20) {
		begin(width, false, ~0u);
		present_start(present, &start, 1, MAKE_WALL);
		end();
		is_tidy(width);
		has("smtpsnoop " SMTPSNOOP_VERSION "  Linux 6.1.0-27-amd64  fentry+cgroup_skb");
		has("ports 25 465 and SMTP on any port");
		has("(Ctrl-C for the summary)");
		has("Degraded: no send hook");
		has("Degraded: second\nTIME");
		done();
	}
	strcpy(start.hooks, "tp_btf");
	begin(80, false, ~0u);
	present_start(present, &start, 1, MAKE_WALL);
	end();
	has_not("any port");
	done();
}

static void a_delivery_is_one_quiet_line(void **state)
{
	struct made_connection made;

	(void)state;
	make_connection(&made, VERDICT_MTA);
	strcpy(made.who.extra.user, "postfix");
	strcpy(made.who.extra.mta, "postfix");
	MAKE_TEXTS(&made.who, "/usr/lib/postfix/sbin/smtp", "/", "/", "smtp");
	make_delivery(&made);
	show(&made, 80);
	assert_string_equal(shown, "21:41:41 mta      postfix  postfix/smtp  203.0.113.7:25      "
				   "1/1   1/1 250 4Vx9\n");
	done();
	begin(80, true, ~0u);
	present_connection(present, &made.connection, MAKE_WALL);
	end();
	assert_memory_equal(shown, "\033[2m", 4);
	done();
	make_free(&made);
}

static void a_bypass_has_its_evidence(void **state)
{
	struct made_connection made;

	(void)state;
	make_connection(&made, VERDICT_BYPASS);
	make_blocklisted(&made);
	make_ends(&made.connection.ends, "192.0.2.10", 4, "203.0.113.107", 25);
	made.connection.closed += 40 * MAKE_SECOND;
	show(&made, 80);
	is_tidy(80);
	has("BYPASS   www-data pool www      203.0.113.107:25    0/1   0/2 554 5.7.1\n");
	has("\n         php-fpm8.2[4711] php8.2-fpm.service for 41 s  direct-mx");
	has("blocklisted:spamhaus no-quit\n");
	done();
	show(&made, 160);
	is_tidy(160);
	has("pool www (php-fpm8.2)");
	has("554 5.7.1 Service unavailable");
	done();
	begin(80, true, ~0u);
	present_connection(present, &made.connection, MAKE_WALL);
	end();
	has("\033[1;31mBYPASS");
	done();
	begin(80, false, 1u << VERDICT_MTA);
	present_connection(present, &made.connection, MAKE_WALL);
	assert_true(present_saw_bypass(present));
	end();
	assert_int_equal(shown_size, 0);
	done();
	make_free(&made);
}

static void an_impostor_is_unmasked(void **state)
{
	struct made_connection made;

	(void)state;
	make_connection(&made, VERDICT_IMPOSTOR);
	MAKE_TEXTS(&made.who, "/usr/bin/perl", "/var/www/shop", "/system.slice/cron.service",
		   "postfix/smtp\0-w\0wp/uploads/.x/mailer.pl");
	make_comm(made.who.open.who.comm, "postfix/smtp");
	made.connection.verdict.reasons = 1ull << REASON_NAME_MISMATCH;
	show(&made, 80);
	has("IMPOSTOR");
	has("…/mailer.pl");
	/* What had no room above is whole below. */
	has("\n         /var/www/shop/wp/uploads/.x/mailer.pl (perl) perl[4711] cron.service\n");
	has("calls itself \"postfix/smtp\"  name-mismatch\n");
	done();
	show(&made, 200);
	has("/var/www/shop/wp/uploads/.x/mailer.pl (perl)");
	has("\n          perl[4711] cron.service calls itself");
	done();
	make_free(&made);
}

static void what_a_script_started_is_named(void **state)
{
	static const char file[] = "/var/www/vhosts/shop.example.org/httpdocs/wp-content/uploads/"
				   "2026/11/.cache/.thumbs/a-long-name-for-a-mailer.php";
	struct made_connection made;
	struct made_script script;
	char joined[2048], *to = joined;

	(void)state;
	make_script(&script, SCRIPT_OF_ANCESTOR);
	make_word(&script, SCRIPT_METHOD, "POST");
	make_word(&script, SCRIPT_HOST, "shop.example.org");
	make_word(&script, SCRIPT_URL, "/x.php");
	make_call(&script, NULL, 0, NULL, "exec");
	make_call(&script, file, 41, "Mailer", "send");
	for (unsigned int width = 80; width <= 200; width += 20) {
		make_connection(&made, VERDICT_LOCAL); /* who feeds the MTA is to be found, too */
		MAKE_TEXTS(&made.who, "/usr/bin/perl", "/", "/", "perl\0/tmp/.x/bot.pl");
		made.connection.scripts[SCRIPT_OF_ANCESTOR] =
			script_decode(&script.facts, script.size);
		assert_non_null(made.connection.scripts[SCRIPT_OF_ANCESTOR]);
		show(&made, width);
		is_tidy(width);
		has("ran /tmp/.x/bot.pl (perl)");
		has("POST shop.example.org/x.php");
		/* Over as many lines as it takes. */
		to = joined;
		for (const char *at = shown; *at; at++)
			if (*at != '\n' && *at != ' ')
				*to++ = *at;
		*to = '\0';
		assert_non_null(strstr(joined, file));
		assert_non_null(
			strstr(joined, "thumbs/a-long-name-for-a-mailer.php:41Mailer::send()"));
		done();
		make_free(&made);
	}
}

static void a_name_in_argv_is_shown_too(void **state)
{
	struct made_connection made;

	(void)state;
	make_connection(&made, VERDICT_IMPOSTOR);
	MAKE_TEXTS(&made.who, "/tmp/bot", "/", "/", "[kworker/0:1]\0");
	make_comm(made.who.open.who.comm, "bot");
	made.connection.verdict.reasons = 1ull << REASON_NAME_MISMATCH;
	show(&made, 80);
	has("calls itself \"[kworker/0:1]\"");
	done();
	make_free(&made);
}

static void hostile_text_is_harmless(void **state)
{
	struct made_connection made;

	(void)state;
	make_connection(&made, VERDICT_BYPASS);
	strcpy(made.who.extra.user, "\xe5\xb1\xb1\xe7\x94\xb0\xe5\xb1\xb1\xe7\x94\xb0\xe5\xb1\xb1");
	MAKE_TEXTS(&made.who, "/tmp/.\x1b[31mX/\xe5\xb1\xb1\xe7\x94\xb0/\xff\xfe", "/tmp",
		   "/a\nb.service", "\x1b]0;x\x07");
	make_comm(made.who.open.who.comm, "a\nb\x1b");
	made.who.open.who.flags = IDENTITY_EXE_DELETED;
	make_said(&made, "S: 220 \x1b[2J\xe2\x80\xae hi");
	make_said(&made, "C: EHLO \x1b[2J");
	made.connection.verdict.reasons = 1ull << REASON_NAME_MISMATCH | 1ull << REASON_EXE_DELETED;
	for (unsigned int width = 80; width <= 240; width += 7) {
		show(&made, width);
		is_tidy(width);
		has("BYPASS");
		done();
	}
	begin(100, false, ~0u);
	present_step(present, &made.connection, 101 * MAKE_SECOND, "client", "\x1b[2J\r\n\xff", 7,
		     MAKE_WALL);
	end();
	is_tidy(100);
	has("C: \\x1b[2J\\r\\n\\xff");
	done();
	make_free(&made);
}

static void very_long_names_do_no_harm(void **state)
{
	struct made_connection made;
	char path[EVENT_PATH_MAX];

	(void)state;
	memset(path, '\x02', sizeof(path));
	path[0] = path[100] = '/';
	path[sizeof(path) - 1] = '\0';
	make_connection(&made, VERDICT_IMPOSTOR);
	make_texts(&made.who, path, path, path, path + 1, EVENT_ARGV_MAX);
	made.connection.verdict.reasons = (1ull << REASON_COUNT) - 1;
	for (unsigned int width = 1; width <= 1000; width = width * 3 + 1) {
		show(&made, width);
		is_tidy(width < 80 ? 80 : width > 500 ? 500 : width);
		done();
	}
	make_free(&made);
}

static void answer_is(struct made_connection *made, const char *words)
{
	char answer[ANSWER_BYTES];

	answer_of(answer, sizeof(answer), &made->connection, 200, false);
	assert_string_equal(answer, words);
}

static void every_end_has_its_word(void **state)
{
	static const char *const words[] = {
		[CONNECTION_OPEN] = "no answer yet", [CONNECTION_CLOSED] = "silent",
		[CONNECTION_RESET] = "reset",	     [CONNECTION_REFUSED] = "refused",
		[CONNECTION_TIMEOUT] = "no answer",  [CONNECTION_UNREACHABLE] = "no route",
		[CONNECTION_DENIED] = "denied",
	};
	struct made_connection made;
	struct session_facts *facts;

	(void)state;
	make_connection(&made, VERDICT_BYPASS);
	made.connection.established = false;
	for (unsigned int i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		made.connection.reason = (enum connection_reason)i;
		answer_is(&made, words[i]);
	}
	made.connection.reason = CONNECTION_OPEN;
	made.connection.flags |= EVENT_F_UNFOLLOWED;
	answer_is(&made, "not followed");
	made.connection.flags &= (uint16_t)~EVENT_F_UNFOLLOWED;
	made.connection.established = true;
	answer_is(&made, "silent");
	made.connection.reason = CONNECTION_CLOSED;
	made.connection.lost_bytes = 5;
	answer_is(&made, "lost");
	make_said(&made, "C: EHLO x");
	answer_is(&made, "lost");
	make_said(&made, "S: 220 hello");
	answer_is(&made, "220 hello");
	facts = &made.connection.session->facts;
	facts->tls = SESSION_TLS_IMPLICIT;
	answer_is(&made, "encrypted");
	facts->sni.seen = true;
	facts->sni.length = 2;
	memcpy(facts->sni_bytes, "mx", 2);
	answer_is(&made, "encrypted mx");
	make_free(&made);
}

static void fruitless_attempts_before_a_message_say_nothing(void **state)
{
	struct made_connection made;

	(void)state;
	make_connection(&made, VERDICT_BYPASS);
	make_said(&made, "S: 220 hello");
	make_said(&made, "C: EHLO x");
	make_said(&made, "S: 502 5.5.1 what?");
	answer_is(&made, "502 5.5.1 what?");
	make_said(&made, "C: HELO x");
	make_said(&made, "S: 250 x");
	make_said(&made, "C: MAIL FROM:<a@example.org>");
	make_said(&made, "S: 250 ok");
	make_said(&made, "C: RCPT TO:<secret@example.net>");
	make_said(&made, "S: 250 ok");
	make_said(&made, "C: DATA");
	make_said(&made, "S: 354 go");
	make_body(&made, 500);
	make_said(&made, "S: 250 2.0.0 <secret@example.net> taken");
	answer_is(&made, "250 2.0.0 <***@example.net> taken");
	make_said(&made, "C: RCPT TO:<secret@example.net>");
	make_said(&made, "S: 550 5.1.1 <secret@example.net> unknown");
	answer_is(&made, "550 5.1.1 <***@example.net> unknown");
	make_free(&made);
}

static void rcpt_is(struct made_connection *made, uint32_t good, uint32_t all, unsigned int width,
		    const char *words)
{
	char text[32];

	made->connection.session->facts.accepted_recipients = good;
	made->connection.session->facts.recipients = all;
	answer_rcpt(text, sizeof(text), &made->connection, width);
	assert_string_equal(text, words);
}

static void counts_fit_their_column(void **state)
{
	struct made_connection made;

	(void)state;
	make_connection(&made, VERDICT_BYPASS);
	make_said(&made, "S: 220 x");
	rcpt_is(&made, 0, 0, 5, "-");
	rcpt_is(&made, 1, 20, 5, "1/20");
	rcpt_is(&made, 1000, 1000, 9, "1000/1000");
	rcpt_is(&made, 1000, 1000, 5, "1k/1k");
	rcpt_is(&made, 0, 12345, 5, "0/12k");
	rcpt_is(&made, 3000000, 3000000, 5, "3M/3M");
	made.connection.session->facts.gaps = 1;
	rcpt_is(&made, 1, 2, 5, "?");
	make_free(&made);
}

static void who_without_a_name_is_a_number(void **state)
{
	struct made_connection made;

	(void)state;
	make_connection(&made, VERDICT_UNKNOWN);
	made.who.extra.user[0] = '\0';
	made.who.open.who.uid = 100001;
	MAKE_TEXTS(&made.who, "/opt/x", "/",
		   "/docker/"
		   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		   "x");
	show(&made, 80);
	has("unknown  100001   /opt/x");
	has("docker:0123456789ab\n");
	done();
	show(&made, 160);
	has("uid 100001");
	done();
	make_free(&made);
}

static void what_lasts_is_said(void **state)
{
	struct made_connection made;

	(void)state;
	make_connection(&made, VERDICT_BYPASS);
	make_opener(&made);
	made.connection.ended = false;
	made.connection.closed = 0;
	begin(80, false, ~0u);
	present_progress(present, &made.connection, 130 * MAKE_SECOND, MAKE_WALL);
	present_width(present, 160);
	present_progress(present, &made.connection, 130 * MAKE_SECOND, MAKE_WALL);
	end();
	has(" open 30s\n");
	has(" ... still open after 30 s\n");
	done();
	make_free(&made);
}

static void step(struct made_connection *made, uint64_t ms, const char *what, const char *line)
{
	present_step(present, &made->connection, made->connection.opened + ms * 1000000, what, line,
		     line ? strlen(line) : 0, MAKE_WALL);
}

static void steps_are_a_conversation(void **state)
{
	struct made_connection made, other;

	(void)state;
	make_connection(&made, VERDICT_BYPASS);
	make_opener(&made);
	made.connection.sender = made.connection.opener;
	made.connection.opener = NULL;
	make_opener(&made);
	make_connection(&other, VERDICT_BYPASS);
	make_opener(&other);
	other.connection.cookie++;
	begin(100, false, ~0u);
	step(&made, 0, "open", NULL);
	step(&made, 10, "established", NULL);
	step(&made, 1500, "server", "220 hi");
	step(&made, 1501, "client", "EHLO x");
	step(&made, 1502, "sender", NULL);
	step(&other, 0, "open", NULL);
	step(&made, 1600, "closed", NULL);
	made.connection.reason = CONNECTION_RESET;
	step(&made, 1700, "closed", NULL);
	end();
	assert_string_equal(
		shown, "21:41:40  www-data php-fpm8.2[4711] php8.2-fpm.service to 203.0.113.7:25\n"
		       "             +0.000  connecting\n"
		       "             +0.010  connected\n"
		       "             +1.500  S: 220 hi\n"
		       "             +1.501  C: EHLO x\n"
		       "             +1.502  now written by php-fpm8.2[4711]\n"
		       "21:41:40  www-data php-fpm8.2[4711] php8.2-fpm.service to 203.0.113.7:25\n"
		       "             +0.000  connecting\n"
		       "21:41:41  www-data php-fpm8.2[4711] php8.2-fpm.service to 203.0.113.7:25\n"
		       "             +1.600  closed\n"
		       "             +1.700  closed: reset\n");
	done();
	begin(100, false, 1u << VERDICT_MTA);
	step(&made, 0, "open", NULL);
	end();
	assert_int_equal(shown_size, 0);
	done();
	show(&made, 100);
	has("written by php-fpm8.2[4711]");
	done();
	make_free(&made);
	make_free(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_header_fits),
		cmocka_unit_test(a_delivery_is_one_quiet_line),
		cmocka_unit_test(a_bypass_has_its_evidence),
		cmocka_unit_test(an_impostor_is_unmasked),
		cmocka_unit_test(what_a_script_started_is_named),
		cmocka_unit_test(a_name_in_argv_is_shown_too),
		cmocka_unit_test(hostile_text_is_harmless),
		cmocka_unit_test(very_long_names_do_no_harm),
		cmocka_unit_test(every_end_has_its_word),
		cmocka_unit_test(fruitless_attempts_before_a_message_say_nothing),
		cmocka_unit_test(counts_fit_their_column),
		cmocka_unit_test(who_without_a_name_is_a_number),
		cmocka_unit_test(what_lasts_is_said),
		cmocka_unit_test(steps_are_a_conversation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
