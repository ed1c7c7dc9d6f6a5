/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_member.c - names in an archive: cut at the top folder, or refused where they could lead elsewhere
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/member.h"

#define LONGEST 8

static void taken(const char *name, const char *top, const char *below)
{
	struct bytes one, other;

	assert_true(member_split(name, &one, &other));
	assert_true(bytes_are(one, top));
	assert_true(bytes_are(other, below));
}

static void test_taken(void **state)
{
	(void)state;
	taken("e", "e", "");
	taken("e/", "e", "");
	taken("e/host", "e", "host");
	taken("e/process-1/", "e", "process-1");
	taken("e/process-1/exe", "e", "process-1/exe");
	taken("...", "...", "");
	taken("..e/.x/y..", "..e", ".x/y..");
	taken("e\\..\\x/ \n", "e\\..\\x", " \n");
}

/* Every name of up to so many of these letters, beside what can be said of it with other words. */
static void test_all_short_names(void **state)
{
	static const char letters[] = {'/', '.', 'e'};
	unsigned int names = 1, good = 0;

	(void)state;
	for (size_t length = 0; length <= LONGEST; length++, names *= sizeof(letters)) {
		for (unsigned int number = 0; number < names; number++) {
			/* Its own allocation, so that a sanitizer sees who reads too far. */
			char *name = malloc(length + 1), framed[LONGEST + 3];
			struct bytes top, below;
			unsigned int left = number;
			bool wrong;

			for (size_t i = 0; i < length; i++, left /= sizeof(letters))
				name[i] = letters[left % sizeof(letters)];
			name[length] = '\0';
			snprintf(framed, sizeof(framed), "/%s%s", name,
				 length && name[length - 1] == '/' ? "" : "/");
			wrong = strstr(framed, "//") || strstr(framed, "/./") ||
				strstr(framed, "/../");
			assert_int_equal(member_split(name, &top, &below), !wrong);
			if (!wrong) {
				char again[LONGEST + 3];

				snprintf(again, sizeof(again), "/%.*s%s%.*s/", (int)top.length,
					 top.at, below.length ? "/" : "", (int)below.length,
					 below.length ? below.at : "");
				assert_string_equal(again, framed);
				assert_null(memchr(top.at, '/', top.length));
				good++;
			}
			free(name);
		}
	}
	assert_true(good > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_all_short_names),
	};

	return cmocka_run_group_tests_name("member", tests, NULL, NULL);
}
