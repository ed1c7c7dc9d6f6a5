/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * halves.c - the other half as the privileged one sees it: what signals ask of both, and how they end
 *
 * A first signal asks for the end: what was begun is finished, however long the other half's output is blocked. A second one kills that
 * half. Nothing here is fatal by itself.
 */
#include "cmd/halves.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/msg.h"

int halves_init(struct halves *halves, pid_t child, bool service)
{
	sigset_t set;

	*halves = (struct halves){.child = child, .service = service};
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	halves->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return halves->signals < 0 ? -errno : 0;
}

/* The second time: the output is blocked, and somebody wants us gone. */
static void give_up(struct halves *halves)
{
	const char *what = halves->service ? "the store" : "standard output";

	halves->given_up = true;
	halves->not_killed = kill(halves->child, SIGKILL) < 0;
	if (halves->not_killed)
		msg_error("stopped by a second signal; process %d, which waits for %s, cannot be "
			  "killed: %s",
			  (int)halves->child, what, strerror(errno));
	else
		msg_error("stopped by a second signal: what %s had not taken is lost", what);
}

/*
 * A terminal that closes may say SIGHUP twice and means nothing by it; signals at about the same moment are one wish: timeout(1)
 * signals its child and then the group that it is in.
 */
void halves_hear(struct halves *halves)
{
	struct signalfd_siginfo info;
	uint64_t now = clock_ns(CLOCK_BOOTTIME);
	bool before = halves->asked && now - halves->asked_at > LIMIT_ONE_WISH_MS * 1000000ULL;
	bool again = false;

	while (read(halves->signals, &info, sizeof(info)) == sizeof(info)) {
		if (halves->service && info.ssi_signo == SIGHUP) {
			halves->reload = true;
			continue;
		}
		if (!halves->asked)
			halves->asked_at = now;
		halves->asked = true;
		again = again || info.ssi_signo != SIGHUP;
	}
	if (before && again && !halves->given_up)
		give_up(halves);
}

/* Until the other half has ended, or is to be waited for no longer. */
static void wait_for_end(struct halves *halves)
{
	struct pollfd fds[] = {
		{.fd = (int)syscall(SYS_pidfd_open, halves->child, 0), .events = POLLIN},
		{.fd = halves->signals, .events = POLLIN},
	};

	while (fds[0].fd >= 0 && !fds[0].revents && !halves->given_up)
		if (poll(fds, 2, -1) > 0 && fds[1].revents)
			halves_hear(halves);
	if (fds[0].fd >= 0)
		close(fds[0].fd);
}

int halves_end(struct halves *halves, int status)
{
	int how;

	wait_for_end(halves);
	if (halves->not_killed)
		return EXIT_FAILED;
	while (waitpid(halves->child, &how, 0) < 0)
		if (errno != EINTR)
			return EXIT_FAILED;
	if (halves->given_up)
		return EXIT_FAILED;
	if (WIFSIGNALED(how)) {
		msg_error("the parsing half was killed by signal %d: stopped", WTERMSIG(how));
		return EXIT_FAILED;
	}
	return status == EXIT_DONE ? WEXITSTATUS(how) : status;
}
