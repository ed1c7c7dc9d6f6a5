/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * summary.h - what a trace came to, by who
 *
 * Bounded: LIMIT_SUMMARY_ROWS groups, over that "others"; LIMIT_SUMMARY_HOSTS destinations each.
 */
#ifndef SMTPSNOOP_SUMMARY_H
#define SMTPSNOOP_SUMMARY_H

#include "present/text.h"

struct summary;

/* recipients: their names may be shown. NULL = out of memory. */
struct summary *summary_new(bool recipients);
void summary_free(struct summary *summary);

/* A connection that is over: in the sums of its class alone, for who prints no summary. */
void summary_count(struct summary *summary, const struct connection *connection);

/* The same, and in its group; out of memory adds it to "others". socket: of a snapshot, else NULL. */
void summary_add(struct summary *summary, const struct connection *connection,
		 const struct socket_seen *socket);

/* Connections of a class so far. */
uint64_t summary_connections(const struct summary *summary, enum verdict_class class);

/* Worst first. `seconds`: how long the trace was. */
void summary_print(struct summary *summary, const struct text *text, uint64_t seconds,
		   int64_t wall_minus_boot);

#endif
