/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_load.c - libraries that are loaded: by their second name, and a sentence where they or a function are not there
 */
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/load.h"

static const struct load_function functions[] = {LOAD_FUNCTION(getppid) LOAD_FUNCTION(getpid)};
static const struct load_function without[] = {LOAD_FUNCTION(getpid){"no_such_function", NULL}};

struct pointers {
	__typeof__(getppid) *getppid;
	__typeof__(getpid) *getpid;
};

static void test_by_second_name(void **state)
{
	const struct load_library libc = {
		.files = {"no-such-library.so", "libc.so.6"},
		.functions = functions,
		.count = 2,
	};
	struct pointers pointers = {0};
	char error[100];

	(void)state;
	assert_true(load_library(&libc, &pointers, error, sizeof(error)));
	assert_int_equal(pointers.getpid(), getpid());
	assert_int_equal(pointers.getppid(), getppid());
}

static void test_sentences(void **state)
{
	struct load_library library = {
		.files = {"no-such-library.so"},
		.name = "library",
		.version = "2",
		.missing = "install it",
		.functions = without,
		.count = 2,
	};
	struct pointers pointers;
	char error[100] = "";

	(void)state;
	assert_false(load_library(&library, &pointers, error, sizeof(error)));
	assert_string_equal(error, "install it");
#ifndef LINKED_STATICALLY
	library.files[0] = "libc.so.6";
	assert_false(load_library(&library, &pointers, error, sizeof(error)));
	assert_string_equal(error, "library has no no_such_function: 2 or newer is needed");
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_second_name),
		cmocka_unit_test(test_sentences),
	};

	return cmocka_run_group_tests_name("load", tests, NULL, NULL);
}
