/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * alert_run.h - the process that runs the commands of alert rules
 *
 * Who asks is the half that parses hostile text. So all that can be asked for is the number of a rule, and some text for the command's standard
 * input; which command that is, and as whom, the other side can't say.
 */
#ifndef SMTPSNOOP_ALERT_RUN_H
#define SMTPSNOOP_ALERT_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "cmd/alert_exec.h"

/* A message of who asks; the text follows, at most LIMIT_ALERT_BYTES. */
struct alert_request {
	uint32_t generation; /* how often the rules have changed since the start */
	uint32_t rule;
};

/* The rules; a message of the privileged half. */
struct alert_table {
	uint32_t generation, count;
	struct alert_command commands[LIMIT_ALERT_RULES];
};

/* Runs what is asked for at `ask` until nobody can ask any more. `rules` are heard at the other one. root: some run as root. */
void alert_run(int ask, int rules, const struct alert_table *table, bool root);

#endif
