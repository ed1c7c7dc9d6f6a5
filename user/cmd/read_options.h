/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * read_options.h - the command line of `smtpsnoop read`
 */
#ifndef SMTPSNOOP_READ_OPTIONS_H
#define SMTPSNOOP_READ_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "enrich/config.h"

struct read_options {
	struct config *config;
	char **files; /* in argv */
	unsigned int file_count;
	char *filter; /* NULL = none */
	uint64_t count; /* connections shown, 0 = any */
	uint32_t verdicts; /* 1 << enum verdict_class */
	bool json, events, recipients, exit_code, follow;
};

/* Status to exit with, or -1 = go on. Messages are out. Free with read_options_free(). */
int read_options_parse(struct read_options *options, int argc, char **argv);
void read_options_free(struct read_options *options);

#endif
