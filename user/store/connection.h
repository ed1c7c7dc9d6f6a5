/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * connection.h - one connection as it is known so far, and the live table of them
 *
 * Frames in, connections out: the table puts the kernel's records together by cookie and generation, runs the session
 * machine, asks the judge, and calls back when there is something to show. Bounded by LIMIT_CONNECTIONS.
 */
#ifndef SMTPSNOOP_CONNECTION_H
#define SMTPSNOOP_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"
#include "enrich/process.h"
#include "enrich/script.h"
#include "judge/alerts.h"
#include "judge/verdict.h"
#include "base/frame.h"
#include "smtp/session.h"

enum connection_reason { /* event.reason */
			 CONNECTION_OPEN = 0,
			 CONNECTION_CLOSED,
			 CONNECTION_RESET,
			 CONNECTION_REFUSED,
			 CONNECTION_TIMEOUT,
			 CONNECTION_UNREACHABLE,
			 CONNECTION_DENIED,
};

#define CONNECTION_SCRIPTS (SCRIPT_OF_ANCESTOR + 1)

struct connection {
	uint64_t cookie;
	uint32_t generation;
	uint16_t flags; /* EVENT_F_* */
	uint8_t found; /* enum found_by */
	enum connection_reason reason;
	int error; /* errno behind the reason, 0 = none known */
	bool established, ended;
	bool via_loopback;
	bool shown_progress;
	struct alerts_seen alerts;
	uint64_t opened, established_at, closed, last_seen; /* CLOCK_BOOTTIME ns, 0 = not (yet) */
	struct event_endpoints ends;
	struct process *opener; /* NULL with EVENT_F_NOBODY: from a capture file */
	struct process *sender; /* the last other sender, NULL = none */
	/* By enum script_origin: the opener's, the last sender's, and of the ancestor that was PHP; NULL = not known */
	struct script *scripts[CONNECTION_SCRIPTS];
	uint32_t senders; /* different processes that wrote, 1 = only one */
	uint64_t bytes_out, bytes_in, sends, sent_bytes;
	uint32_t retransmits;
	uint64_t lost_bytes;
	/* A proxy's target, "host:port" as the client wrote it, not terminated; length 0 = no proxy, or not readable */
	uint16_t target_length;
	char *target;
	struct session *session; /* NULL until something was said */
	struct verdict verdict;
	/* --recipients: addresses, each ended by NUL; else NULL */
	char *recipients;
	size_t recipients_used, recipients_room, recipients_kept;
};

/* "closed", "reset" ...: the words of event.reason. */
const char *connection_reason_name(enum connection_reason reason);

/* What a STATE record tells. */
void connection_take_state(struct connection *connection, const struct event_state *state);

/* Whether an address is the host's was found out for the one in the process's own record. process may be NULL. */
void connection_check_host(struct process *process, const struct event_endpoints *then,
			   const struct event_endpoints *now);

/* Of a request to a proxy, which may come in pieces: the first that can be read counts. 0 or -ENOMEM. */
int connection_take_target(struct connection *connection, const uint8_t *bytes, size_t length);

/* Of --recipients; over LIMIT_RECIPIENTS, or without memory, it is left out. */
void connection_add_recipient(struct connection *connection, const char *address, size_t length);

/* Keeps it, or frees it when a better one is there. */
void connection_take_script(struct connection *connection, struct script *script);

/*
 * The one that an administrator has to look at: the sender's after a hand-over, else the opener's, if it names a file; else that of the
 * PHP process which they come from; else whichever says something. NULL = nothing is known.
 */
const struct script *connection_script(const struct connection *connection);

/* Why it is over, from the last STATE record. */
enum connection_reason connection_reason_of(const struct event_state *state);

/* What the judge has to know, as of `now`. Borrows from the connection. */
struct verdict_case connection_case(const struct connection *connection, uint64_t now);

/* How much was refused so far: it grows with each refusal that is more than the ones before. */
uint64_t connection_refusals(const struct connection *connection);

struct table;

struct table_options {
	struct judge *judge; /* borrowed */
	struct alerts *alerts; /* borrowed; NULL = none */
	bool keep_recipients;
	uint32_t progress_seconds;
	void *context;
	/* Called with a connection that is over; it is freed after. */
	void (*on_end)(void *context, const struct connection *connection);
	/* A connection that lasts longer than progress_seconds: once. */
	void (*on_progress)(void *context, const struct connection *connection);
	/* A rule is met: LIMIT_ALERT_SETTLE_MS after the connection's first record, and later with each new refusal, script or sender. */
	void (*on_alert)(void *context, const struct connection *connection,
			 const struct alert *alert);
	/* --events; NULL = not wanted. `what`: "open", "sender", "established", "client", "server", "closed". */
	void (*on_step)(void *context, const struct connection *connection, uint64_t time,
			const char *what, const char *line, size_t length);
};

struct table *table_new(const struct table_options *options); /* copied; NULL = out of memory */
void table_free(struct table *table); /* NULL is fine; does not call back */

/* One frame: FRAME_WHO or FRAME_EVENT. 0, -EBADMSG (not a record: the other half is not ours), -ENOMEM. */
int table_frame(struct table *table, uint16_t kind, const void *payload, size_t size);

/* Time passes: progress lines. Returns ns until it wants to be called again, or UINT64_MAX. */
uint64_t table_tick(struct table *table, uint64_t now);

/* The trace is over: every live connection is ended with reason `open`. */
void table_end(struct table *table, uint64_t now);

size_t table_live(const struct table *table);
uint64_t
table_over(const struct table *table); /* connections ended early because the table was full */
uint64_t
table_orphans(const struct table
		      *table); /* connections whose OPEN never came: nothing of them is shown */

#endif
