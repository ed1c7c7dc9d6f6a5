/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * verdict.h - did the host's own MTA do it, or did something go round it?
 *
 * Pure: facts, rules and the time go in. A name never grants trust: only device and inode (enrichment's flags), uid, and the
 * rules of the configuration do.
 */
#ifndef SMTPSNOOP_VERDICT_H
#define SMTPSNOOP_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "event.h"
#include "base/verdict_words.h"
#include "enrich/config.h"
#include "enrich/process.h"
#include "enrich/script.h"
#include "smtp/session.h"

struct verdict {
	enum verdict_class class;
	uint64_t reasons; /* 1 << enum verdict_reason */
};

/* Everything that is known of a connection at some moment; pointers may be NULL when there is nothing yet. */
struct verdict_case {
	const struct process *opener;
	const struct process *sender; /* the last other sender; NULL = the opener writes */
	const struct script *script; /* of the connection; NULL = none is known */
	const struct script *opener_script,
		*sender_script; /* what is known of these alone; NULL = nothing */
	const struct session_facts *session;
	const struct event_endpoints *ends;
	uint16_t flags; /* EVENT_F_* of the OPEN record */
	uint8_t found; /* enum found_by */
	bool via_loopback; /* STATE_VIA_LOOPBACK */
	bool established;
	bool ended; /* nothing more will come, as the trace is over or the connection is */
	bool closed;
	uint64_t opened, now; /* CLOCK_BOOTTIME ns */
};

struct judge; /* rules and per-actor windows */

/* The configuration is borrowed and must outlive the judge. NULL = out of memory. */
struct judge *judge_new(const struct config *config);
void judge_free(struct judge *judge);

/* Other rules and thresholds from now on; what actors did lately is remembered. Borrowed as above. */
void judge_configure(struct judge *judge, const struct config *config);

/* Counts a new connection in its actor's window. Once a connection, when its OPEN record comes. */
void judge_opened(struct judge *judge, const struct verdict_case *facts);

/* The verdict as of now; may be asked again as more becomes known. Remembers HELO names for helo-changes. */
struct verdict judge_verdict(struct judge *judge, const struct verdict_case *facts);

#endif
