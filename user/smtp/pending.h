/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pending.h - the queue of commands that wait for a reply
 */
#ifndef SMTPSNOOP_PENDING_H
#define SMTPSNOOP_PENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "smtp/machine.h"

/* The low bits of a slot. */
enum slot_kind {
	SLOT_OTHER = 0, /* NOOP, VRFY, what nobody knows, a BDAT that is none */
	SLOT_LOST, /* a line whose beginning is in a gap */
	SLOT_HELO, /* EHLO, HELO, LHLO */
	SLOT_MAIL,
	SLOT_RCPT,
	SLOT_DATA, /* waits for 354 */
	SLOT_BODY, /* 354 was said: waits for the reply to the body */
	SLOT_BDAT,
	SLOT_BDAT_LAST,
	SLOT_RSET,
	SLOT_STARTTLS,
	SLOT_AUTH, /* stays through every 334 */
	SLOT_QUIT,
};

#define SLOT_KIND 0x1f
#define SLOT_WHOLE 0x40 /* DATA: the body and its lone dot were seen before the 354 */
#define SLOT_COUNTED 0x80 /* BODY, BDAT_LAST: already in `messages` */

#define PENDING_NONE (-1)

void pending_push(struct session_pending *pending, enum slot_kind kind);
uint8_t *pending_at(struct session_pending *pending,
		    unsigned int n); /* n < count; 0 = the oldest */
enum slot_kind pending_kind(const struct session_pending *pending, unsigned int n); /* n < count */
int pending_find(const struct session_pending *pending,
		 enum slot_kind kind); /* oldest, or PENDING_NONE */
int pending_find_last(const struct session_pending *pending, enum slot_kind kind);
void pending_drop(struct session_pending *pending, unsigned int n); /* the n oldest */
void pending_truncate(struct session_pending *pending, unsigned int n); /* all but the n oldest */

/*
 * Which command a reply with this code (and text, as the line was said) answers: its place, or PENDING_NONE. Without
 * doubt that is the oldest, unless the code can only be another's: 354 is DATA's, 334 and 235 are AUTH's, 221 is QUIT's. In
 * doubt (bytes are missing) a reply that the oldest cannot get answers a command that was not seen.
 */
int pending_match(const struct session_pending *pending, unsigned int code, const char *line,
		  size_t length, bool doubt);

/*
 * In doubt about the server's side: RFC 2920 3.1 has a client wait after EHLO, DATA, QUIT, AUTH and the like, so a
 * new command says that everything up to the last of these has been answered. Returns how many that are.
 */
unsigned int pending_answered_unseen(const struct session_pending *pending);

#endif
