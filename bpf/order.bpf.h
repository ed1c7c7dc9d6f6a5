/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * order.bpf.h - the server's segments in their order, one CPU at a time
 *
 * cgroup_skb sees incoming segments before TCP does: out of order, and with packet steering or veth two of one connection at once.
 * (What goes out is under the socket's lock.) Segments that come before their turn are put aside until the missing one is there.
 * Where that is not possible the gap is counted and the stream goes on behind it.
 */
#ifndef SMTPSNOOP_ORDER_BPF_H
#define SMTPSNOOP_ORDER_BPF_H

#include "state.bpf.h"

/* Waits its turn for some microseconds. Not for ever: a real-time kernel can preempt whoever is at it. */
static __always_inline bool server_enter(struct watch *watch)
{
	for (int i = 0; i < BUSY_TURNS; i++)
		if (__sync_val_compare_and_swap(&watch->busy, 0, 1) == 0)
			return true;
	return false;
}

static __always_inline void server_leave(struct watch *watch)
{
	__sync_lock_test_and_set(&watch->busy, 0);
}

/* Puts the payload aside, if it joins what is there. True when it is kept, or was there already. */
static __always_inline bool early_keep(struct __sk_buff *skb, struct bpf_sock *sk,
				       const struct segment *segment)
{
	struct early *early = bpf_sk_storage_get(&earlies, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	__u32 length = segment->end - segment->at, to, before;

	if (!early || length > EARLY_SEGMENT)
		return false;
	if (!early->length) {
		early->sequence = segment->sequence;
		early->begin = EARLY_BYTES / 2;
	}
	before = early->sequence - segment->sequence;
	if (segment->sequence == early->sequence + early->length) {
		to = early->begin + early->length;
	} else if (before == length && before <= early->begin) {
		to = early->begin - length;
	} else { /* all of it there already? */
		return segment->sequence - early->sequence < early->length &&
		       segment->sequence - early->sequence + length <= early->length;
	}
	barrier_var(to);
	if (to >= EARLY_BYTES)
		return false;
	barrier_var(length);
	length = ((length - 1) & (EARLY_SEGMENT - 1)) + 1;
	barrier_var(
		to); /* 6.1 forgets the comparison where the number was kept on the stack before it */
	to &= EARLY_BYTES - 1;
	if (bpf_skb_load_bytes(skb, segment->at, early->bytes + to, length))
		return false;
	if (to < early->begin) {
		early->begin = to;
		early->sequence = segment->sequence;
	}
	early->length += length;
	return true;
}

/* Takes the next piece from what was put aside. Returns its length, 0 = nothing is there or its turn has not come. */
static __always_inline __u32 early_take(struct early *early, struct stream *stream,
					struct scratch *scratch)
{
	__u32 seen = stream->next - early->sequence, length, from;

	if (!early->length || (__s32)seen < 0)
		return 0;
	if (seen >= early->length) { /* it came again by the ordinary way */
		early->length = 0;
		return 0;
	}
	early->begin += seen;
	early->sequence += seen;
	early->length -= seen;
	length = early->length > EVENT_PIECE_MAX ? EVENT_PIECE_MAX : early->length;
	from = early->begin;
	barrier_var(from);
	if (from >= EARLY_BYTES)
		return 0;
	barrier_var(length);
	length = ((length - 1) & (EVENT_PIECE_MAX - 1)) + 1;
	barrier_var(from);
	from &= EARLY_BYTES - 1;
	if (bpf_probe_read_kernel(scratch->data.bytes, length, early->bytes + from))
		return 0;
	return length;
}

#endif
