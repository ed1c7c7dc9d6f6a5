/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * alert_exec.h - becomes the command of an alert rule
 */
#ifndef SMTPSNOOP_ALERT_EXEC_H
#define SMTPSNOOP_ALERT_EXEC_H

#include <limits.h>
#include <stdint.h>

#include "enrich/config.h"

/* What is needed of a rule to run its command; texts are terminated. */
struct alert_command {
	uint32_t uid, gid;
	uint32_t timeout; /* seconds */
	char rule[40];
	char words[CONFIG_COMMAND_MAX]; /* parted by blanks; the first is argv[0] */
	char program[PATH_MAX]; /* what is executed; "" = the rule has no command */
};

void alert_command_of(struct alert_command *command, const struct config_alert *rule);

/* In a child of its own: becomes the rule's user, and the command. What goes wrong is written to `output`; does not return. */
_Noreturn void alert_exec(const struct alert_command *command, int input, int output);

#endif
