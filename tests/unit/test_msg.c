/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_msg.c - one clear sentence each, on standard error
 */
#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/msg.h"

static FILE *said;
static int real_stderr;

static int redirect(void **state)
{
	(void)state;
	said = tmpfile();
	real_stderr = dup(STDERR_FILENO);
	return said && real_stderr >= 0 && dup2(fileno(said), STDERR_FILENO) >= 0 ? 0 : -1;
}

static int restore(void **state)
{
	(void)state;
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	return fclose(said);
}

/* What was written since the last call. */
static const char *heard(void)
{
	static char text[8192];
	ssize_t length = pread(fileno(said), text, sizeof(text) - 1, 0);

	text[length > 0 ? length : 0] = '\0';
	assert_int_equal(ftruncate(fileno(said), 0), 0);
	assert_int_equal(lseek(fileno(said), 0, SEEK_SET), 0);
	return text;
}

static void test_severities(void **state)
{
	(void)state;
	msg_error("cannot open %s", "x");
	assert_string_equal(heard(), "smtpsnoop: cannot open x\n");
	msg_warn("%d left", 3);
	assert_string_equal(heard(), "smtpsnoop: warning: 3 left\n");
	msg_info("hello");
	assert_string_equal(heard(), "smtpsnoop: hello\n");
	msg_debug("hidden");
	assert_string_equal(heard(), "");
	msg_verbose(true);
	msg_debug("shown");
	msg_verbose(false);
	assert_string_equal(heard(), "smtpsnoop: shown\n");
}

/* The journal is known by its device and inode; a file that standard error was redirected to is none. */
static void test_journal(void **state)
{
	struct stat file;
	char stream[64];

	(void)state;
	assert_int_equal(fstat(STDERR_FILENO, &file), 0);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)file.st_dev, (uintmax_t)file.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	msg_journal();
	msg_error("cannot open %s", "x");
	assert_string_equal(heard(), "<3>cannot open x\n");
	msg_warn("%d left", 3);
	assert_string_equal(heard(), "<4>3 left\n");
	msg_info("hello");
	assert_string_equal(heard(), "<6>hello\n");
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)file.st_dev,
		 (uintmax_t)file.st_ino + 1);
	setenv("JOURNAL_STREAM", stream, 1);
	msg_journal();
	msg_info("hello");
	assert_string_equal(heard(), "smtpsnoop: hello\n");
	unsetenv("JOURNAL_STREAM");
	msg_journal();
	msg_warn("%d left", 3);
	assert_string_equal(heard(), "smtpsnoop: warning: 3 left\n");
}

static void test_errno_stays(void **state)
{
	(void)state;
	errno = ENOENT;
	msg_error("%m");
	assert_int_equal(errno, ENOENT);
	assert_string_equal(heard(), "smtpsnoop: No such file or directory\n");
	/* Standard error is gone: nothing to be done, nothing to be changed. */
	close(STDERR_FILENO);
	errno = EPERM;
	msg_error("nobody hears");
	assert_int_equal(errno, EPERM);
	assert_true(dup2(fileno(said), STDERR_FILENO) >= 0);
}

static void test_long_messages_are_cut(void **state)
{
	char *word = malloc(5000);
	const char *text;

	(void)state;
	assert_non_null(word);
	memset(word, 'x', 4999);
	word[4999] = '\0';
	msg_error("%s", word);
	free(word);
	text = heard();
	assert_in_range(strlen(text), 1000, 2048);
	assert_int_equal(text[strlen(text) - 1], '\n');
	assert_null(memchr(text, '\n', strlen(text) - 1));
}

static void test_rate(void **state)
{
	struct msg_limit limit = {0};
	uint64_t held = 99;

	(void)state;
	assert_true(msg_allowed(&limit, 0, 10, &held));
	assert_int_equal(held, 0);
	assert_false(msg_allowed(&limit, 5, 10, &held));
	assert_false(msg_allowed(&limit, 9, 10, &held));
	assert_true(msg_allowed(&limit, 10, 10, &held));
	assert_int_equal(held, 2);
	assert_true(msg_allowed(&limit, 20, 10, &held));
	assert_int_equal(held, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_severities, redirect, restore),
		cmocka_unit_test_setup_teardown(test_journal, redirect, restore),
		cmocka_unit_test_setup_teardown(test_errno_stays, redirect, restore),
		cmocka_unit_test_setup_teardown(test_long_messages_are_cut, redirect, restore),
		cmocka_unit_test(test_rate),
	};

	return cmocka_run_group_tests_name("msg", tests, NULL, NULL);
}
