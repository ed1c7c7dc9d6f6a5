/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * assembly.h - the two byte streams of one TCP connection, in the order in which they were said
 *
 * RFC 9293. Within a direction bytes come in the order of their numbers, each once; where copies differ the first stays. Between
 * the directions a segment comes after all that it acknowledges, so that a reply never overtakes its command however the capture
 * has mixed them. What never comes is given up, and told as missing, when the other side has it (or is not captured), and
 * LIMIT_PATIENCE further packets did not bring it; or when LIMIT_EARLY would be passed; or at the end.
 *
 * Pure but for memory; out of memory makes a gap, never an error.
 */
#ifndef SMTPSNOOP_ASSEMBLY_H
#define SMTPSNOOP_ASSEMBLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"
#include "capture/packet.h"

/* Bytes that came too early, of all connections together. */
struct assembly_budget {
	size_t used, most;
};

struct assembly_output {
	void (*bytes)(void *context, enum event_direction from, const uint8_t *bytes,
		      uint32_t length);
	void (*missing)(void *context, enum event_direction from, uint32_t length);
};

struct assembly_piece;

struct assembly_side {
	bool known; /* any packet of this direction was seen: `next` is set */
	bool ended; /* FIN seen, at `fin` */
	uint32_t next; /* number expected */
	uint32_t most; /* behind the last byte that was sent, or acknowledged by the other side */
	uint32_t fin;
	uint32_t acknowledged; /* by the other side; valid with `answered` */
	bool answered;
	struct assembly_piece *early; /* sorted, without overlaps */
};

struct assembly {
	const struct assembly_output *output;
	void *context;
	struct assembly_budget *budget;
	uint64_t packets;
	size_t held; /* bytes that came too early */
	struct assembly_side side[2]; /* by enum event_direction */
};

void assembly_init(struct assembly *assembly, const struct assembly_output *output, void *context,
		   struct assembly_budget *budget);

/* SYN, FIN and payload of one packet. Returns true when all its payload had been seen before. */
bool assembly_packet(struct assembly *assembly, enum event_direction from,
		     const struct packet_tcp *tcp);

/* Nothing more will come: what waits is told, with its gaps. Frees what is held. */
void assembly_end(struct assembly *assembly);

/* Both sides have ended, and each has what the other said. */
bool assembly_closed(const struct assembly *assembly);

#endif
