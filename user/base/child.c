/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * child.c - work that may never come to an end, in a child that has its time
 *
 * A timer ends the child, else a signal; one that neither reaches is left alone, and with it the memory, so that it disturbs nobody's.
 * Nothing is fatal.
 */
#include "base/child.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define GRACE_MS 100 /* for the end after the timer */

void child_free(struct child *child)
{
	if (child->memory)
		munmap(child->memory, child->size);
	child->memory = NULL;
	child->left = false;
}

void *child_memory(struct child *child)
{
	void *memory;

	if (child->left)
		child_free(child);
	if (child->memory)
		return memset(child->memory, 0, child->size);
	memory = mmap(NULL, child->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	child->memory = memory == MAP_FAILED ? NULL : memory;
	return child->memory;
}

bool child_wait(pid_t pid, unsigned int milliseconds, int stop, int *how)
{
	struct pollfd fds[] = {
		{.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN},
		{.fd = stop, .events = POLLIN},
	};
	bool over = fds[0].fd < 0 || (poll(fds, 2, (int)milliseconds) > 0 && fds[0].revents);

	if (fds[0].fd >= 0)
		close(fds[0].fd);
	return over && waitpid(pid, how, 0) == pid;
}

enum child_end child_run(struct child *child, void (*work)(void *memory), unsigned int milliseconds,
			 int stop)
{
	const struct itimerval limit = {
		.it_value = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000}};
	pid_t pid = fork();
	int how = 0;

	if (pid < 0)
		return CHILD_NONE;
	if (pid == 0) {
		signal(SIGALRM, SIG_DFL);
		setitimer(ITIMER_REAL, &limit, NULL);
		close_range(0, ~0u, 0);
		work(child->memory);
		_exit(0);
	}
	if (child_wait(pid, milliseconds + GRACE_MS, stop, &how))
		return WIFEXITED(how) ? CHILD_DONE : CHILD_LATE;
	kill(pid, SIGKILL);
	child->left = waitpid(pid, &how, WNOHANG) != pid;
	return CHILD_LATE;
}
