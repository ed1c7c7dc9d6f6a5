/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pending.h - the queue of commands that wait for a reply
 */
#ifndef SMTPSNOOP_PENDING_H
#define SMTPSNOOP_PENDING_H

#include <stdbool.h>
#include <stddef.h>
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

/* n < count; 0 = the oldest */
static inline uint8_t *pending_at(struct session_pending *pending, unsigned int n)
{
	return &pending->slots[(pending->head + n) % LIMIT_PENDING];
}

static inline enum slot_kind pending_kind(const struct session_pending *pending, unsigned int n)
{
	return (enum slot_kind)(pending->slots[(pending->head + n) % LIMIT_PENDING] & SLOT_KIND);
}

static inline void pending_push(struct session_pending *pending, enum slot_kind kind)
{
	/* Behind commands that found no room there is no place either, or replies would be given to the wrong ones. */
	if (pending->unqueued || pending->count == LIMIT_PENDING) {
		if (pending->unqueued < UINT32_MAX)
			pending->unqueued++;
		return;
	}
	pending->count++;
	*pending_at(pending, pending->count - 1u) = (uint8_t)kind;
}

/* the n oldest, if there are so many */
static inline void pending_drop(struct session_pending *pending, unsigned int n)
{
	if (n > pending->count)
		n = pending->count;
	pending->head = (uint16_t)((pending->head + n) % LIMIT_PENDING);
	pending->count = (uint16_t)(pending->count - n);
	pending->unawaited = (uint16_t)(pending->unawaited > n ? pending->unawaited - n : 0);
}

int pending_find(const struct session_pending *pending,
		 enum slot_kind kind); /* oldest, or PENDING_NONE */
int pending_find_last(const struct session_pending *pending, enum slot_kind kind);
void pending_truncate(struct session_pending *pending, unsigned int n); /* all but the n oldest */

/* 334 to AUTH: the command behind it was no command but the answer, and AUTH goes on waiting in its place. */
void pending_challenge(struct session_pending *pending);

/*
 * Which command a reply with this code (and text, as the line was said) answers: its place, or PENDING_NONE. Without
 * doubt that is the oldest, unless the code can only be another's: 354 is DATA's, 334 and 235 are AUTH's, 221 is QUIT's. In
 * doubt (bytes are missing) a reply that the oldest cannot get answers a command that was not seen.
 */
int pending_search(const struct session_pending *pending, unsigned int code, const char *line,
		   size_t length, bool doubt);

static inline int pending_match(const struct session_pending *pending, unsigned int code,
				const char *line, size_t length, bool doubt)
{
	/* 250 belongs to nobody alone: what most replies are needs no search. */
	if (!doubt && pending->count && code == 250) {
		switch (pending_kind(pending, 0)) {
		case SLOT_MAIL:
		case SLOT_RCPT:
			return 0;
		default:
			break;
		}
	}
	return pending_search(pending, code, line, length, doubt);
}

/*
 * In doubt about the server's side: RFC 2920 3.1 has a client wait after EHLO, DATA, QUIT, AUTH and the like, so a
 * new command says that everything up to the last of these has been answered. Returns how many that are.
 */
unsigned int pending_answered_unseen(struct session_pending *pending);

#endif
