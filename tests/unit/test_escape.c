/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_escape.c - hostile bytes on their way to a terminal, a log, a JSON parser
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/escape.h"
#include "base/utf8.h"

static char out[4096];

static const char *text(const char *src, size_t length)
{
	size_t used, written = escape_text(out, sizeof(out), src, length, &used);

	assert_int_equal(used, length);
	assert_int_equal(written, strlen(out));
	return out;
}

static const char *json(const char *src, size_t length)
{
	size_t used, written = escape_json(out, sizeof(out), src, length, &used);

	assert_int_equal(used, length);
	assert_int_equal(written, strlen(out));
	return out;
}

#define TEXT(src) text(src, sizeof(src) - 1)
#define JSON(src) json(src, sizeof(src) - 1)

static void test_printable_passes(void **state)
{
	(void)state;
	assert_string_equal(TEXT(""), "");
	assert_string_equal(TEXT("250 \"ok\" ~"), "250 \"ok\" ~");
	assert_string_equal(TEXT("gr\303\274\303\237e \346\227\245\346\234\254 \360\237\230\200"),
			    "gr\303\274\303\237e \346\227\245\346\234\254 \360\237\230\200");
	assert_string_equal(JSON("gr\303\274\303\237e \360\237\230\200"),
			    "gr\303\274\303\237e \360\237\230\200");
}

static void test_controls(void **state)
{
	(void)state;
	assert_string_equal(TEXT("\033[31m\a\0\177"), "\\x1b[31m\\x07\\x00\\x7f");
	assert_string_equal(TEXT("a\nb\rc\td\\e"), "a\\nb\\rc\\td\\\\e");
	assert_string_equal(JSON("\033[31m\a\0\177"), "\\u001b[31m\\u0007\\u0000\\u007f");
	assert_string_equal(JSON("a\nb\rc\td\\e\"f"), "a\\nb\\rc\\td\\\\e\\\"f");
	assert_string_equal(TEXT("\302\233"), "\\xc2\\x9b"); /* C1: CSI */
	assert_string_equal(JSON("\302\233"), "\\u009b");
}

static void test_hidden_characters(void **state)
{
	static const uint32_t hidden[] = {
		0xad,	0x34f,	0x61c,	0x200b, 0x200e, 0x200f, 0x2028, 0x2029,	 0x202a,  0x202e,
		0x2066, 0x2069, 0xfeff, 0xfffe, 0xffff, 0xfdd0, 0xfe0f, 0x1fffe, 0xe0041, 0x10ffff,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
		uint32_t c = hidden[i];
		char bytes[5];
		size_t length = 0;

		if (c < 0x800) {
			bytes[length++] = 0xc0 | c >> 6;
		} else if (c < 0x10000) {
			bytes[length++] = 0xe0 | c >> 12;
			bytes[length++] = 0x80 | (c >> 6 & 0x3f);
		} else {
			bytes[length++] = 0xf0 | c >> 18;
			bytes[length++] = 0x80 | (c >> 12 & 0x3f);
			bytes[length++] = 0x80 | (c >> 6 & 0x3f);
		}
		bytes[length++] = 0x80 | (c & 0x3f);
		text(bytes, length);
		assert_int_equal(strlen(out), length * 4);
		assert_int_equal(out[0], '\\');
		json(bytes, length);
		assert_int_equal(strlen(out), c < 0x10000 ? 6 : 12);
	}
	assert_string_equal(JSON("\342\200\256"), "\\u202e");
	assert_string_equal(JSON("\363\240\201\201"), "\\udb40\\udc41");
	assert_string_equal(TEXT("\342\200\220"), "\342\200\220"); /* U+2010 is a hyphen */
}

static void test_no_utf8(void **state)
{
	(void)state;
	assert_string_equal(TEXT("\377a\200"), "\\xffa\\x80");
	assert_string_equal(JSON("\377a\200"), "\\u00ffa\\u0080");
	assert_string_equal(TEXT("\300\257"), "\\xc0\\xaf"); /* overlong */
	assert_string_equal(TEXT("\340\200\257"), "\\xe0\\x80\\xaf");
	assert_string_equal(TEXT("\360\200\200\257"), "\\xf0\\x80\\x80\\xaf");
	assert_string_equal(TEXT("\355\240\200"), "\\xed\\xa0\\x80"); /* surrogate */
	assert_string_equal(TEXT("\364\220\200\200"), "\\xf4\\x90\\x80\\x80"); /* beyond U+10FFFF */
	assert_string_equal(TEXT("\365x"), "\\xf5x");
	assert_string_equal(TEXT("\342\202"), "\\xe2\\x82"); /* cut */
	assert_string_equal(TEXT("\342x\202"), "\\xe2x\\x82");
	assert_int_equal(utf8_decode("", 0, &(uint32_t){0}), 0);
}

/* However little room there is: never more, never half an escape, always a NUL, and what was used is what is there. */
static void check_room(const char *src, size_t length,
		       size_t (*escape)(char *, size_t, const char *, size_t, size_t *))
{
	char whole[4096];
	size_t full = escape(whole, sizeof(whole), src, length, NULL);

	for (size_t size = 1; size <= full + 1; size++) {
		char *exact = malloc(size);
		size_t used, written, rest;

		assert_non_null(exact);
		written = escape(exact, size, src, length, &used);
		assert_true(written < size);
		assert_int_equal(exact[written], '\0');
		assert_memory_equal(exact, whole, written);
		rest = escape(out, sizeof(out), src + used, length - used, NULL);
		assert_int_equal(written + rest, full);
		assert_string_equal(out, whole + written);
		free(exact);
	}
}

static void test_room(void **state)
{
	static const char src[] =
		"a\033\n\303\274\377\342\200\256\360\237\230\200\363\240\201\201\"z";

	(void)state;
	check_room(src, sizeof(src) - 1, escape_text);
	check_room(src, sizeof(src) - 1, escape_json);
}

/* Whatever two bytes come, the output is printable ASCII or the characters themselves. */
static void test_every_pair(void **state)
{
	(void)state;
	for (unsigned int pair = 0; pair < 65536; pair++) {
		const char src[] = {(char)(pair >> 8), (char)pair};

		text(src, 2);
		for (const char *c = out; *c; c++)
			assert_true((unsigned char)*c >= ' ' && *c != 0x7f);
		json(src, 2);
		for (const char *c = out; *c; c++)
			assert_true((unsigned char)*c >= ' ' && *c != 0x7f);
	}
}

static void test_columns(void **state)
{
	(void)state;
	assert_int_equal(escape_columns("", 0), 0);
	assert_int_equal(escape_columns("abc", 3), 3);
	assert_int_equal(escape_columns("\303\274", 2), 1);
	assert_int_equal(escape_columns("u\314\210", 3), 1); /* combining diaeresis */
	assert_int_equal(escape_columns("\346\227\245\346\234\254", 6), 4);
	assert_int_equal(escape_columns("\360\237\230\200", 4), 2);
	assert_int_equal(escape_columns("\357\274\241", 3), 2); /* fullwidth A */
	assert_int_equal(escape_columns("\320\226\360\220\200\200", 6), 2);
	assert_int_equal(escape_columns("\377\376", 2), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_printable_passes),
		cmocka_unit_test(test_controls),
		cmocka_unit_test(test_hidden_characters),
		cmocka_unit_test(test_no_utf8),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_every_pair),
		cmocka_unit_test(test_columns),
	};

	return cmocka_run_group_tests_name("escape", tests, NULL, NULL);
}
