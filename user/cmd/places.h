/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * places.h - what the unprivileged half of collect writes to: opened with the rights that it gives up
 */
#ifndef SMTPSNOOP_PLACES_H
#define SMTPSNOOP_PLACES_H

#include "cmd/alert_out.h"
#include "cmd/alert_runner.h"
#include "cmd/metrics_socket.h"
#include "cmd/trace_options.h"
#include "pass/rights.h"

struct places {
	int directory; /* the store's, locked as long as it is open; -1 = none */
	struct metrics_socket metrics;
	struct alert_runner runner; /* a process of its own, which runs commands */
	struct alert_ends alerts;
};

/* Opens them, where there is a store; without one all are none. False: the message is out. */
bool places_open(struct places *places, const struct trace_options *options,
		 const struct rights_user *user);

/* The other half has been forked, and has them: what only it needs is closed here. */
void places_handed_over(struct places *places);

/* When the other half is over, or never came. */
void places_close(struct places *places);

#endif
