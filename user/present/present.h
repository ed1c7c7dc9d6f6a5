/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * present.h - how connections are shown: aligned text, NDJSON, the summary
 *
 * Pure: time, FILE and width are arguments; every text of foreign origin is escaped here and nowhere else. Write errors stay
 * in the FILE (ferror); the caller looks. Nothing is flushed here: the caller does it, once a batch.
 */
#ifndef SMTPSNOOP_PRESENT_H
#define SMTPSNOOP_PRESENT_H

#include <stdbool.h>
#include <stdio.h>

#include "base/frame.h"
#include "store/connection.h"
#include "store/processes.h"
#include "store/search.h"
#include "store/sockets.h"

struct present_options {
	FILE *out;
	bool json;
	bool colour;
	bool recipients;
	bool evidence; /* of a snapshot: it is kept */
	bool selected; /* by --cgroup, --uid or --pid: that is said */
	bool values; /* of the environment, where they are known */
	bool snapshot; /* what is open now: the summary comes first, and rows have their socket's state */
	unsigned int width; /* columns; 80 at least is assumed */
	uint32_t
		verdicts; /* 1 << enum verdict_class: which are shown as lines (the summary counts all) */
};

struct present; /* options, the start frame, the summary so far */

struct present *
present_new(const struct present_options *options); /* copied; NULL = out of memory */
void present_free(struct present *present);
void present_width(struct present *present, unsigned int width); /* the terminal changed */

/* wall_minus_boot turns the connection's times into Unix time. */
void present_start(struct present *present, const struct frame_start *start, uint64_t now,
		   int64_t wall_minus_boot);
void present_connection(struct present *present, const struct connection *connection,
			int64_t wall_minus_boot);
/* Of a snapshot. socket: how it stands with TCP; NULL = that was not to be seen. */
void present_existing(struct present *present, const struct connection *connection,
		      struct socket_seen *socket, int64_t wall_minus_boot);
/* A socket of a snapshot of which nothing else is known: nobody holds it any more. */
void present_socket(struct present *present, struct socket_seen *socket, uint64_t now,
		    int64_t wall_minus_boot);
/* Before the end of a snapshot, and after its connections: processes as they are now, borrowed until then. */
void present_processes(struct present *present, struct processes *processes, uint64_t now,
		       int64_t wall_minus_boot);
/* Before the end of a snapshot; what it points to is borrowed until then. */
void present_looked(struct present *present, const struct snapshot_search *search);
void present_progress(struct present *present, const struct connection *connection, uint64_t now,
		      int64_t wall_minus_boot);
void present_step(struct present *present, const struct connection *connection, uint64_t time,
		  const char *what, const char *line, size_t length, int64_t wall_minus_boot);
/* Printed at once when a loss grows (rate-limited by the caller). */
void present_loss(struct present *present, const struct event_counters *counters, uint64_t now,
		  int64_t wall_minus_boot);
/* The summary, and the identity of the counts. end may be NULL: the privileged half died; then that is said. */
void present_end(struct present *present, const struct frame_end *end,
		 const struct frame_loss_row *rows, size_t row_count, uint64_t over,
		 uint64_t orphans, uint64_t now, int64_t wall_minus_boot);

/*
 * Equal rows are counted and not printed. true = some wait to be told; present_quiet() tells them, for when nothing more comes.
 */
bool present_waits(const struct present *present);
void present_quiet(struct present *present);

/* Was a bypass or an impostor among them (--exit-code)? */
bool present_saw_bypass(const struct present *present);

#endif
