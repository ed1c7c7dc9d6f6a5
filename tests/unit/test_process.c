/* SPDX-License-Identifier: GPL-2.0-only */
/* A FRAME_WHO payload becomes a process, or is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "enrich/process.h"
#include "make_frame.h"

static struct made_who made;

static void assert_bytes(struct bytes found, const char *wanted)
{
	assert_int_equal(found.length, strlen(wanted));
	if (found.length)
		assert_memory_equal(found.at, wanted, found.length);
}

static struct process *decode(void)
{
	struct process *process = process_decode(&made, made.size);

	assert_non_null(process);
	return process;
}

static void test_ordinary(void **state)
{
	struct process *process;

	(void)state;
	make_who(&made, EVENT_OPEN, 1, 2);
	MAKE_TEXTS(&made, "/usr/bin/perl5.36", "/", "/system.slice/cron.service",
		   "perl\0-w\0\0x y");
	process = decode();
	assert_bytes(process->exe, "/usr/bin/perl5.36");
	assert_bytes(process->cwd, "/");
	assert_bytes(process->cgroup, "/system.slice/cron.service");
	assert_bytes(process->unit, "cron.service");
	assert_false(process->unit_claimed || process->container_claimed || process->small);
	assert_bytes(process_argument(process, 0), "perl");
	assert_bytes(process_argument(process, 1), "-w");
	assert_bytes(process_argument(process, 2), "");
	assert_non_null(process_argument(process, 2).at);
	assert_bytes(process_argument(process, 3), "x y");
	assert_null(process_argument(process, 4).at);
	assert_bytes(process_name(process), "perl5.36");
	assert_int_equal(process->id.uid, 33);
	assert_string_equal(process->extra.user, "www-data");
	process_free(process);
	process_free(NULL);
}

static void test_cut(void **state)
{
	struct process *process;

	(void)state;
	make_who(&made, EVENT_SENDER, 1, 2);
	make_texts(&made, "a/b", "c", "postfix.service", NULL, 0);
	made.open.who.flags = IDENTITY_EXE_CUT | IDENTITY_CWD_CUT | IDENTITY_CGROUP_CUT;
	process = decode();
	assert_bytes(process->exe, "[...]/a/b");
	assert_bytes(process->cwd, "[...]/c");
	assert_bytes(process->cgroup, "[...]/postfix.service");
	assert_true(process->unit_claimed);
	process_free(process);
}

static void test_small(void **state)
{
	struct process *process;

	(void)state;
	make_who(&made, EVENT_OPEN, 1, 2);
	made.open.head.flags = EVENT_F_SMALL;
	make_texts(&made, NULL, NULL, NULL, NULL, 0);
	process = decode();
	assert_true(process->small);
	assert_int_equal(process->exe.length + process->cwd.length + process->cgroup.length, 0);
	assert_bytes(process_name(process), "php-fpm8.2");
	process_free(process);
}

static void test_memfd(void **state)
{
	static const char slashes[] = "memfd:/usr/sbin/exim4";
	struct process *process;

	(void)state;
	make_who(&made, EVENT_OPEN, 1, 2);
	make_texts(&made, "memfd:x", "/tmp", "/", NULL, 0);
	made.open.who.flags = IDENTITY_EXE_MEMFD;
	process = decode();
	assert_bytes(process->exe, "memfd:x");
	assert_bytes(process_name(process), "memfd:x");
	process_free(process);
	/* Its name may hold slashes: it never looks like a path. */
	make_texts(&made, NULL, NULL, NULL, NULL, 0);
	memcpy(made.open.text, slashes, sizeof(slashes));
	made.open.exe_len = sizeof(slashes);
	made.open.head.size += (uint32_t)sizeof(slashes);
	made.size += sizeof(slashes);
	process = decode();
	assert_bytes(process->exe, slashes);
	assert_bytes(process_name(process), slashes);
	process_free(process);
	make_texts(&made, "/usr/sbin/exim4", "/tmp", "/", NULL, 0);
	process = decode();
	assert_bytes(process->exe, "memfd:exim4");
	process_free(process);
}

static void test_unterminated(void **state)
{
	struct process *process;

	(void)state;
	make_who(&made, EVENT_OPEN, 1, 2);
	make_texts(&made, NULL, NULL, NULL, "ab\0cd", 5);
	memcpy(made.open.text, "x\0usr", 5);
	made.open.exe_len = 5;
	made.open.argv_len = 0;
	process = decode();
	assert_bytes(process->exe, "/usr/x");
	process_free(process);
}

static void test_refused(void **state)
{
	(void)state;
	for (int i = 0; i < 8; i++) {
		size_t size;

		make_who(&made, EVENT_OPEN, 1, 2);
		size = made.size;
		switch (i) {
		case 0:
			size = sizeof(made.extra) + 10;
			break;
		case 1:
			size--;
			break;
		case 2:
			made.open.head.kind = EVENT_STATE;
			break;
		case 3:
			made.open.exe_len = 60000;
			break;
		case 4:
			made.open.who.ancestor_count = EVENT_ANCESTORS + 1;
			break;
		case 5:
			memset(made.extra.user, 'a', sizeof(made.extra.user));
			break;
		case 6:
			memset(made.extra.login, 'a', sizeof(made.extra.login));
			break;
		case 7:
			memset(made.extra.mta, 'a', sizeof(made.extra.mta));
			break;
		}
		errno = 0;
		assert_null(process_decode(&made, size));
		assert_int_equal(errno, EBADMSG);
	}
}

/* The largest record, of nothing but unterminated one-byte components: the sanitizer watches. */
static void test_largest(void **state)
{
	struct process *process;

	(void)state;
	make_who(&made, EVENT_OPEN, 1, 2);
	for (size_t i = 0; i < EVENT_TEXT_MAX; i++)
		made.open.text[i] = i % 2 ? '\0' : 'a';
	made.open.exe_len = made.open.cwd_len = made.open.cgroup_len = 639;
	made.open.argv_len = EVENT_TEXT_MAX - 3 * 639;
	made.open.who.flags = IDENTITY_EXE_CUT | IDENTITY_CWD_CUT | IDENTITY_CGROUP_CUT;
	made.open.head.size = sizeof(made.open);
	made.size = sizeof(made.extra) + sizeof(made.open);
	process = decode();
	assert_int_equal(process->exe.length, 5 + 640);
	assert_int_equal(process->argv.length, EVENT_TEXT_MAX - 3 * 639);
	process_free(process);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ordinary), cmocka_unit_test(test_cut),
		cmocka_unit_test(test_small),	 cmocka_unit_test(test_memfd),
		cmocka_unit_test(test_refused),	 cmocka_unit_test(test_unterminated),
		cmocka_unit_test(test_largest),
	};

	return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
