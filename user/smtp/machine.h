/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * machine.h - what the session machine remembers between two pieces; nobody else reads it
 *
 * It is part of struct session, so that a session is one allocation and the machine itself needs none.
 */
#ifndef SMTPSNOOP_MACHINE_H
#define SMTPSNOOP_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"

/* A line whose end is still to come. One byte more than is kept, for a CR whose LF is still to come. */
struct session_line {
	uint16_t length;
	bool begun; /* a byte of it was there, even if none is kept */
	bool cut; /* over LIMIT_LINE */
	bool lost; /* its beginning is in a gap */
	bool after_cr; /* the last byte was CR, kept or not */
	char bytes[LIMIT_LINE + 1];
};

/*
 * Commands that wait for a reply, first in, first out; a slot is a command's kind and flags, see pending.h. When
 * the ring is full, the commands that found no room are counted, and so are their replies, until it is in step again.
 */
struct session_pending {
	uint16_t head;
	uint16_t count;
	uint16_t
		unawaited; /* of the oldest: known to be of kinds that a client need not wait for */
	uint32_t unqueued;
	uint8_t slots[LIMIT_PENDING];
};

struct session_tried {
	uint16_t length;
	bool cut;
	char bytes[LIMIT_HELO];
};

struct session_hello {
	uint16_t length;
	uint8_t bytes[LIMIT_HELLO];
};

struct session_machine {
	uint64_t next[2]; /* stream offsets expected, by enum event_direction */
	uint64_t chunk_left; /* octets of a BDAT chunk still to come */
	uint16_t remote_port;
	bool chunk_last; /* the chunk is its message's last */
	bool deaf; /* TLS, or another protocol: nothing is parsed any more */
	bool spoken[2]; /* a byte of dialogue was seen in this direction */
	bool doubt
		[2]; /* bytes of this direction are missing since commands and replies were last in step */
	bool greeted; /* the greeting is over, or it was before we came */
	bool endless; /* a body is over and its lone dot was not seen: commands may be in what was withheld */
	bool blind; /* the same of what came behind AUTH or STARTTLS, or is no known verb after a refusal */
	bool in_reply; /* between the first and the last line of a reply */
	bool helo_accepted;
	bool body_accepted; /* LMTP: one of the body's replies was 2xx */
	uint8_t worst_rank; /* of facts.worst_reply: 0 none, 1 a 4xx, 2 a 5xx, 3 names a blocklist */
	uint8_t tried_count;
	bool hello_open; /* `hello` is in use, not `line` */
	uint32_t
		accepted_now; /* recipients accepted in this transaction, in the order of replies */
	uint32_t body_replies_left; /* LMTP: replies that the body still gets */
	uint16_t domain_length; /* of `domain`, 0 = it is not in facts.domain_bytes */
	struct session_pending pending;
	/* From pending.slots on nothing is set before it is used: lengths and counts say how much of it is. */
	struct session_tried tried[LIMIT_TRIED]; /* HELO names without a reply, oldest first */
	char domain[LIMIT_DOMAIN]; /* the last recipient's, as it is kept in the facts */
	/* TLS has no lines: a ClientHello is put together where they were. */
	union {
		struct session_line line[2]; /* by enum event_direction */
		struct session_hello hello;
	};
};

#endif
