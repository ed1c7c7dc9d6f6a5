/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * config_alert.h - the values of an [alert] section, and the rule that holds without any
 */
#ifndef SMTPSNOOP_CONFIG_ALERT_H
#define SMTPSNOOP_CONFIG_ALERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enrich/config.h"

#define CONFIG_ALERT_WORD 32 /* the longest reason has 17 letters */
#define CONFIG_ALERT_WORDS 16 /* of a command */

/* Lists of words to bits. False: `word` is none of them, or "" where the list itself is none. */
bool config_alert_verdicts(const char *list, uint32_t *bits, char word[CONFIG_ALERT_WORD]);
bool config_alert_reasons(const char *list, uint64_t *bits, char word[CONFIG_ALERT_WORD]);

/* What is wrong with the words of a command, as the end of "command ... "; NULL = nothing is. Pure. */
const char *config_alert_command(const char *command);

/*
 * Looks at the files and users of all rules: fills `program` and `gid`. False, with one sentence in `error`: somebody else than root could
 * change what is run, or it can't be run.
 */
bool config_alert_check(struct config *config, const char *name, char *error, size_t error_size);

/* The same for one path: what is wrong with it, in `why`. `program` (PATH_MAX bytes) gets it without symbolic links. */
bool config_alert_program(const char *path, char *program, char *why, size_t size);

/* "default", without a command: what went round the MTA. -ENOMEM. */
int config_alert_default(struct config *config);

#endif
