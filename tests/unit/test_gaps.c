/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_gaps.c - dialogues with bytes missing, and those that turn into TLS or never were SMTP
 */
#include "talk.h"

static const struct session_facts *const facts = &talk.facts;

/* Record and handshake heads, version, random, no session id, one suite, no compression; extension 0: mx.example. */
static const uint8_t hello[] = {
	22, 3,	1, 0,  68, 1, 0,  0,   64,  3,	 3,   1,   1,	1,   1,	  1,   1,   1,
	1,  1,	1, 1,  1,  1, 1,  1,   1,   1,	 1,   1,   1,	1,   1,	  1,   1,   1,
	1,  1,	1, 1,  1,  1, 1,  0,   0,   2,	 19,  1,   1,	0,   0,	  19,  0,   0,
	0,  15, 0, 13, 0,  0, 10, 'm', 'x', '.', 'e', 'x', 'a', 'm', 'p', 'l', 'e',
};

static void say_hello(size_t piece)
{
	for (size_t at = 0; at < sizeof(hello); at += piece) {
		size_t length = sizeof(hello) - at < piece ? sizeof(hello) - at : piece;

		session_data(&talk, FROM_CLIENT, talk_at[FROM_CLIENT], hello + at, length, 0,
			     WITHHELD_NOT, DATA_HELLO);
		talk_at[FROM_CLIENT] += length;
	}
}

static void test_lost_command(void **state)
{
	(void)state;
	talk_greeted();
	client("MAIL FR");
	missed(FROM_CLIENT, 30);
	client("rest of it>\r\n");
	server("250 ok\r\n");
	both("RCPT TO:<a@x>", "550 no");
	assert_int_equal(facts->gaps, 1);
	assert_int_equal(facts->gap_bytes, 30);
	assert_int_equal(facts->from_count, 0);
	assert_int_equal(facts->refused, 1);
	assert_null(strstr(talk_steps, "rest of it"));
}

static void test_offsets_tell_gaps(void **state)
{
	(void)state;
	talk_greeted();
	talk_at[FROM_CLIENT] += 100;
	client("X\r\nMAIL FROM:<a@x>\r\n");
	assert_int_equal(facts->gaps, 1);
	assert_int_equal(facts->gap_bytes, 100);
	assert_senders("a@x");
	/* Seen before, all of it and half of it. */
	talk_at[FROM_CLIENT] -= 17;
	client("MAIL FROM:<a@x>\r\n");
	talk_at[FROM_CLIENT] -= 17;
	client("MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\n");
	assert_int_equal(facts->from_count, 1);
	assert_int_equal(facts->recipients, 1);
	/* A note that repeats withheld bytes and adds some. */
	client("DATA\r\n");
	server("250 ok\r\n250 ok\r\n354 go\r\n");
	chunk(10);
	talk_at[FROM_CLIENT] -= 10;
	body(30);
	assert_int_equal(facts->body_bytes, 30);
	assert_int_equal(facts->messages, 1);
	assert_int_equal(facts->gaps, 1);
}

static void test_ends_of_the_number_range(void **state)
{
	(void)state;
	talk_greeted();
	session_data(&talk, FROM_CLIENT, UINT64_MAX - 5, (const uint8_t *)"QUIT\r\nQUIT\r\n", 12,
		     UINT64_MAX, WITHHELD_BODY, DATA_DOT);
	session_data(&talk, FROM_CLIENT, UINT64_MAX, NULL, 0, UINT64_MAX, WITHHELD_MISSED, 0);
	session_data(&talk, FROM_SERVER, 0, NULL, 0, UINT64_MAX, WITHHELD_MISSED, 0);
	session_data(&talk, FROM_SERVER, UINT64_MAX, (const uint8_t *)"x", 1, 0, WITHHELD_NOT, 0);
	session_end(&talk);
	assert_in_range(facts->gaps, 1, 3);
}

static void test_lost_replies(void **state)
{
	(void)state;
	talk_greeted();
	client("MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nRCPT TO:<c@x>\r\nDATA\r\n");
	missed(FROM_SERVER, 20); /* MAIL's and half of the first RCPT's */
	server(" ok\r\n550 5.1.1 no\r\n354 go\r\n");
	body(10);
	server("250 queued\r\n");
	assert_int_equal(facts->refused, 1);
	assert_int_equal(facts->accepted, 1);
	assert_int_equal(talk.machine.pending.count, 0);
	both("RCPT TO:<b@x>", "550 no");
	assert_int_equal(facts->refused, 2);
}

static void test_enhanced_codes_help(void **state)
{
	(void)state;
	talk_greeted();
	client("MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\n");
	missed(FROM_SERVER, 14);
	server("\r\n250 2.1.5 Ok\r\n");
	assert_int_equal(facts->accepted_recipients, 1);
	client("MAIL FROM:<a@x>\r\n");
	server("250 2.1.0 Ok\r\n");
	assert_int_equal(talk.machine.pending.count, 0);
	assert_int_equal(facts->accepted_recipients, 1);
	client("MAIL FROM:<a@x>\r\n");
	server("550 5.1.0 no\r\n");
	assert_int_equal(talk.machine.pending.count, 0);
}

static void test_waiting_client_shows_lost_replies(void **state)
{
	(void)state;
	talk_start(25);
	server("220 mx\r\n");
	client("EHLO x\r\n");
	missed(FROM_SERVER, 100);
	server("\r\n");
	client("EHLO y\r\n"); /* so the first was answered */
	server("250 mx\r\n");
	assert_text(&facts->helo, facts->helo_bytes, "y");
	assert_int_equal(talk.machine.pending.count, 0);
}

static void test_lost_command_of_a_lone_code(void **state)
{
	(void)state;
	talk_greeted();
	missed(FROM_CLIENT, 30); /* RCPT, and the beginning of DATA */
	client("A\r\n");
	server("250 ok\r\n354 go\r\n");
	body(10);
	server("250 queued\r\n");
	assert_int_equal(facts->messages, 1);
	assert_int_equal(facts->accepted, 1);

	talk_greeted();
	client("NOOP\r\n");
	missed(FROM_CLIENT, 10);
	client("T\r\n");
	server("250 ok\r\n235 ok\r\n334 x\r\n221 bye\r\n");
	assert_int_equal(facts->auth, SESSION_AUTH_NONE);

	talk_greeted();
	missed(FROM_CLIENT, 10);
	client("\r\nDATA\r\n");
	server("250 for what was lost\r\n250 the same\r\n354 go\r\n");
	body(10);
	assert_int_equal(facts->messages, 1);
}

static void test_lost_354(void **state)
{
	(void)state;
	talk_greeted();
	client("DATA\r\n");
	missed(FROM_SERVER, 10);
	body(10);
	server("\r\n250 queued\r\n");
	assert_int_equal(facts->messages, 1);
	assert_int_equal(facts->accepted, 1);
	assert_int_equal(talk.machine.pending.count, 0);
}

static void test_lost_data_and_354(void **state)
{
	(void)state;
	talk_greeted();
	client("RCPT TO:<a@x>\r\n");
	missed(FROM_CLIENT, 6);
	missed(FROM_SERVER, 10);
	body(10);
	body(10); /* no second one for it */
	server("\r\n250 queued\r\n");
	assert_int_equal(facts->messages, 1);
	assert_int_equal(facts->accepted, 1);

	talk_greeted();
	body(10); /* nothing is missing: a note that belongs to nothing */
	assert_int_equal(facts->messages, 0);
}

static void test_body_partly_missed(void **state)
{
	(void)state;
	talk_greeted();
	both("DATA", "354 go");
	missed(FROM_CLIENT, 1000);
	server("250 queued\r\n");
	assert_int_equal(facts->gaps, 0);
	assert_int_equal(facts->accepted, 1);

	talk_greeted();
	both("DATA", "354 go");
	missed(FROM_CLIENT, 1000);
	body(1000);
	client("QUIT\r\n");
	assert_true(facts->quit);
	assert_int_equal(facts->messages, 1);

	talk_greeted();
	client("BDAT 100 LAST\r\n");
	missed(FROM_CLIENT, 40);
	chunk(60);
	server("250 queued\r\n");
	assert_int_equal(facts->gaps, 0);
	assert_int_equal(facts->messages, 1);
	client("BDAT 10\r\n");
	talk_note(FROM_CLIENT, 30, WITHHELD_RING, 0);
	assert_int_equal(facts->gaps, 1);
	assert_int_equal(facts->gap_bytes, 20);
}

static void test_secret_after_gap(void **state)
{
	(void)state;
	talk_greeted();
	client("AUTH LOGIN\r\n");
	server("334 x\r\n");
	missed(FROM_CLIENT, 3);
	secret(10); /* the rest of the answer */
	server("235 ok\r\n");
	assert_int_equal(facts->auth, SESSION_AUTH_SUCCESS);
	both("RCPT TO:<a@x>", "550 no");
	assert_int_equal(facts->refused, 1);

	missed(FROM_CLIENT, 3);
	secret(10); /* the rest of an AUTH that was missed */
	server("535 no\r\n");
	both("RCPT TO:<a@x>", "550 no");
	assert_int_equal(facts->refused, 2);
	talk_note(FROM_SERVER, 10, WITHHELD_SECRET, 0); /* makes no sense, does no harm */
	assert_int_equal(facts->gaps, 2);
}

static void test_starttls(void **state)
{
	(void)state;
	talk_greeted();
	both("STARTTLS", "454 not now");
	assert_int_equal(facts->tls, SESSION_TLS_NONE);
	client("STARTTLS\r\nMAIL FROM:<injected@x>\r\n");
	server("220 2.0.0 go\r\n250 ok\r\n");
	assert_int_equal(facts->tls, SESSION_TLS_STARTTLS);
	assert_replies(3, 0, 1, 0);
	say_hello(7);
	assert_text(&facts->sni, facts->sni_bytes, "mx.example");
	talk_note(FROM_CLIENT, 5000, WITHHELD_TLS, 0);
	talk_note(FROM_SERVER, 5000, WITHHELD_TLS, 0);
	missed(FROM_SERVER, 100);
	client("QUIT\r\n");
	server("221 bye\r\n");
	assert_false(facts->quit);
	assert_int_equal(facts->gaps, 0);
	assert_replies(3, 0, 1, 0);
	session_end(&talk);
}

static void test_starttls_with_lost_220(void **state)
{
	(void)state;
	talk_greeted();
	client("STARTTLS\r\n");
	missed(FROM_SERVER, 10);
	say_hello(100);
	assert_int_equal(facts->tls, SESSION_TLS_STARTTLS);
	assert_true(facts->sni.seen);
	assert_int_equal(talk.machine.pending.count, 0);
}

static void test_implicit_tls(void **state)
{
	(void)state;
	talk_start(465);
	say_hello(1000);
	talk_note(FROM_SERVER, 3000, WITHHELD_TLS, 0);
	talk_note(FROM_CLIENT, 3000, WITHHELD_TLS, 0);
	session_end(&talk);
	assert_int_equal(facts->tls, SESSION_TLS_IMPLICIT);
	assert_text(&facts->sni, facts->sni_bytes, "mx.example");
	assert_false(facts->smtp);

	talk_start(2525);
	say_hello(1000);
	assert_int_equal(facts->tls, SESSION_TLS_NONE);
}

static void test_plain_answer_to_tls(void **state)
{
	uint8_t more[LIMIT_HELLO] = {22, 3, 1, 0xff, 0xff, 1};

	(void)state;
	talk_start(465);
	session_data(&talk, FROM_CLIENT, 0, more, sizeof(more), 10, WITHHELD_TLS, DATA_HELLO);
	session_data(&talk, FROM_CLIENT, sizeof(more) + 10, more, sizeof(more), 0, WITHHELD_NOT,
		     DATA_HELLO);
	assert_false(facts->sni.seen);
	assert_int_equal(facts->tls, SESSION_TLS_IMPLICIT);
	server("220 plain.example\r\n");
	assert_int_equal(facts->tls, SESSION_TLS_NONE);
	assert_text(&facts->greeting, facts->greeting_bytes, "220 plain.example");
	assert_false(facts->early_talker);
}

static void test_gap_while_hello(void **state)
{
	(void)state;
	talk_start(465);
	say_hello(1000);
	secret(3);
	missed(FROM_SERVER, 3);
	server("rest\r\n220 plain\r\n");
	assert_text(&facts->greeting, facts->greeting_bytes, "220 plain");
}

static void test_proxy(void **state)
{
	const char *target = "CONNECT mx.example:25 HTTP/1.1\r\n";

	(void)state;
	talk_start(3128);
	session_data(&talk, FROM_CLIENT, 0, (const uint8_t *)target, strlen(target), 2,
		     WITHHELD_PROXY, DATA_PROXY);
	talk_at[FROM_CLIENT] = strlen(target) + 2;
	talk_note(FROM_SERVER, 39, WITHHELD_PROXY, 0);
	server("220 mx.example\r\n");
	both("EHLO x", "250 mx.example");
	assert_text(&facts->helo, facts->helo_bytes, "x");
	assert_false(facts->early_talker);
	assert_int_equal(facts->gaps, 0);
	assert_null(strstr(talk_steps, "CONNECT"));
}

static void test_something_else(void **state)
{
	(void)state;
	talk_start(25);
	talk_note(FROM_CLIENT, 100, WITHHELD_NOT_SMTP, 0);
	talk_note(FROM_CLIENT, 100, WITHHELD_NOT, 0);
	server("500 what\r\n");
	session_end(&talk);
	assert_false(facts->smtp);
	assert_int_equal(facts->gaps, 0);
}

static void test_urgent(void **state)
{
	(void)state;
	talk_greeted();
	client("MAIL FR");
	assert_false(facts->urgent);
	talk_note(FROM_CLIENT, 1, WITHHELD_URGENT, 0);
	both("OM:<a@x>", "250 ok");
	both("RCPT TO:<b@x>", "250 ok");
	assert_list(facts->from_bytes, facts->from_lengths, facts->from_kept, "a@x");
	assert_true(facts->urgent);
	assert_int_equal(facts->gaps, 0);
	assert_int_equal(facts->accepted_recipients, 1);
}

/* What stands behind a dot that was not seen is told by the replies to it. */
static void test_commands_hidden_in_a_body(void **state)
{
	(void)state;
	talk_greeted();
	both("MAIL FROM:<a@x>", "250 ok");
	both("RCPT TO:<b@x>", "250 ok");
	both("DATA", "354 go");
	chunk(500);
	server("250 queued\r\n");
	assert_int_equal(facts->accepted, 1);
	assert_int_equal(facts->gaps, 0);
	server("250 ok\r\n250 ok\r\n");
	assert_int_equal(facts->gaps, 1);

	/* A refused STARTTLS with commands behind it, which were withheld. */
	talk_greeted();
	client("STARTTLS\r\n");
	secret(60);
	server("500 what\r\n");
	assert_int_equal(facts->gaps, 0);
	server("500 what\r\n");
	assert_int_equal(facts->gaps, 0);
	server("250 ok\r\n");
	assert_int_equal(facts->gaps, 1);

	/* The server may close whenever it likes. */
	talk_greeted();
	both("MAIL FROM:<a@x>", "250 ok");
	both("DATA", "354 go");
	chunk(500);
	server("250 queued\r\n421 closing\r\n");
	assert_int_equal(facts->gaps, 0);

	/* The dot was seen: the server talks to itself. */
	talk_greeted();
	both("MAIL FROM:<a@x>", "250 ok");
	both("DATA", "354 go");
	chunk(500);
	body(10);
	server("250 queued\r\n250 what\r\n");
	assert_int_equal(facts->gaps, 0);

	/* A chunk has no dot. */
	talk_greeted();
	both("MAIL FROM:<a@x>", "250 ok");
	client("BDAT 500 LAST\r\n");
	chunk(500);
	server("250 queued\r\n250 what\r\n");
	assert_int_equal(facts->gaps, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lost_command),
		cmocka_unit_test(test_offsets_tell_gaps),
		cmocka_unit_test(test_ends_of_the_number_range),
		cmocka_unit_test(test_lost_replies),
		cmocka_unit_test(test_enhanced_codes_help),
		cmocka_unit_test(test_waiting_client_shows_lost_replies),
		cmocka_unit_test(test_lost_command_of_a_lone_code),
		cmocka_unit_test(test_lost_354),
		cmocka_unit_test(test_lost_data_and_354),
		cmocka_unit_test(test_body_partly_missed),
		cmocka_unit_test(test_secret_after_gap),
		cmocka_unit_test(test_starttls),
		cmocka_unit_test(test_starttls_with_lost_220),
		cmocka_unit_test(test_implicit_tls),
		cmocka_unit_test(test_plain_answer_to_tls),
		cmocka_unit_test(test_gap_while_hello),
		cmocka_unit_test(test_proxy),
		cmocka_unit_test(test_something_else),
		cmocka_unit_test(test_urgent),
		cmocka_unit_test(test_commands_hidden_in_a_body),
	};

	return cmocka_run_group_tests_name("gaps", tests, NULL, NULL);
}
