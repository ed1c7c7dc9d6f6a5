/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * options.h - what the subcommands' command lines have in common
 *
 * Every mistake is one sentence and exit status 2.
 */
#ifndef SMTPSNOOP_OPTIONS_H
#define SMTPSNOOP_OPTIONS_H

#include <stdint.h>

#include "enrich/config.h"

#define OPTION_CONFIG_PATH "/etc/smtpsnoop.conf"

/* Says what was given and what is needed. Returns EXIT_CANNOT. */
int option_wrong(const char *option, const char *value, const char *need);

/* -1 = *out is set, else the status to exit with. */
int option_number(const char *option, const char *value, uint64_t low, uint64_t high,
		  uint64_t *out);
int option_verdicts(const char *value, uint32_t *verdicts); /* 1 << enum verdict_class */

/* path NULL: the usual one, which may be missing. ports NULL: none are added. NULL = a message is out. */
struct config *option_config(const char *path, const char *ports);

#endif
