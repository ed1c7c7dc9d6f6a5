/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * alert_run.h - runs the commands of alert rules, in a process of its own
 *
 * Who is asked to run a command by the half that parses hostile text. So all that can be asked for is the number of a rule, and some text for
 * the command's standard input; which command that is, and as whom, the other side can't say.
 */
#ifndef SMTPSNOOP_ALERT_RUN_H
#define SMTPSNOOP_ALERT_RUN_H

#include <stdint.h>
#include <sys/types.h>

#include "enrich/config.h"

/* A message of `ask`; the text follows, at most LIMIT_ALERT_BYTES. */
struct alert_request {
	uint32_t generation; /* how often the rules have changed since the start */
	uint32_t rule;
};

struct alert_runner {
	pid_t pid; /* 0 = there is none */
	int ask; /* for the half that parses; -1 = there is none */
	int rules; /* for the privileged half */
	uint32_t generation;
};

/* Starts it, if a rule has a command. Before all that only the two halves may hold. 0 or -errno. */
int alert_runner_start(struct alert_runner *runner, const struct config *config);

/* Other rules from now on: before the other half hears of them. 0 or -errno: the old ones stay, and their generation is over. */
int alert_runner_configure(struct alert_runner *runner, const struct config *config);

/* After the half that asks has ended: what runs has LIMIT_ALERT_END_MS left. */
void alert_runner_end(struct alert_runner *runner);

#endif
