/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_bytes.c - pieces of text: compared and searched, at every length, and never beyond their end
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/bytes.h"

#define LONGEST 70

/* Its own allocation, so that a sanitizer sees who reads too far. */
static char *blank_text(size_t length)
{
	char *text = malloc(length ? length : 1);

	assert_non_null(text);
	memset(text, '.', length);
	return text;
}

static void test_find_either(void **state)
{
	(void)state;
	for (size_t length = 0; length <= LONGEST; length++) {
		char *text = blank_text(length);

		assert_int_equal(bytes_find_either(text, length, 'a', 'b'), length);
		for (size_t first = 0; first < length; first++) {
			for (size_t second = first; second < length; second++) {
				text[second] = '\xff';
				text[first] = 'b';
				assert_int_equal(bytes_find_either(text, length, 'a', 'b'), first);
				assert_int_equal(bytes_find_either(text, length, 'b', 'a'), first);
				text[second] = 'a';
				assert_int_equal(bytes_find_either(text, length, 'a', 'b'), first);
				text[first] = text[second] = '.';
			}
		}
		free(text);
	}
}

/* Where the lengths are known, gcc 12 warns of what would be read if a text had no end. */
static __attribute__((noinline)) bool are(struct bytes bytes, const char *text)
{
	return bytes_are(bytes, text);
}

static __attribute__((noinline)) bool begin(struct bytes bytes, const char *prefix)
{
	return bytes_begin(bytes, prefix);
}

static void test_compared_with_text(void **state)
{
	char *text = blank_text(6);
	struct bytes name = {text, 5}, none = {NULL, 0};

	(void)state;
	memcpy(text, "smtpd", 6);
	assert_true(are(name, "smtpd") && begin(name, "smtpd"));
	assert_true(begin(name, "smtp") && begin(name, ""));
	assert_false(are(name, "smtp") || are(name, "smtpd2") || are(name, ""));
	assert_false(begin(name, "smtpd2") || begin(name, "x"));
	text[4] = '\0';
	assert_false(are(name, "smtp"));
	assert_true(begin(name, "smtp"));
	assert_true(are(none, "") && begin(none, ""));
	assert_false(are(none, "a") || begin(none, "a"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find_either),
		cmocka_unit_test(test_compared_with_text),
	};

	return cmocka_run_group_tests_name("bytes", tests, NULL, NULL);
}
