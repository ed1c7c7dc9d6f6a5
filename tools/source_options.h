/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * source_options.h - what source is told to do
 */
#ifndef SMTPSNOOP_TOOLS_SOURCE_OPTIONS_H
#define SMTPSNOOP_TOOLS_SOURCE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "net.h"
#include "source_session.h"

#define SOURCE_ADDRESSES 4096
#define SOURCE_THREADS 64

struct source_options {
	struct source_plan plan;
	struct net_address to[SOURCE_ADDRESSES], bind[SOURCE_ADDRESSES];
	unsigned int to_count, bind_count;
	uint64_t connections, duration, rate, concurrency, threads, hold, timeout, body_bytes;
	const char *marker, *name;
	bool single, reset, reuse;
};

/*
 * Reads the command line over the defaults. Ends the program when it makes no sense, and after --help. With --name, the
 * program executes itself once more under that name.
 */
void source_options_read(struct source_options *options, int argc, char **argv);

#endif
