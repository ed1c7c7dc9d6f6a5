/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * alert_out.h - where alerts go: the journal, or syslog, or standard error; and to the commands of rules
 */
#ifndef SMTPSNOOP_ALERT_OUT_H
#define SMTPSNOOP_ALERT_OUT_H

#include "cmd/alert_runner.h"
#include "judge/alerts.h"
#include "present/record.h"
#include "store/connection.h"

/* What has to be opened before rights are given up; -1 = there is none. */
struct alert_ends {
	int journal; /* the native protocol */
	int syslog;
	int ask; /* of the runner */
};

/* The journal if there is one, else syslog. */
void alert_ends_open(struct alert_ends *ends);
void alert_ends_close(struct alert_ends *ends);

struct alert_out;

/* The configuration and the origin are borrowed, ends copied. NULL = out of memory. */
struct alert_out *alert_out_new(const struct config *config, const struct alert_ends *ends,
				const struct record_origin *origin);
void alert_out_free(struct alert_out *out); /* NULL is fine */

/* For the table. */
struct alerts *alert_out_rules(struct alert_out *out);

/* Other rules from now on. */
void alert_out_configure(struct alert_out *out, const struct config *config);

/* Tells it wherever it goes. Never waits: what can't be taken now is said. now: CLOCK_BOOTTIME ns. */
void alert_out_tell(struct alert_out *out, const struct connection *connection,
		    const struct alert *alert, uint64_t now, int64_t wall_minus_boot);

#endif
