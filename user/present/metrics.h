/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * metrics.h - what the collector counts, as Prometheus reads it
 *
 * Text exposition format 0.0.4, names by Prometheus' conventions: base units, `_total` for what only grows. What each means is in the
 * METRICS section of smtpsnoop-collect(8). Pure: no sockets and no clock.
 */
#ifndef SMTPSNOOP_METRICS_H
#define SMTPSNOOP_METRICS_H

#include <stdint.h>
#include <stdio.h>

#include "base/frame.h"
#include "store/connection.h"
#include "store/store.h"

struct metrics;

struct metrics *metrics_new(void); /* NULL = out of memory */
void metrics_free(struct metrics *metrics); /* NULL is fine */

/* `now` is Unix ns, boot is CLOCK_BOOTTIME ns. */
void metrics_start(struct metrics *metrics, const struct frame_start *start, int64_t now,
		   uint64_t boot);
void metrics_connection(struct metrics *metrics, const struct connection *connection);
void metrics_status(struct metrics *metrics, const struct frame_status *status, uint64_t boot);

/* What others know at the moment of asking. */
struct metrics_now {
	int64_t now; /* Unix ns */
	uint64_t boot; /* CLOCK_BOOTTIME ns */
	const struct table *table;
	const struct store_state *store; /* NULL = nothing is stored */
};

/* Errors stay in the FILE. */
void metrics_write(const struct metrics *metrics, const struct metrics_now *now, FILE *out);

/* Why the collector does not do its work, without a line end. False: it does. */
bool metrics_unhealthy(const struct metrics *metrics, const struct metrics_now *now, char *why,
		       size_t size);

#endif
