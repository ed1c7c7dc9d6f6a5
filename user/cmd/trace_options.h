/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * trace_options.h - the command line of `smtpsnoop trace`, `smtpsnoop snapshot` and `smtpsnoop collect`
 */
#ifndef SMTPSNOOP_TRACE_OPTIONS_H
#define SMTPSNOOP_TRACE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "enrich/config.h"
#include "source/tracer.h"

enum live_mode { LIVE_TRACE, LIVE_SNAPSHOT, LIVE_COLLECT };

struct trace_options {
	struct tracer_options tracer;
	struct config *config;
	const char *config_path, *ports; /* as given, to read it again; NULL = not given */
	const char *store; /* the directory of collect's store, NULL = nothing is stored */
	const char *evidence; /* the directory or archive for it, NULL = none is kept */
	const char *verify; /* evidence to be compared with its list, and nothing else */
	bool snapshot; /* what is open now, not what ends */
	uint64_t duration; /* seconds, 0 = until stopped; of a snapshot --watch */
	uint64_t count; /* connections shown, 0 = any */
	uint32_t verdicts; /* 1 << enum verdict_class */
	bool json, events, recipients, exit_code;
};

/* Status to exit with, or -1 = go on. Messages are out. Free with trace_options_free(). */
int trace_options_parse(struct trace_options *options, enum live_mode mode, int argc, char **argv);
void trace_options_free(struct trace_options *options);

#endif
