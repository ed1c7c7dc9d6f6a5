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
#include "enrich/config.h"
#include "enrich/process.h"
#include "enrich/script.h"
#include "smtp/session.h"

enum verdict_class {
	VERDICT_UNKNOWN = 0,
	VERDICT_MTA,
	VERDICT_LOCAL,
	VERDICT_RELAY,
	VERDICT_BYPASS,
	VERDICT_IMPOSTOR,
	VERDICT_CLASSES
};

/* Bits of verdict.reasons, in the order in which they are printed. New ones go to the end. */
enum verdict_reason {
	REASON_DIRECT_MX = 0, /* a host outside, port 25, no relay of ours */
	REASON_ODD_PORT, /* SMTP on a port that is not listed */
	REASON_MTA_IN_CONTAINER,
	REASON_EXE_DELETED,
	REASON_EXE_MEMFD,
	REASON_EXE_IN_TMP, /* executable under /tmp, /var/tmp, /dev/shm, /run/user, or a home's hidden directory */
	REASON_SCRIPT_IN_UPLOADS,
	REASON_NAME_MISMATCH, /* comm or argv[0] wear another name than the executable's */
	REASON_HELO_LITERAL, /* an address literal or a bare address */
	REASON_HELO_LOCALHOST,
	REASON_HELO_CHANGES, /* the actor used several HELO names */
	REASON_FAN_OUT, /* many different destinations in the window */
	REASON_BURST, /* many connections in the window */
	REASON_MANY_RECIPIENTS,
	REASON_REFUSED, /* the other side refused: greeting, sender, recipients or message */
	REASON_BLOCKLISTED,
	REASON_EARLY_TALKER,
	REASON_NO_QUIT,
	REASON_HANDED_OVER,
	REASON_EXISTING,
	REASON_PROXY,
	REASON_ATTEMPT_ONLY, /* never established, or nothing was said */
	REASON_FAKE_KTHREAD, /* wears [brackets], but is no kernel thread */
	REASON_MTA_USER, /* runs as an MTA's user from another executable */
	REASON_ROOT, /* runs as root from an executable that is no MTA */
	REASON_EVIDENCE_MISSING, /* verdict unknown: the identity could not be read */
	REASON_MTA_WRITABLE, /* the MTA's executable may be written by others than root: not trusted */
	REASON_ALLOWED, /* relay: an allow rule matched */
	REASON_UNFOLLOWED, /* the kernel had no memory to follow the connection */
	REASON_URGENT, /* bytes of the dialogue were sent as TCP urgent data */
	REASON_SCRIPT_RECENT, /* the script's file changed within a week */
	REASON_SCRIPT_HIDDEN, /* it has a name that hides it */
	REASON_ENTRY_NOT_SCRIPT, /* another file than the one asked for sent */
	REASON_COUNT
};

struct verdict {
	enum verdict_class class;
	uint64_t reasons; /* 1 << enum verdict_reason */
};

const char *verdict_name(enum verdict_class class); /* "bypass" */
const char *verdict_reason_name(enum verdict_reason reason); /* "direct-mx" */
int verdict_by_name(const char *name); /* class, or -1 */

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
