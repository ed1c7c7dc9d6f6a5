/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_session.c - dialogues in which every byte is seen
 */
#include "talk.h"

static const struct session_facts *const facts = &talk.facts;

static void test_one_message(void **state)
{
	(void)state;
	talk_start(25);
	server("220-mx.example ESMTP \r\n220 no spam here\r\n");
	both("EHLO client.example", "250-mx.example\r\n250-SIZE 1000\r\n250 PIPELINING");
	both("MAIL FROM:<a@one.example> SIZE=100", "250 2.1.0 Ok");
	both("RCPT TO:<b@Two.Example>", "250 2.1.5 Ok");
	both("RCPT TO:<c@two.example> NOTIFY=NEVER", "550 5.1.1 no such user");
	both("DATA", "354 go ahead");
	body(1000);
	server("250 2.0.0 queued as 4711\r\n");
	assert_int_equal(facts->messages, 1);
	both("QUIT", "221 2.0.0 bye");
	session_end(&talk);

	assert_true(facts->smtp);
	assert_text(&facts->greeting, facts->greeting_bytes, "220-mx.example ESMTP ");
	assert_text(&facts->helo, facts->helo_bytes, "client.example");
	assert_text(&facts->last_reply, facts->last_reply_bytes, "221 2.0.0 bye");
	assert_text(&facts->worst_reply, facts->worst_reply_bytes, "550 5.1.1 no such user");
	assert_int_equal(facts->last_code, 221);
	assert_int_equal(facts->worst_code, 550);
	assert_senders("a@one.example");
	assert_domains("two.example");
	assert_string_equal(talk_recipients, "b@Two.Example\nc@two.example\n");
	assert_int_equal(facts->recipients, 2);
	assert_int_equal(facts->refused, 1);
	assert_int_equal(facts->accepted_recipients, 1);
	assert_int_equal(facts->messages, 1);
	assert_int_equal(facts->accepted, 1);
	assert_int_equal(facts->body_bytes, 1000);
	assert_int_equal(facts->gaps, 0);
	assert_replies(6, 1, 0, 1);
	assert_true(facts->quit);
	assert_false(facts->early_talker || facts->bare_lf || facts->bare_cr || facts->line_cut ||
		     facts->helo_changed || facts->refused_greeting || facts->lmtp ||
		     facts->pending_over);
}

static void test_byte_by_byte(void **state)
{
	const char *greeting = "220 mx\r\n", *hello = "eHlO  client.example \r\n";

	(void)state;
	talk_start(2525);
	for (; *greeting; greeting++)
		talk_bytes(FROM_SERVER, greeting, 1);
	for (; *hello; hello++)
		talk_bytes(FROM_CLIENT, hello, 1);
	server("250 mx\r\n");
	assert_text(&facts->helo, facts->helo_bytes, "client.example");
	assert_int_equal(facts->gaps, 0);
	assert_string_equal(talk_steps, "S: 220 mx\nC: eHlO  client.example \nS: 250 mx\n");
}

static void test_steps_are_optional(void **state)
{
	(void)state;
	talk_start(25);
	session_init(&talk, 25, NULL, NULL, NULL);
	server("220 mx\r\n");
	both("MAIL FROM:<a@b>", "250 ok");
	both("RCPT TO:<a@b>", "250 ok");
	assert_int_equal(facts->accepted_recipients, 1);
	assert_string_equal(talk_steps, "");
}

static void test_paths(void **state)
{
	(void)state;
	talk_greeted();
	both("mail from: <>", "250 ok");
	both("Mail From : a@bare.example BODY=8BITMIME", "250 ok");
	both("MAIL FROM:<\"a > b\\\"@x\"@quoted.example> SIZE=1", "250 ok");
	both("MAIL FROM:<@relay.example:a@routed.example>", "250 ok");
	both("MAIL FROM:<unclosed@x.example SIZE=1", "501 no");
	both("MAIL FROM:<\"open@x.example>", "501 no");
	both("MAIL FROM:", "501 no");
	both("MAIL TO:<a@b>", "501 no");
	both("MAIL FROM", "501 no");
	both("MAIL", "501 no");
	assert_int_equal(facts->from_count, 7);
	assert_senders("|a@bare.example|\"a > b\\\"@x\"@quoted.example|"
		       "@relay.example:a@routed.example|unclosed@x.example|\"open@x.example>|");
}

static void test_domains(void **state)
{
	(void)state;
	talk_greeted();
	both("RCPT TO:<a@B.Example>", "250 ok");
	both("RCPT TO: <other@b.eXample>", "250 ok");
	both("RCPT TO:<\"odd@place\"@c.example>", "250 ok");
	both("RCPT TO:<\"odd\\\"@place\"@c.example>", "250 ok");
	both("RCPT TO:<@relay.example:a@d.example>", "250 ok");
	both("RCPT TO:<a@[IPv6:2001:DB8::1]>", "250 ok");
	both("RCPT TO:<postmaster>", "250 ok");
	both("RCPT FROM:<a@b>", "501 no");
	assert_domains("b.example|c.example|d.example|[IPv6:2001:DB8::1]");
	assert_int_equal(facts->recipients, 7);
	assert_int_equal(facts->domains_over, 0);
}

static void test_lists_are_bounded(void **state)
{
	char line[1024], domain[300];
	unsigned int i;

	(void)state;
	talk_greeted();
	for (i = 0; i < LIMIT_SENDERS + 3; i++) {
		snprintf(line, sizeof(line), "MAIL FROM:<a%u@x.example>", i);
		both(line, "250 ok");
	}
	for (i = 0; i < LIMIT_DOMAINS + 3; i++) {
		snprintf(line, sizeof(line), "RCPT TO:<a@d%u.example>", i);
		both(line, "250 ok");
	}
	assert_int_equal(facts->from_count, LIMIT_SENDERS + 3);
	assert_int_equal(facts->from_kept, LIMIT_SENDERS);
	assert_int_equal(facts->domains_kept, LIMIT_DOMAINS);
	assert_int_equal(facts->domains_over, 3);

	talk_greeted();
	memset(domain, 'd', sizeof(domain));
	for (i = 0; i < LIMIT_SENDERS; i++) {
		snprintf(line, sizeof(line), "MAIL FROM:<%u@%.200s>", i, domain);
		both(line, "250 ok");
		snprintf(line, sizeof(line), "RCPT TO:<a@%u%.200s>", i, domain);
		both(line, "250 ok");
	}
	snprintf(line, sizeof(line), "RCPT TO:<a@%.*s>", LIMIT_DOMAIN + 1, domain);
	both(line, "250 ok");
	assert_int_equal(facts->from_count, LIMIT_SENDERS);
	assert_in_range(facts->from_kept, 1, LIMIT_SENDERS - 1);
	assert_in_range(facts->from_used, 1, LIMIT_SENDER_BYTES);
	assert_in_range(facts->domains_used, 1, LIMIT_DOMAIN_BYTES);
	assert_int_equal(facts->domains_kept + facts->domains_over, LIMIT_SENDERS + 1);

	talk_greeted();
	snprintf(line, sizeof(line), "MAIL FROM:<%.299s%.299s>", domain, domain);
	both(line, "250 ok");
	assert_int_equal(facts->from_lengths[0], LIMIT_PATH);
}

static void test_helo(void **state)
{
	(void)state;
	talk_start(25);
	server("220 mx\r\n");
	both("EHLO first.example", "502 unknown");
	assert_text(&facts->helo, facts->helo_bytes, "first.example");
	both("HELO second.example", "250 mx");
	assert_false(facts->helo_changed);
	both("EHLO third.example", "502 unknown");
	assert_text(&facts->helo, facts->helo_bytes, "second.example");
	both("EHLO second.example", "250 mx");
	assert_false(facts->helo_changed);
	both("HELO fourth.example", "250 mx");
	assert_true(facts->helo_changed);
	assert_text(&facts->helo, facts->helo_bytes, "fourth.example");
}

static void test_helo_without_waiting(void **state)
{
	(void)state;
	talk_start(25);
	server("220 mx\r\n");
	client("EHLO a\r\nHELO b\r\nHELO c\r\n");
	server("250 mx\r\n502 no\r\n502 no\r\n502 no\r\n");
	assert_text(&facts->helo, facts->helo_bytes, "a");
	assert_false(facts->helo_changed);
}

static void test_refused_ehlo_keeps_the_transaction(void **state)
{
	(void)state;
	talk_start(24);
	server("220 mx\r\n");
	both("LHLO client", "250 mx");
	both("MAIL FROM:<a@x>", "250 ok");
	both("RCPT TO:<b@x>", "250 ok");
	both("RCPT TO:<c@x>", "250 ok");
	both("LHLO again", "503 no");
	both("DATA", "354 go");
	body(10);
	server("550 no\r\n");
	assert_int_equal(facts->accepted, 0);
	server("250 yes\r\n"); /* LMTP: the second recipient's */
	assert_int_equal(facts->messages, 1);
	assert_int_equal(facts->accepted, 1);
	assert_true(facts->lmtp);

	both("MAIL FROM:<a@x>", "250 ok");
	both("RCPT TO:<b@x>", "250 ok");
	both("RCPT TO:<c@x>", "250 ok");
	both("RSET", "250 ok");
	both("MAIL FROM:<a@x>", "250 ok");
	both("RCPT TO:<d@x>", "250 ok");
	both("DATA", "354 go");
	body(10);
	both("QUIT", "250 yes\r\n221 bye");
	assert_int_equal(facts->accepted, 2);
	assert_int_equal(talk.machine.pending.count, 0);
}

static void test_pipelining(void **state)
{
	(void)state;
	talk_greeted();
	client("MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nRCPT TO:<c@x>\r\nRSET\r\n"
	       "MAIL FROM:<a@x>\r\nRCPT TO:<d@x>\r\nDATA\r\n");
	server("250 ok\r\n250 ok\r\n550 no\r\n250 ok\r\n250 ok\r\n450 later\r\n554 no "
	       "recipients\r\n");
	assert_int_equal(facts->recipients, 3);
	assert_int_equal(facts->refused, 2);
	assert_int_equal(facts->accepted_recipients, 1);
	assert_int_equal(facts->messages, 0);
	assert_int_equal(talk.machine.pending.count, 0);
	assert_int_equal(facts->worst_code, 554);
}

static void test_a_thousand_recipients(void **state)
{
	char line[64];

	(void)state;
	talk_greeted();
	client("MAIL FROM:<a@x>\r\n");
	for (int i = 0; i < 1000; i++) {
		snprintf(line, sizeof(line), "RCPT TO:<u%d@x.example>\r\n", i);
		client(line);
	}
	client("DATA\r\n");
	server("250 ok\r\n");
	for (int i = 0; i < 1000; i++)
		server(i % 10 ? "250 ok\r\n" : "550 no\r\n");
	server("354 go\r\n");
	body(100);
	server("250 ok\r\n");
	assert_int_equal(facts->recipients, 1000);
	assert_int_equal(facts->refused, 100);
	assert_int_equal(facts->accepted, 1);
	assert_false(facts->pending_over);
}

static void test_more_commands_than_places(void **state)
{
	const unsigned int over = LIMIT_PENDING + 100;

	(void)state;
	talk_greeted();
	for (unsigned int i = 0; i < over; i++)
		client("RCPT TO:<b@x>\r\n");
	client("QUIT\r\n");
	assert_true(facts->pending_over);
	for (unsigned int i = 0; i < over; i++)
		server("550 no\r\n");
	server("221 bye\r\n");
	assert_int_equal(facts->recipients, over);
	assert_int_equal(facts->refused, LIMIT_PENDING);
	assert_int_equal(talk.machine.pending.unqueued, 0);
	both("RCPT TO:<b@x>", "550 no"); /* in step again */
	assert_int_equal(facts->refused, LIMIT_PENDING + 1);
}

static void test_early_talker(void **state)
{
	(void)state;
	talk_start(25);
	client("EHLO bot\r\nMAIL FROM:<a@x>\r\n");
	server("220-wait\r\n");
	assert_false(facts->early_talker);
	server("220 mx\r\n250 mx\r\n250 ok\r\n");
	assert_true(facts->early_talker);
	assert_text(&facts->greeting, facts->greeting_bytes, "220-wait");
	assert_text(&facts->helo, facts->helo_bytes, "bot");
	assert_int_equal(talk.machine.pending.count, 0);
}

static void test_refused_greeting(void **state)
{
	(void)state;
	talk_start(25);
	client("EHLO bot\r\n");
	server("554 5.7.1 203.0.113.7 listed at zen.spamhaus.org\r\n");
	both("MAIL FROM:<a@x>", "503 no\r\n503 no");
	assert_true(facts->refused_greeting);
	assert_true(facts->early_talker);
	assert_string_equal(facts->blocklist, "spamhaus");
	assert_text(&facts->worst_reply, facts->worst_reply_bytes,
		    "554 5.7.1 203.0.113.7 listed at zen.spamhaus.org");
	assert_int_equal(facts->worst_code, 554);
	assert_int_equal(facts->last_code, 503);
}

static void test_existing_connection(void **state)
{
	(void)state;
	talk_start(25);
	server("250 ok\r\n");
	both("RCPT TO:<a@x>", "550 no");
	assert_false(facts->greeting.seen);
	assert_false(facts->refused_greeting);
	assert_int_equal(facts->refused, 1);

	talk_start(25);
	both("RCPT TO:<a@x>", "550 no");
	assert_false(facts->refused_greeting);
	assert_int_equal(facts->refused, 1);
}

static void test_worst_reply(void **state)
{
	(void)state;
	talk_greeted();
	both("MAIL FROM:<a@x>", "450 later");
	assert_int_equal(facts->worst_code, 450);
	both("MAIL FROM:<a@x>", "550 never");
	both("MAIL FROM:<a@x>", "451 later");
	assert_int_equal(facts->worst_code, 550);
	both("MAIL FROM:<a@x>", "421-4.7.1 bl.spamcop.net\r\n421 4.7.1 bye");
	assert_int_equal(facts->worst_code, 421);
	assert_text(&facts->worst_reply, facts->worst_reply_bytes, "421-4.7.1 bl.spamcop.net");
	both("MAIL FROM:<a@x>", "550 never");
	assert_int_equal(facts->worst_code, 421);
	assert_string_equal(facts->blocklist, "spamcop");
}

static void test_unasked_replies(void **state)
{
	(void)state;
	talk_greeted();
	server("451 timeout\r\n421 closing\r\n");
	assert_replies(2, 0, 2, 0);
	assert_text(&facts->last_reply, facts->last_reply_bytes, "421 closing");
	server("150 no\r\n600 no\r\n25\r\n250x\r\n99\r\n4.7.0 no code\r\n\r\n250\r\n");
	assert_replies(3, 0, 2, 0);
	both("HELP", "214-one\r\nsomething\r\n214 two");
	assert_replies(4, 0, 2, 0);
}

static void test_line_ends(void **state)
{
	char line[LIMIT_LINE + 100];

	(void)state;
	talk_greeted();
	assert_false(facts->bare_lf);
	client("NOOP\n");
	assert_true(facts->bare_lf);
	server("250 ok\r\n");
	assert_false(facts->bare_cr);
	client("NO\rOP\r\n");
	server("500 no\r\n");
	assert_true(facts->bare_cr);
	client("\r\n");
	server("500 no\r\n");

	memset(line, 'x', LIMIT_LINE);
	snprintf(line + LIMIT_LINE, 100, "\r\n");
	client(line);
	assert_false(facts->line_cut);
	snprintf(line + LIMIT_LINE, 100, "yyyy\r\n");
	client(line);
	assert_true(facts->line_cut);
	server("500 no\r\n");
	snprintf(line + LIMIT_LINE, 100, "y\n");
	client(line);
	server("500 no\r\n500 no\r\n");
	assert_int_equal(talk.machine.pending.count, 0);

	line[0] = '2', line[1] = '5', line[2] = '0', line[3] = ' ';
	snprintf(line + LIMIT_LINE, 100, "yyyy\r\n");
	server(line);
	assert_int_equal(facts->last_reply.length, LIMIT_REPLY);
	assert_true(facts->last_reply.cut);
}

/* Every place where a piece can end, and pieces of one byte. */
static void test_any_piece(void **state)
{
	static const char said[] =
		"EHLO a\r\nMAIL FROM:<a@x>\nRCPT TO:<b@y>\r\r\nRC\rPT TO:<c@z>\r\n\r\n\n"
		"\rNOOP\r\nRCPT TO:<\"d>\"@v>\r\nQUIT\r\n";
	static struct session_facts right;
	char steps[sizeof(talk_steps)];

	(void)state;
	talk_start(25);
	client(said);
	right = talk.facts;
	assert_senders("a@x");
	assert_domains("y|v");
	assert_true(facts->bare_lf && facts->bare_cr && facts->quit);
	strcpy(steps, talk_steps);
	for (size_t cut = 0; cut < sizeof(said); cut++) {
		talk_start(25);
		talk_bytes(FROM_CLIENT, said, cut);
		talk_bytes(FROM_CLIENT, said + cut, sizeof(said) - 1 - cut);
		assert_memory_equal(&talk.facts, &right, sizeof(right));
		assert_string_equal(talk_steps, steps);
	}
	talk_start(25);
	for (size_t i = 0; i < sizeof(said) - 1; i++)
		talk_bytes(FROM_CLIENT, said + i, 1);
	assert_memory_equal(&talk.facts, &right, sizeof(right));
	assert_string_equal(talk_steps, steps);
}

static void test_verbs(void **state)
{
	(void)state;
	talk_greeted();
	/* None of these is the command that it looks like. */
	client("STAR\r\nSTARTTL\r\nSTARTTLSX\r\nSTARXTLS\r\nQUITX\r\nQUI\r\n-QUIT\r\nMAILFROM:<a@x>"
	       "\r\n"
	       "RCPT\0TO:<b@y>\r\n");
	assert_false(facts->quit);
	assert_int_equal(facts->recipients, 0);
	assert_int_equal(facts->from_count, 0);
	server("502 no\r\n502 no\r\n220 no\r\n220 no\r\n502 no\r\n502 no\r\n502 no\r\n502 "
	       "no\r\n502 no\r\n");
	assert_int_equal(facts->tls, SESSION_TLS_NONE);
	client("BDAT 0 QUIT\r\nBDAT 0 LAST LAST\r\nBDAT LAST\r\n");
	assert_int_equal(facts->messages, 0);
	client(" \tstartTLS \t\r\n");
	server("250 ok\r\n250 ok\r\n250 ok\r\n220 go\r\n");
	assert_int_equal(facts->tls, SESSION_TLS_STARTTLS);
}

/* The last one is remembered apart from the list, which may have had no room for it. */
static void test_domains_said_again(void **state)
{
	char line[64];

	(void)state;
	talk_greeted();
	for (int again = 0; again < 2; again++) {
		both("RCPT TO:<a@One.example>", "250 ok");
		both("RCPT TO:<a@one.EXAMPLE>", "250 ok");
		both("RCPT TO:<a@one.example>", "250 ok");
		both("RCPT TO:<a@two.example>", "250 ok");
	}
	assert_domains("one.example|two.example");
	for (unsigned int i = 2; i < LIMIT_DOMAINS; i++) {
		snprintf(line, sizeof(line), "RCPT TO:<a@d%u.example>", i);
		both(line, "250 ok");
	}
	for (int again = 0; again < 3; again++)
		both("RCPT TO:<a@no.room.example>", "250 ok");
	assert_int_equal(facts->domains_over, 3);
	both("RCPT TO:<a@TWO.example>", "250 ok");
	assert_int_equal(facts->domains_over, 3);
}

static void test_quit_before_the_end(void **state)
{
	(void)state;
	talk_greeted();
	client("QUIT\r\n");
	session_end(&talk);
	assert_true(facts->quit);
	assert_int_equal(talk.machine.pending.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_message),
		cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_steps_are_optional),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_domains),
		cmocka_unit_test(test_lists_are_bounded),
		cmocka_unit_test(test_helo),
		cmocka_unit_test(test_helo_without_waiting),
		cmocka_unit_test(test_refused_ehlo_keeps_the_transaction),
		cmocka_unit_test(test_pipelining),
		cmocka_unit_test(test_a_thousand_recipients),
		cmocka_unit_test(test_more_commands_than_places),
		cmocka_unit_test(test_early_talker),
		cmocka_unit_test(test_refused_greeting),
		cmocka_unit_test(test_existing_connection),
		cmocka_unit_test(test_worst_reply),
		cmocka_unit_test(test_unasked_replies),
		cmocka_unit_test(test_line_ends),
		cmocka_unit_test(test_any_piece),
		cmocka_unit_test(test_verbs),
		cmocka_unit_test(test_domains_said_again),
		cmocka_unit_test(test_quit_before_the_end),
	};

	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
