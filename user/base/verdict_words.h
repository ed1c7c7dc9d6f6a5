/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * verdict_words.h - the classes and reasons of a verdict, and the stable words for them
 *
 * Here, and not with the judge, as the configuration speaks of them too.
 */
#ifndef SMTPSNOOP_VERDICT_WORDS_H
#define SMTPSNOOP_VERDICT_WORDS_H

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

const char *verdict_name(enum verdict_class class); /* "bypass" */
const char *verdict_reason_name(enum verdict_reason reason); /* "direct-mx" */
int verdict_by_name(const char *name); /* class, or -1 */
int verdict_reason_by_name(const char *name); /* reason, or -1 */

#endif
