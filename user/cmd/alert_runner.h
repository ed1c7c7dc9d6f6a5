/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * alert_runner.h - the process that runs the commands of alert rules, as both halves see it
 */
#ifndef SMTPSNOOP_ALERT_RUNNER_H
#define SMTPSNOOP_ALERT_RUNNER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "enrich/config.h"

struct alert_runner {
	pid_t pid; /* 0 = there is none */
	int ask; /* for the half that parses; -1 = there is none */
	int rules; /* for the privileged half */
	uint32_t generation;
	bool root; /* it may run commands as root */
};

/* Starts it, if a rule has a command. Before all that only the two halves may hold. False: the message is out. */
bool alert_runner_start(struct alert_runner *runner, const struct config *config);

/*
 * Other rules from now on: before the other half hears of them. 0; -EPERM: commands that it can't run, as it has no rights for them, are left
 * out; -errno: it is gone.
 */
int alert_runner_configure(struct alert_runner *runner, const struct config *config);

/* After the half that asks has ended: what runs has LIMIT_ALERT_END_MS left. */
void alert_runner_end(struct alert_runner *runner);

#endif
