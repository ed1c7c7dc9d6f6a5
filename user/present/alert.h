/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * alert.h - an alert as a line of the log, as JSON, and as the fields of the journal
 *
 * Pure; all that is foreign is escaped here, and every form is bounded.
 */
#ifndef SMTPSNOOP_PRESENT_ALERT_H
#define SMTPSNOOP_PRESENT_ALERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "judge/alerts.h"
#include "present/record.h"
#include "store/connection.h"

/* What identifies an alert to journalctl(1). */
#define ALERT_MESSAGE_ID "a17256665b5f438b8d65d046ff25cc3f"

/* All there is to say. */
struct alert_view {
	const struct alert *alert;
	const struct connection *connection;
	const struct record_origin *origin;
	const struct config *config; /* for the ports that a firewall would have to block */
	uint64_t now; /* CLOCK_BOOTTIME ns */
	int64_t wall_minus_boot;
};

/* As syslog(3) counts: critical for what went round the MTA, else a warning. */
#define ALERT_CRITICAL 2
#define ALERT_WARNING 4
int alert_priority(const struct alert_view *view);

/* One line without its end; an ellipsis where it is cut. Returns its length. */
size_t alert_line(char *out, size_t size, const struct alert_view *view);

/*
 * The record of the connection with event.kind "alert", and rule, alert, message, advice. `out` is a file in memory, which is written from
 * its beginning. `line` is the one above. short: only that, for when the whole has no room.
 */
void alert_json(struct json *json, FILE *out, const struct alert_view *view, const char *line,
		bool only_line);

/* The datagram of systemd's native protocol. Returns its length; a field that has no room is left out. */
size_t alert_journal(char *out, size_t size, const struct alert_view *view, const char *line);

/* Of syslog's: "<82>Nov 28 15:04:05 smtpsnoop[123]: " and the line, RFC 3164. Returns its length. */
size_t alert_syslog(char *out, size_t size, const struct alert_view *view, uint32_t pid,
		    const char *line);

#endif
