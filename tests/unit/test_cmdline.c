/* SPDX-License-Identifier: GPL-2.0-only */
/* test_cmdline.c - arguments of processes that were there before */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "enrich/cmdline.h"
#include "enrich/proc_stat.h"

#define MANY 40 /* processes, one after another: more than there may be descriptors */
#define DESCRIPTORS 20

/* The record's arguments, for a process of that start. */
static size_t add(pid_t pid, uint64_t start, struct event_open *open)
{
	const size_t size = offsetof(struct event_open, text);

	memset(open, 0, sizeof(*open));
	open->who.flags = IDENTITY_ARGV_UNREAD;
	open->who.tgid = (uint32_t)pid;
	open->who.start = start;
	return cmdline_add(open, size) - size;
}

static uint64_t start_of(pid_t pid)
{
	int process = proc_open((uint32_t)pid);
	uint64_t ticks = proc_stat(process, PROC_STAT_START);

	close(process);
	return ticks * (UINT64_C(1000000000) / (uint64_t)sysconf(_SC_CLK_TCK));
}

static void test_many(void **state)
{
	struct rlimit before, few;
	struct event_open open;
	pid_t pids[MANY];

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = DESCRIPTORS;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	for (unsigned int i = 0; i < MANY; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (pids[i] == 0)
			pause();
		assert_true(pids[i] > 0);
		assert_true(add(pids[i], start_of(pids[i]), &open) > 0);
		assert_non_null(strstr(open.text, "test_cmdline"));
		assert_int_equal(open.who.flags & IDENTITY_ARGV_UNREAD, 0);
	}
	/* Another process than the one that is asked for. */
	assert_int_equal(add(pids[0], start_of(pids[0]) + UINT64_C(5000000000), &open), 0);
	cmdline_rest();
	for (unsigned int i = 0; i < MANY; i++) {
		kill(pids[i], SIGKILL);
		assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
	}
	assert_int_equal(add(pids[0], 1, &open), 0);
	cmdline_rest();
	setrlimit(RLIMIT_NOFILE, &before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
