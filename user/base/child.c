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
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define GRACE_MS 100 /* for the end after the timer */

void child_free(struct child *child)
{
	child_rest(child);
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

/* Until the other end is closed. Whatever takes too long is ended by the timer. */
static void serve(struct child *child, int fd, void (*work)(void *memory),
		  unsigned int milliseconds)
{
	const struct itimerval none = {{0, 0}, {0, 0}};
	const struct itimerval limit = {
		.it_value = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000}};
	char byte;

	signal(SIGALRM, SIG_DFL);
	while (read(fd, &byte, 1) == 1) {
		setitimer(ITIMER_REAL, &limit, NULL);
		work(child->memory);
		setitimer(ITIMER_REAL, &none, NULL);
		if (write(fd, &byte, 1) != 1)
			return;
	}
}

/* Everything but `fd` is closed. */
static void close_others(int fd)
{
	if (fd > 0)
		close_range(0, (unsigned int)fd - 1, 0);
	close_range((unsigned int)fd + 1, ~0u, 0);
}

static bool start(struct child *child, void (*work)(void *memory), unsigned int milliseconds)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return false;
	child->pid = fork();
	if (child->pid == 0) {
		close_others(ends[1]);
		serve(child, ends[1], work, milliseconds);
		_exit(0);
	}
	close(ends[1]);
	child->fd = ends[0];
	if (child->pid > 0)
		return true;
	close(child->fd);
	child->pid = 0;
	return false;
}

/* It is over, or was killed and need not be. */
static void reap(struct child *child, int flags)
{
	int how;

	/* Whoever was forked meanwhile may hold a copy. */
	shutdown(child->fd, SHUT_RDWR);
	close(child->fd);
	child->left = waitpid(child->pid, &how, flags) != child->pid;
	child->pid = 0;
}

void child_rest(struct child *child)
{
	if (child->pid)
		reap(child, 0);
}

/* Tells it to begin. One that somebody has killed while it waited is replaced. */
static bool begin(struct child *child, void (*work)(void *memory), unsigned int milliseconds)
{
	const char byte = 0;

	if (child->pid && send(child->fd, &byte, 1, MSG_NOSIGNAL) == 1)
		return true;
	child_rest(child);
	return start(child, work, milliseconds) && send(child->fd, &byte, 1, MSG_NOSIGNAL) == 1;
}

enum child_end child_run(struct child *child, void (*work)(void *memory), unsigned int milliseconds,
			 int stop)
{
	struct pollfd fds[] = {{.events = POLLIN}, {.fd = stop, .events = POLLIN}};
	char byte;

	if (!begin(child, work, milliseconds))
		return CHILD_NONE;
	fds[0].fd = child->fd;
	if (poll(fds, 2, (int)milliseconds + GRACE_MS) > 0 && fds[0].revents) {
		if (read(child->fd, &byte, 1) == 1)
			return CHILD_DONE;
		reap(child, 0); /* the timer has ended it */
		return CHILD_LATE;
	}
	kill(child->pid, SIGKILL);
	reap(child, WNOHANG);
	return CHILD_LATE;
}
