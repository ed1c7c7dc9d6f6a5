/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * keep.h - the unprivileged half of collect: writes the store
 */
#ifndef SMTPSNOOP_KEEP_H
#define SMTPSNOOP_KEEP_H

#include "cmd/trace_options.h"
#include "pass/rights.h"

/*
 * Gives up all rights but those on the store's directory, an open descriptor that is taken over; then keeps what comes from `channel` until
 * the other half ends. Returns an enum exit_status for the process to end with; messages are out. `enough` stays open until then, and
 * so tells the other half of our end.
 */
int keep_run(int channel, int enough, int directory, const struct rights_user *user,
	     const struct trace_options *options);

#endif
