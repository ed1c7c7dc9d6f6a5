/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_json_read.c - a record is read back as it was written; what is no record is refused, within its bounds
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "kept_record.h"
#include "present/json_read.h"

static void count(void *context, const struct json_item *item)
{
	(void)item;
	++*(unsigned int *)context;
}

static void test_json_read(void **state)
{
	static const char *const wrong[] = {
		"",
		"{",
		"}",
		"{\"a\":1",
		"{\"a\":1,}",
		"{\"a\" 1}",
		"{a:1}",
		"{\"a\":01}",
		"{\"a\":1.}",
		"{\"a\":tru}",
		"{\"a\":\"\n\"}",
		"{\"a\":\"\\x\"}",
		"{\"a\":\"\\ud800\"}",
		"{\"a\":\"\\ud800\\u0041\"}",
		"{\"a\":\"\\udc00\"}",
		"{\"a\":\"\\u12\"}",
		"{\"a\":\"b}",
		"{\"a\":1}{",
		"{\"a\":1} x",
		"[1,]",
		"{\"\":1}",
		"{\"a b\":1}",
		"{\"a\\u001b\":1}",
		"[[[[[[[[[1]]]]]]]]]",
		"{\"a\":-}",
		"{\"a\":1e}",
		"{\"a\":[1 2]}",
		"nul",
	};
	static const char *const right[] = {
		"{}",
		" {\"a\" : [1, -2.5e+3, true, null, {\"@b_C9\": \"\\ud83d\\ude00\\/\"}]} ",
		"[[[[[[[[1]]]]]]]]",
		"{\"a\":0}",
	};
	unsigned int items = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (json_read(bytes_of(wrong[i]), count, &items) != -EBADMSG)
			fail_msg("taken: %s", wrong[i]);
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++)
		if (json_read(bytes_of(right[i]), count, &items))
			fail_msg("refused: %s", right[i]);
	/* Cut anywhere, or with a byte changed, it is read within its bounds, or refused. */
	for (size_t length = 0; length < sizeof(record); length++) {
		char *copy = malloc(length + 1);

		memcpy(copy, record, length);
		json_read((struct bytes){copy, length}, count, &items);
		if (length)
			copy[length / 2] ^= (char)(1 + length % 255);
		json_read((struct bytes){copy, length}, count, &items);
		free(copy);
	}
	assert_true(items > 100);
}

static void test_long_string(void **state)
{
	char *text = malloc(LIMIT_RECORD_STRING + 16);
	unsigned int items = 0;

	(void)state;
	text[0] = '"';
	memset(text + 1, 'a', LIMIT_RECORD_STRING);
	text[LIMIT_RECORD_STRING + 1] = '"';
	assert_int_equal(json_read((struct bytes){text, LIMIT_RECORD_STRING + 2}, count, &items),
			 0);
	text[LIMIT_RECORD_STRING + 1] = 'a';
	text[LIMIT_RECORD_STRING + 2] = '"';
	assert_int_equal(json_read((struct bytes){text, LIMIT_RECORD_STRING + 3}, count, &items),
			 -EBADMSG);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_read),
		cmocka_unit_test(test_long_string),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
