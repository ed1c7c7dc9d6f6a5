/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * flows.h - the TCP connections of a capture, told as the kernel tells them
 *
 * Packets in, frames out: FRAME_WHO for an opener that nobody knows (EVENT_F_NOBODY), and FRAME_EVENT with states and pieces of
 * dialogue, so that what follows is the live tracer's own. Times are Unix time in ns. The client is who sent the SYN; where it was
 * not captured, who speaks to a listed port, greets like one, or has the higher port.
 *
 * At most LIMIT_FLOWS are followed; the one heard of longest ago is forgotten for a new one.
 */
#ifndef SMTPSNOOP_FLOWS_H
#define SMTPSNOOP_FLOWS_H

#include <stddef.h>
#include <stdint.h>

#include "base/frame.h"
#include "capture/tap.h"

struct flows;

/* Takes a frame; the result is kept and ends the reading when it is negative. */
typedef int flows_frame_fn(void *context, enum frame_kind kind, const void *payload, size_t size);

struct flows_counts {
	uint64_t packets;
	uint64_t not_read; /* no IP, or cut before TCP's payload begins */
	uint64_t
		cut; /* TCP segments cut by the snap length: what is missing of the dialogue is a gap */
	uint64_t incomplete; /* IP datagrams of which a fragment never came */
	uint64_t connections; /* told of */
	uint64_t forgotten; /* flows given up for want of room or memory */
};

/* NULL = out of memory. */
struct flows *flows_new(const struct tap_ports *ports, flows_frame_fn *fn, void *context);
void flows_free(struct flows *flows); /* NULL is fine; tells nothing */

/* One captured frame. 0, or the callback's negative value. */
int flows_packet(struct flows *flows, int link, uint64_t time, const uint8_t *frame,
		 uint32_t captured, uint32_t original);

/* The capture is over: what waits is told. Connections that have not ended stay open. */
int flows_end(struct flows *flows);

struct flows_counts flows_counts(const struct flows *flows);
uint64_t flows_now(const struct flows *flows); /* the latest time seen */

#endif
