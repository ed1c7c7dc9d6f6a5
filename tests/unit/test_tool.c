/* SPDX-License-Identifier: GPL-2.0-only */
/* Other programs, asked within bounds: real ones of every system. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "pass/tool.h"

#define LONG 60000 /* ms: no machine is that slow */
#define SHORT 200 /* of what never ends by itself */

static char out[65536];
static struct tool_answer answer;

static void ask_as(const struct rights_user *user, unsigned int milliseconds,
		   const char *const *arguments, size_t room)
{
	struct tool tool = {.path = arguments[0],
			    .arguments = arguments,
			    .user = user,
			    .milliseconds = milliseconds};

	memset(out, 0, sizeof(out));
	tool_run(&tool, out, room, &answer);
}

#define ASK(milliseconds, room, ...)                                                               \
	ask_as(NULL, milliseconds, (const char *const[]){__VA_ARGS__, NULL}, room)
#define SHELL "/bin/sh", "-c"

static void what_it_prints(void **state)
{
	(void)state;
	ASK(LONG, sizeof(out), SHELL, "echo one; echo two >&2; echo three");
	assert_int_equal(answer.end, TOOL_DONE);
	assert_string_equal(out, "one\nthree\n");
	assert_int_equal(answer.size, strlen(out));
	assert_string_equal(answer.said, "two\n");
}

/* Nothing of ours: two variables, no input, three descriptors and the one that lists them, no other folder. */
static void what_it_gets(void **state)
{
	int ours = open("/dev/null", O_RDONLY);

	(void)state;
	setenv("SECRET", "x", 1);
	ASK(LONG, sizeof(out), "/usr/bin/env");
	assert_string_equal(out, "PATH=/usr/sbin:/usr/bin:/sbin:/bin\nLC_ALL=C\n");
	ASK(LONG, sizeof(out), SHELL, "cat; pwd; ls /proc/self/fd");
	assert_int_equal(answer.end, TOOL_DONE);
	assert_string_equal(out, "/\n0\n1\n2\n3\n");
	close(ours);
}

/* Signals that we ignore or hold back end it. */
static void signals(void **state)
{
	sigset_t set;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	ASK(LONG, sizeof(out), SHELL, "kill -s PIPE $$; echo alive");
	assert_int_equal(answer.status, -SIGPIPE);
	ASK(LONG, sizeof(out), SHELL, "kill -s TERM $$; echo alive");
	assert_int_equal(answer.status, -SIGTERM);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	signal(SIGPIPE, SIG_DFL);
}

static void how_it_ends(void **state)
{
	(void)state;
	ASK(LONG, sizeof(out), SHELL, "echo some; echo 'fatal: x' >&2; exit 69");
	assert_int_equal(answer.end, TOOL_FAILED);
	assert_int_equal(answer.status, 69);
	assert_string_equal(answer.said, "fatal: x\n");
	assert_string_equal(out, "some\n");
	ASK(LONG, sizeof(out), SHELL, "kill -9 $$");
	assert_int_equal(answer.end, TOOL_FAILED);
	assert_int_equal(answer.status, -SIGKILL);
}

static bool alive(pid_t pid)
{
	char path[64], text[256] = "";
	const char *state;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	assert_true(fgets(text, sizeof(text), file) || feof(file));
	fclose(file);
	state = strrchr(text, ')');
	return state && !strchr("ZX", state[2]);
}

/* What it began goes with it; the kernel takes a moment for it. */
static void assert_gone(pid_t pid)
{
	const struct timespec moment = {.tv_nsec = 10000000};

	assert_true(pid > 1);
	for (int i = 0; i < 3000 && alive(pid); i++)
		nanosleep(&moment, NULL);
	assert_false(alive(pid));
}

static void without_end(void **state)
{
	(void)state;
	ASK(SHORT, sizeof(out), "/bin/sleep", "1000");
	assert_int_equal(answer.end, TOOL_LATE);
	assert_int_equal(answer.size, 0);
	/* Longer, where that was too short for its first word. */
	answer.size = 0;
	for (unsigned int i = SHORT; !answer.size && i < LONG; i *= 2)
		ASK(i, sizeof(out), SHELL, "sleep 1000 & echo $!; exec sleep 1000");
	assert_int_equal(answer.end, TOOL_LATE);
	assert_gone(atoi(out));
}

/* A daemon that keeps the pipe open is not waited for; nor is it left behind. */
static void with_a_child(void **state)
{
	(void)state;
	ASK(LONG, sizeof(out), SHELL, "sleep 1000 & echo $!");
	assert_int_equal(answer.end, TOOL_DONE);
	assert_gone(atoi(out));
}

static void more_than_room(void **state)
{
	(void)state;
	ASK(LONG, 5000, "/usr/bin/yes");
	assert_int_equal(answer.end, TOOL_OVER);
	assert_int_equal(answer.size, 5000);
	assert_int_equal(out[4999], '\n');
	assert_int_equal(out[5000], 0);
	ASK(LONG, 4, SHELL, "echo one");
	assert_int_equal(answer.end, TOOL_DONE);
	assert_int_equal(answer.size, 4);
	/* An error without end is read and forgotten. */
	ASK(LONG, 4, SHELL, "yes error | head -n 100000 >&2; echo x");
	assert_int_equal(answer.end, TOOL_DONE);
	assert_int_equal(strlen(answer.said), sizeof(answer.said) - 1);
}

static void not_to_be_started(void **state)
{
	char path[] = "/tmp/smtpsnoop-tool-XXXXXX", kept[64];
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w");

	(void)state;
	snprintf(kept, sizeof(kept), "%s.ran", path);
	fprintf(file, "#!/bin/sh\necho > %s\n", kept);
	fclose(file);
	chmod(path, 0777);
	ASK(LONG, sizeof(out), path);
	assert_int_equal(answer.end, TOOL_UNSAFE);
	ASK(LONG, sizeof(out), "/tmp");
	assert_int_equal(answer.end, TOOL_UNSAFE);
	if (getuid() == 0) {
		/* Root's alone, and still a script. */
		chmod(path, 0755);
		ASK(LONG, sizeof(out), path);
		assert_int_equal(answer.end, TOOL_FAILED);
		assert_int_equal(answer.status, 127);
	}
	assert_int_not_equal(access(kept, F_OK), 0);
	unlink(path);
	ASK(LONG, sizeof(out), path);
	assert_int_equal(answer.end, TOOL_ABSENT);
}

static void as_another_user(void **state)
{
	const struct rights_user nobody = {.uid = 65534, .gid = 65534};
	const char *const id[] = {SHELL, "id -u; id -G; grep Cap /proc/self/status | grep -v Bnd",
				  NULL};

	(void)state;
	ask_as(&nobody, LONG, id, sizeof(out));
	if (getuid()) {
		assert_int_equal(answer.end, TOOL_FAILED);
		assert_string_equal(answer.said, "cannot start /bin/sh: Operation not permitted");
		return;
	}
	assert_int_equal(answer.end, TOOL_DONE);
	assert_string_equal(out,
			    "65534\n65534\nCapInh:\t0000000000000000\nCapPrm:\t0000000000000000\n"
			    "CapEff:\t0000000000000000\nCapAmb:\t0000000000000000\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_prints),  cmocka_unit_test(what_it_gets),
		cmocka_unit_test(signals),	   cmocka_unit_test(how_it_ends),
		cmocka_unit_test(without_end),	   cmocka_unit_test(with_a_child),
		cmocka_unit_test(more_than_room),  cmocka_unit_test(not_to_be_started),
		cmocka_unit_test(as_another_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
