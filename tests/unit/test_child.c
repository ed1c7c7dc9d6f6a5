/* SPDX-License-Identifier: GPL-2.0-only */
/* test_child.c - work that may never come to an end, in a child that has its time */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/child.h"

#define LONG 20000 /* ms: nothing here takes so long */

struct job {
	int number, square;
	pid_t by;
	bool stuck, ends;
	bool open; /* it had a descriptor of ours */
};

static void work(void *memory)
{
	struct job *job = memory;

	job->by = getpid();
	job->square = job->number * job->number;
	job->open = fcntl(STDOUT_FILENO, F_GETFD) >= 0;
	if (job->ends)
		_exit(0);
	while (job->stuck)
		pause();
}

static struct job *job_of(struct child *child, int number)
{
	struct job *job = child_memory(child);

	assert_non_null(job);
	assert_int_equal(job->square, 0);
	job->number = number;
	return job;
}

static void nobody_is_left(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* One child does all of it, and has nothing of ours. */
static void test_again_and_again(void **state)
{
	struct child child = {.size = sizeof(struct job)};
	pid_t first = 0;

	(void)state;
	for (int n = 1; n < 100; n++) {
		struct job *job = job_of(&child, n);

		assert_int_equal(child_run(&child, work, LONG, -1), CHILD_DONE);
		assert_int_equal(job->square, n * n);
		assert_false(job->open);
		assert_true(job->by != getpid() && (n == 1 || job->by == first));
		first = job->by;
	}
	child_free(&child);
	nobody_is_left();
}

/* What it wrote before its time was over is there, and the next one starts afresh. */
static void test_stuck(void **state)
{
	struct child child = {.size = sizeof(struct job)};

	(void)state;
	for (int n = 2; n < 4; n++) {
		struct job *job = job_of(&child, n);

		job->stuck = true;
		assert_int_equal(child_run(&child, work, 20, -1), CHILD_LATE);
		assert_int_equal(job->square, n * n);
		job = job_of(&child, 5);
		assert_int_equal(child_run(&child, work, LONG, -1), CHILD_DONE);
		assert_int_equal(job->square, 25);
		child_rest(&child);
	}
	child_free(&child);
	nobody_is_left();
}

/* Who is asked to stop does not wait for it. */
static void test_stop(void **state)
{
	struct child child = {.size = sizeof(struct job)};
	int stop[2];

	(void)state;
	assert_int_equal(pipe(stop), 0);
	job_of(&child, 2)->stuck = true;
	assert_int_equal(write(stop[1], "", 1), 1);
	assert_int_equal(child_run(&child, work, LONG, stop[0]), CHILD_LATE);
	/* It was killed a moment ago, and may be left alone: then its memory is, too. */
	while (waitpid(-1, NULL, 0) > 0)
		;
	child_free(&child);
	close(stop[0]);
	close(stop[1]);
}

/* One that ends by itself, or is killed while it waits, is replaced. */
static void test_replaced(void **state)
{
	struct child child = {.size = sizeof(struct job)};
	struct job *job = job_of(&child, 2);

	(void)state;
	job->ends = true;
	assert_int_equal(child_run(&child, work, LONG, -1), CHILD_LATE);
	job = job_of(&child, 3);
	assert_int_equal(child_run(&child, work, LONG, -1), CHILD_DONE);
	kill(job->by, SIGKILL);
	waitid(P_PID, (id_t)job->by, &(siginfo_t){0}, WEXITED | WNOWAIT);
	job = job_of(&child, 4);
	assert_int_equal(child_run(&child, work, LONG, -1), CHILD_DONE);
	assert_int_equal(job->square, 16);
	child_free(&child);
	nobody_is_left();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_again_and_again),
		cmocka_unit_test(test_stuck),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
