/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_bodies.c - dialogues with what the gate withholds: bodies, chunks, secrets
 */
#include "talk.h"

static const struct session_facts *const facts = &talk.facts;

static void test_data_refused(void **state)
{
	(void)state;
	talk_greeted();
	both("DATA", "503 bad sequence");
	both("MAIL FROM:<a@x>", "250 ok");
	both("RCPT TO:<b@x>", "250 ok");
	both("DATA", "354 go");
	body(10);
	server("554 5.7.1 rejected\r\n");
	assert_int_equal(facts->messages, 1);
	assert_int_equal(facts->accepted, 0);
	assert_replies(4, 1, 0, 2);
}

static void test_body_without_waiting(void **state)
{
	(void)state;
	talk_greeted();
	client("MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n");
	body(10);
	client("QUIT\r\n");
	assert_int_equal(facts->messages, 0); /* not before the 354 */
	server("250 ok\r\n250 ok\r\n354 go\r\n250 queued\r\n221 bye\r\n");
	assert_int_equal(facts->messages, 1);
	assert_int_equal(facts->accepted, 1);
	assert_int_equal(talk.machine.pending.count, 0);

	talk_greeted();
	client("DATA\r\n");
	body(10);
	server("503 no\r\n");
	assert_int_equal(facts->messages, 0);

	/* Passed as if it were commands: what stands behind DATA when the 354 comes is the body. */
	talk_greeted();
	client("DATA\r\nSubject: x\r\n\r\n");
	server("354 go\r\n");
	body(10);
	server("250 ok\r\n");
	assert_int_equal(facts->accepted, 1);
	assert_int_equal(talk.machine.pending.count, 0);
}

static void test_accepted_without_dot(void **state)
{
	(void)state;
	talk_greeted();
	both("DATA", "354 go");
	chunk(100); /* over without a dot */
	server("250 queued\r\n");
	assert_int_equal(facts->messages, 1);
	assert_int_equal(facts->accepted, 1);
}

static void test_client_only(void **state)
{
	(void)state;
	talk_start(25);
	client("HELO x\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n");
	body(100);
	client("MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n");
	body(100);
	client("DATA\r\n");
	session_end(&talk);
	assert_int_equal(facts->messages, 2);
	assert_int_equal(facts->accepted, 0);
	assert_false(facts->early_talker); /* nobody was there to be waited for */
	assert_false(facts->greeting.seen);
}

static void test_bdat(void **state)
{
	(void)state;
	talk_greeted();
	both("MAIL FROM:<a@x>", "250 ok");
	both("RCPT TO:<b@x>", "250 ok");
	client("BDAT 100\r\n");
	chunk(100);
	server("250 100 octets\r\n");
	assert_int_equal(facts->messages, 0);
	client("bdat 50 last\r\n");
	chunk(20);
	chunk(30);
	assert_int_equal(facts->messages, 1);
	server("250 queued\r\n");
	assert_int_equal(facts->accepted, 1);
	both("MAIL FROM:<a@x>", "250 ok");
	both("BDAT 0 LAST", "250 queued");
	assert_int_equal(facts->messages, 2);
	assert_int_equal(facts->accepted, 2);
	assert_int_equal(facts->body_bytes, 150);
}

static void test_bdat_refused(void **state)
{
	(void)state;
	talk_greeted();
	client("MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nBDAT 10\r\n");
	chunk(10);
	client("BDAT 5 LAST\r\n");
	chunk(5);
	client("RCPT TO:<c@x>\r\n");
	server("250 ok\r\n550 no\r\n554 no recipients\r\n554 no recipients\r\n503 no\r\n");
	assert_int_equal(facts->refused, 2);
	assert_int_equal(facts->messages, 1);
	assert_int_equal(facts->accepted, 0);
	assert_int_equal(talk.machine.pending.count, 0);
}

static void test_bdat_malformed(void **state)
{
	static const char *const lines[] = {
		"BDAT",	     "BDAT -1",	      "BDAT x",	    "BDAT 5 X",
		"BDAT LAST", "BDAT 5 LAST X", "BDAT 5LAST", "BDAT 99999999999999999999999",
	};

	(void)state;
	talk_greeted();
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		both(lines[i], "501 no");
		assert_int_equal(talk.machine.chunk_left, 0);
	}
	both("MAIL FROM:<a@x>", "250 ok");
	assert_int_equal(facts->messages, 0);
	assert_int_equal(facts->replies[3], sizeof(lines) / sizeof(lines[0]));
}

static void test_chunk_answered_before_it_is_seen(void **state)
{
	(void)state;
	talk_greeted();
	client("BDAT 10 LAST\r\n");
	server("250 queued\r\n");
	assert_int_equal(facts->messages, 1);
	chunk(10);
	assert_int_equal(facts->messages, 1);
	assert_int_equal(facts->accepted, 1);
}

static void test_auth(void **state)
{
	(void)state;
	talk_greeted();
	client("auth login\r\n"); /* no argument: the line passes whole */
	server("334 VXNlcm5hbWU6\r\n");
	secret(14);
	server("334 UGFzc3dvcmQ6\r\n");
	secret(14);
	assert_int_equal(facts->auth, SESSION_AUTH_TRIED);
	server("535 5.7.8 no\r\n");
	assert_int_equal(facts->auth, SESSION_AUTH_FAILURE);
	assert_text(&facts->mechanism, facts->mechanism_bytes, "LOGIN");
	client("AUTH PLAIN ");
	secret(40);
	server("235 2.7.0 ok\r\n");
	assert_int_equal(facts->auth, SESSION_AUTH_SUCCESS);
	assert_text(&facts->mechanism, facts->mechanism_bytes, "PLAIN");
	both("MAIL FROM:<a@x>", "250 ok");
	both("AUTH", "501 no");
	assert_int_equal(talk.machine.pending.count, 0);
	assert_replies(4, 2, 0, 2);
	assert_false(facts->bare_lf);
}

static void test_auth_without_waiting(void **state)
{
	(void)state;
	talk_greeted();
	client("AUTH LOGIN c2VjcmV0\r\n"); /* if it ever passed, it would still be shown to nobody */
	client("c2VjcmV0\r\nc2VjcmV0\r\nMAIL FROM:<a@x>\r\n");
	server("334 a\r\n334 b\r\n235 ok\r\n250 ok\r\n");
	assert_int_equal(facts->auth, SESSION_AUTH_SUCCESS);
	assert_int_equal(talk.machine.pending.count, 0);
	assert_null(strstr(talk_steps, "c2VjcmV0"));
	assert_non_null(strstr(talk_steps, "C: AUTH LOGIN\n"));
	assert_non_null(strstr(talk_steps, "C: MAIL FROM:<a@x>\n"));
}

static void test_server_asks_for_data_unasked(void **state)
{
	(void)state;
	talk_start(25);
	server("220 mx\r\n");
	both("MAIL FROM:<a@x>", "354 go");
	body(10);
	server("250 ok\r\n");
	assert_int_equal(facts->accepted, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_data_refused),
		cmocka_unit_test(test_body_without_waiting),
		cmocka_unit_test(test_accepted_without_dot),
		cmocka_unit_test(test_client_only),
		cmocka_unit_test(test_bdat),
		cmocka_unit_test(test_bdat_refused),
		cmocka_unit_test(test_bdat_malformed),
		cmocka_unit_test(test_chunk_answered_before_it_is_seen),
		cmocka_unit_test(test_auth),
		cmocka_unit_test(test_auth_without_waiting),
		cmocka_unit_test(test_server_asks_for_data_unasked),
	};

	return cmocka_run_group_tests_name("bodies", tests, NULL, NULL);
}
