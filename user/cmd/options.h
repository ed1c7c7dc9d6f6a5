/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * options.h - what the subcommands' command lines have in common
 *
 * Every mistake is one sentence and exit status 2.
 */
#ifndef SMTPSNOOP_OPTIONS_H
#define SMTPSNOOP_OPTIONS_H

#include <getopt.h>
#include <stdint.h>

#include "enrich/config.h"

#define OPTION_CONFIG_PATH "/etc/smtpsnoop.conf"

/* Says what was given and what is needed. Returns EXIT_CANNOT. */
int option_wrong(const char *option, const char *value, const char *need);

/*
 * What getopt_long() made '?' or ':' of, said in our words; set opterr = 0 and let the short options begin with ":". `command` is
 * whose --help is pointed to. Returns EXIT_CANNOT.
 */
int option_refused(int got, char **argv, const struct option *known, const char *command);

/* After --help and the like: EXIT_DONE, or EXIT_FAILED and a message where standard output took less than all. */
int option_flushed(void);

/* -1 = *out is set, else the status to exit with. */
int option_number(const char *option, const char *value, uint64_t low, uint64_t high,
		  uint64_t *out);
int option_uid(const char *value, uint32_t *uid); /* a name or a number */
int option_verdicts(const char *value, uint32_t *verdicts); /* 1 << enum verdict_class */

/* path NULL: the usual one, which may be missing. ports NULL: none are added. NULL = a message is out. */
struct config *option_config(const char *path, const char *ports);

/* For who runs the commands of alerts: they are there, and only root can change them. False: a message is out. */
bool option_alerts(struct config *config, const char *path);

#endif
