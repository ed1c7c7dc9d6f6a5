/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * reuse - one process number, two processes, each with a connection of its own: reuse HOST PORT
 *
 * The first leaves its connection to a child and ends; the second gets its number by clone3(2), for which it takes root. Says the number,
 * the child's, and "ready", and waits for the end of its standard input.
 */
#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "talk.h"

static int open_one(char **argv)
{
	struct sockaddr_in address = talk_address(argv[1], argv[2]);
	int fd = talk_socket();

	if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
		err(1, "connect");
	return fd;
}

static void wait_for_end(void)
{
	while (getchar() != EOF)
		;
	exit(0);
}

static pid_t fork_as(pid_t number)
{
	struct clone_args how = {
		.exit_signal = SIGCHLD, .set_tid = (uint64_t)(uintptr_t)&number, .set_tid_size = 1};

	return (pid_t)syscall(SYS_clone3, &how, sizeof(how));
}

int main(int argc, char **argv)
{
	pid_t first, second, child;

	if (argc != 3)
		errx(2, "usage: reuse HOST PORT");
	first = fork();
	if (first == 0) {
		open_one(argv);
		child = fork();
		if (child == 0)
			wait_for_end();
		printf("%d\n%d\n", (int)getpid(), (int)child);
		return fflush(stdout) != 0;
	}
	if (first < 0 || waitpid(first, NULL, 0) != first)
		err(1, "fork");
	second = fork_as(first);
	if (second < 0)
		err(1, "clone3");
	if (second == 0) {
		open_one(argv);
		puts("ready");
		fflush(stdout);
		wait_for_end();
	}
	waitpid(second, NULL, 0);
	return 0;
}
