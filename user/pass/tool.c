/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tool.c - asks a program of this host, within bounds
 *
 * Only a file that root owns and nobody else may write is started, the very one that was looked at, in a process group of its own with
 * an environment of two variables, no input and no descriptor of ours. Whatever it leaves behind in its group is killed. Nothing is
 * fatal: how it ended is the answer.
 */
#include "pass/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "enrich/file_id.h"

#define NS_PER_MS UINT64_C(1000000)
#define DYING_MS                                                                                   \
	500 /* from SIGKILL to the end: more only in the middle of a system call that doesn't return */
#define CANNOT_START 127 /* as the shell has it */

struct running {
	pid_t pid;
	int end; /* pidfd: readable when it has ended */
	int out, error; /* its standard output and error; -1 = over */
	uint64_t until; /* CLOCK_MONOTONIC */
	char *room;
	size_t left;
};

/* Its file, opened with O_PATH; -1: *end says why not. */
static int open_tool(const char *path, enum tool_end *end)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	struct stat file;

	if (fd < 0) {
		*end = TOOL_ABSENT;
		return -1;
	}
	if (fstat(fd, &file) == 0 && S_ISREG(file.st_mode) &&
	    file_only_root_writes(file.st_uid, file.st_mode))
		return fd;
	*end = TOOL_UNSAFE;
	close(fd);
	return -1;
}

static void default_signals(void)
{
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The child's part, from fork() to exec(). -errno. */
static int become(const struct tool *tool, int file, int out, int error)
{
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", locale[] = "LC_ALL=C";
	char *const environment[] = {path, locale, NULL};
	const struct rlimit no_core = {0, 0};
	int null = open("/dev/null", O_RDONLY), rc;

	setpgid(0, 0);
	default_signals();
	setrlimit(RLIMIT_CORE, &no_core);
	/* For who may not kill it any more: a set-user-ID program is another's, and alarms outlive exec(). */
	alarm((tool->milliseconds + 1999) / 1000);
	if (null < 0 || chdir("/") || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(out, STDOUT_FILENO) < 0 || dup2(error, STDERR_FILENO) < 0 ||
	    syscall(SYS_close_range, STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC))
		return -errno;
	rc = tool->user ? rights_run_as(tool->user) : 0;
	if (rc)
		return rc;
	/* It is no script then: an interpreter could not open it any more. */
	syscall(SYS_execveat, file, "", tool->arguments, environment, AT_EMPTY_PATH);
	return -errno;
}

/* 0, or an errno. */
static int start(const struct tool *tool, int file, struct running *running)
{
	int out[2], error[2], rc;

	if (pipe2(out, O_CLOEXEC))
		return errno;
	if (pipe2(error, O_CLOEXEC)) {
		rc = errno;
		close(out[0]);
		close(out[1]);
		return rc;
	}
	running->pid = fork();
	if (running->pid == 0) {
		rc = become(tool, file, out[1], error[1]);
		dprintf(error[1], "cannot start %s: %s", tool->path, strerror(-rc));
		_exit(CANNOT_START);
	}
	rc = running->pid < 0 ? errno : 0;
	close(out[1]);
	close(error[1]);
	running->out = out[0];
	running->error = error[0];
	if (rc) {
		close(out[0]);
		close(error[0]);
		return rc;
	}
	setpgid(running->pid, running->pid); /* whoever comes first */
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	fcntl(error[0], F_SETFL, O_NONBLOCK);
	running->end = (int)syscall(SYS_pidfd_open, running->pid, 0);
	return 0;
}

/* What waits in the pipe; at its end *fd is -1. False: there is no room for all of it. */
static bool take(int *fd, char **room, size_t *left)
{
	while (*fd >= 0) {
		char more;
		ssize_t got = read(*fd, *left ? *room : &more, *left ? *left : 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			return true;
		if (got <= 0) {
			close(*fd);
			*fd = -1;
		} else if (!*left) {
			return false;
		} else {
			*room += got;
			*left -= (size_t)got;
		}
	}
	return true;
}

/* Of an error the beginning is enough: the rest is read and forgotten. */
static void take_error(struct running *running, struct tool_answer *answer)
{
	size_t used = strlen(answer->said), left = sizeof(answer->said) - 1 - used;
	char *at = answer->said + used, forgotten[512];

	if (take(&running->error, &at, &left))
		return;
	do {
		at = forgotten;
		left = sizeof(forgotten);
	} while (!take(&running->error, &at, &left));
}

static int left_ms(uint64_t until)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	return now >= until ? 0 : (int)((until - now) / NS_PER_MS + 1);
}

/* Until it has ended, has no more time, or there is no more room. */
static enum tool_end listen_to(struct running *running, struct tool_answer *answer)
{
	for (;;) {
		struct pollfd fds[] = {{.fd = running->out, .events = POLLIN},
				       {.fd = running->error, .events = POLLIN},
				       {.fd = running->end, .events = POLLIN}};
		int rc = poll(fds, 3, left_ms(running->until));

		if (rc < 0 && errno == EINTR)
			continue;
		if (rc <= 0)
			return TOOL_LATE;
		take_error(running, answer);
		if (!take(&running->out, &running->room, &running->left))
			return TOOL_OVER;
		/* Whoever else has its pipes is not waited for; it may be a daemon that it has started. */
		if (fds[2].revents || (running->end < 0 && running->out < 0))
			return TOOL_DONE;
	}
}

/* Its group goes before it is waited for: until then the number is nobody else's. */
static enum tool_end finish(struct running *running, enum tool_end end, int *status)
{
	struct pollfd over = {.fd = running->end, .events = POLLIN};
	int how = 0;

	kill(-running->pid, SIGKILL);
	if (running->end >= 0)
		poll(&over, 1, DYING_MS);
	if (waitpid(running->pid, &how, running->end >= 0 ? WNOHANG : 0) != running->pid)
		return TOOL_LATE;
	if (end != TOOL_DONE || (WIFEXITED(how) && WEXITSTATUS(how) == 0))
		return end;
	*status = WIFEXITED(how) ? WEXITSTATUS(how) : -WTERMSIG(how);
	return TOOL_FAILED;
}

void tool_run(const struct tool *tool, char *out, size_t room, struct tool_answer *answer)
{
	struct running running = {.room = out, .left = room};
	int file;

	memset(answer, 0, sizeof(*answer));
	file = open_tool(tool->path, &answer->end);
	if (file < 0)
		return;
	running.until = clock_ns(CLOCK_MONOTONIC) + tool->milliseconds * NS_PER_MS;
	answer->status = start(tool, file, &running);
	close(file);
	if (answer->status) {
		answer->end = TOOL_REFUSED;
		return;
	}
	answer->end = finish(&running, listen_to(&running, answer), &answer->status);
	answer->size = room - running.left;
	if (running.out >= 0)
		close(running.out);
	if (running.error >= 0)
		close(running.error);
	if (running.end >= 0)
		close(running.end);
}
