/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * show.h - the unprivileged half of a live mode: reads the channel, parses, judges, shows
 */
#ifndef SMTPSNOOP_SHOW_H
#define SMTPSNOOP_SHOW_H

#include "cmd/trace_options.h"
#include "pass/rights.h"

/*
 * Gives up all rights, then shows what comes from `channel` until the other half ends. Closing `enough`, a pipe that carries no
 * bytes, is the only thing the other half hears from here: --count is reached, or we are gone. `records`: a file for NDJSON of everything, -1 = there is none. Returns an enum exit_status for the
 * process to end with; messages are out.
 */
int show_run(int channel, int enough, int records, const struct rights_user *user,
	     const struct trace_options *options);

#endif
