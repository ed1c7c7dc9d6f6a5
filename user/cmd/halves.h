/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * halves.h - the other half as the privileged one sees it: what signals ask of both, and how they end
 */
#ifndef SMTPSNOOP_HALVES_H
#define SMTPSNOOP_HALVES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct halves {
	pid_t child;
	int signals; /* signalfd */
	bool service; /* SIGHUP asks for the configuration, and not for the end */
	bool reload; /* it was asked for */
	uint64_t asked_at; /* CLOCK_BOOTTIME ns, when one asked first */
	bool asked; /* a signal asked for the end */
	bool given_up; /* another one did: nothing is written any more */
	bool not_killed; /* nor may the other half be killed */
};

/* Signals are held back and read from `signals` from now on. 0 or -errno. */
int halves_init(struct halves *halves, pid_t child, bool service);

/* Reads the signals that came. Their second wish to end kills the other half. */
void halves_hear(struct halves *halves);

/* Waits for the other half's end. Its status is ours, unless ours is worse. */
int halves_end(struct halves *halves, int status);

#endif
