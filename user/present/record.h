/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * record.h - the one description of all fields of the JSON record
 *
 * Names follow the Elastic Common Schema where it has one. Fields are added, never renamed; the version is RECORD_VERSION.
 */
#ifndef SMTPSNOOP_RECORD_H
#define SMTPSNOOP_RECORD_H

#include "base/frame.h"
#include "present/json.h"
#include "store/connection.h"

#define RECORD_VERSION 1

/* What every record of one trace shares. */
struct record_origin {
	char boot_id[33]; /* hex */
	char host[65]; /* "" = not known */
	bool recipients; /* their names may be shown */
};

void record_origin_set(struct record_origin *origin, const struct frame_start *start);

enum record_outcome { RECORD_UNKNOWN = 0, RECORD_SUCCESS, RECORD_FAILURE };

/* success: a message was accepted; failure: tried, and nothing was accepted; unknown: no more can be said. */
enum record_outcome record_outcome(const struct connection *connection);

/* The members that come first in every record, up to and with event.action; event stays open. */
void record_begin(struct json *json, const struct record_origin *origin, const char *action,
		  int64_t unix_ns);

/* source and destination; the bytes of each, if they were counted. */
void record_endpoints(struct json *json, const struct event_endpoints *ends, bool counted,
		      uint64_t out, uint64_t in);

/* "connection" or "progress": closes event and writes the rest. time: CLOCK_BOOTTIME ns of the record. */
void record_connection(struct json *json, const struct record_origin *origin,
		       const struct connection *connection, const char *action, uint64_t time,
		       int64_t wall_minus_boot);

/* CLOCK_BOOTTIME ns of a connection's record: when it was over, or last heard of. */
uint64_t record_time(const struct connection *connection);

/*
 * The same in two parts, for who keeps many: what is the same for all connections of an opener ("process", "user", "group", "cgroup",
 * "service", "container", "orchestrator"), and all other members.
 */
void record_of_opener(struct json *json, const struct process *opener, int64_t wall_minus_boot);
void record_but_opener(struct json *json, const struct record_origin *origin,
		       const struct connection *connection, int64_t wall_minus_boot);

void record_step(struct json *json, const struct record_origin *origin,
		 const struct connection *connection, uint64_t time, const char *what,
		 const char *line, size_t length, int64_t wall_minus_boot);

void record_start(struct json *json, const struct record_origin *origin,
		  const struct frame_start *start, int64_t unix_ns);
void record_loss(struct json *json, const struct record_origin *origin,
		 const struct event_counters *counters, int64_t unix_ns);

/* What the trace came to. */
struct record_totals {
	const struct frame_end *end; /* NULL = the privileged half died */
	const struct frame_loss_row *rows;
	size_t row_count;
	uint64_t over, orphans;
	uint64_t verdicts[VERDICT_CLASSES]; /* connections, hidden ones too */
};
void record_end(struct json *json, const struct record_origin *origin,
		const struct record_totals *totals, int64_t unix_ns);

#endif
