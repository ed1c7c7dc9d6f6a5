/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_mask.c - recipients' names are in no line, however it is written; the domains and the rest stay
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "present/mask.h"

typedef size_t mask_fn(char *out, const char *line, size_t length);

static void is(mask_fn *mask, const char *line, const char *words)
{
	char out[MASK_BYTES + 1];

	out[mask(out, line, strlen(line))] = '\0';
	assert_string_equal(out, words);
}

static void replies(void **state)
{
	(void)state;
	is(mask_reply, "550 5.1.1 <ann@example.org>: unknown",
	   "550 5.1.1 <***@example.org>: unknown");
	is(mask_reply, "550 ann.b+c@example.org... User unknown",
	   "550 ***@example.org... User unknown");
	is(mask_reply, "550 (ann@example.org) [b@x]; c@y", "550 (***@example.org) [***@x]; ***@y");
	is(mask_reply, "550 <a@x>,<b@y>", "550 <***@x>,<***@y>");
	is(mask_reply, "550 <@relay,@two:ann@x>", "550 <***@x>");
	is(mask_reply, "550 <\"a >@b\"@x> no", "550 <***@x> no");
	is(mask_reply, "550 \"ann b\"@x no", "550 ***@x no");
	is(mask_reply, "550 \"a@x\" and \"b@y\"", "550 \"***@x\" and \"***@y\"");
	is(mask_reply, "550 <ann>: unknown", "550 <***>: unknown");
	is(mask_reply, "550 <ann", "550 <***");
	is(mask_reply, "550 no?id=ann%40x", "550 ***%40x");
	is(mask_reply, "354 End data with <CR><LF>.<CR><LF>",
	   "354 End data with <CR><LF>.<CR><LF>");
	is(mask_reply, "554 see <https://x.example/q> \"ok", "554 see <https://x.example/q> \"ok");
	is(mask_reply, "250 2.0.0 Ok: queued as 4Vx9", "250 2.0.0 Ok: queued as 4Vx9");
	is(mask_reply, "250 a @ b < > <> @x", "250 a @ b <***> <> @x");
	is(mask_reply, "", "");
}

static void commands(void **state)
{
	(void)state;
	is(mask_command, "RCPT TO:<ann@example.org>", "RCPT TO:<***@example.org>");
	is(mask_command, "  rcpt \t to : < ann@x > NOTIFY=NEVER",
	   "  rcpt \t to : <***@x > NOTIFY=NEVER");
	is(mask_command, "Rcpt To:ann@x SIZE=1", "Rcpt To:***@x SIZE=1");
	is(mask_command, "RCPT TO ann@x", "RCPT TO ***@x");
	is(mask_command, "RCPT TO<ann@x>", "RCPT TO<***@x>");
	is(mask_command, "RCPT TO:ann", "RCPT TO:***");
	is(mask_command, "RCPT tom", "RCPT ***");
	is(mask_command, "RCPT TO:<ann>", "RCPT TO:<***>");
	is(mask_command, "RCPT TO:<ann b@x", "RCPT TO:<***@x");
	is(mask_command, "RCPT TO:\"a b\"@x", "RCPT TO:***@x");
	is(mask_command, "RCPT TO:<a@x> ORCPT=rfc822;ann+40y",
	   "RCPT TO:<***@x> ORCPT=rfc822;***+40y");
	is(mask_command, "RCPT TO:<a@x> ORCPT=rfc822;ann@y", "RCPT TO:<***@x> ORCPT=rfc822;***@y");
	is(mask_command, "RCPT", "RCPT");
	is(mask_command, "RCPT TO:", "RCPT TO:");
	is(mask_command, "VRFY ann@x", "VRFY ***@x");
	is(mask_command, "MAIL FROM:<ann@x> SIZE=1", "MAIL FROM:<ann@x> SIZE=1");
	is(mask_command, "EHLO a@b", "EHLO a@b");
	is(mask_command, "QUIT", "QUIT");
}

static void the_longest_fit(void **state)
{
	static const char *const patterns[] = {"a@ ", "<a", "\"",  "a\"@", "\\\"",
					       "<>",  "@",  "<\"", "a@"};
	char line[LIMIT_LINE], out[MASK_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		size_t length = strlen(patterns[i]);

		for (size_t j = 0; j < sizeof(line); j++)
			line[j] = patterns[i][j % length];
		for (size_t j = 0; j <= sizeof(line); j++) {
			assert_true(mask_reply(out, line, j) < MASK_BYTES);
			assert_true(mask_command(out, line, j) < MASK_BYTES);
		}
		memcpy(line, "RCPT TO:", 8);
		assert_true(mask_command(out, line, sizeof(line)) < MASK_BYTES);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies),
		cmocka_unit_test(commands),
		cmocka_unit_test(the_longest_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
