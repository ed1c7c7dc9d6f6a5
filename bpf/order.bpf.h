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

/* order.bpf.c */
int early_slot(struct early *early, __u32 sequence);
int early_next(struct early *early, __u32 next);
int early_first(struct early *early, __u32 next, __u32 to);
int server_enter(struct watch *watch);

static __always_inline void server_leave(struct watch *watch)
{
	__sync_lock_test_and_set(&watch->busy, 0);
}

/* Puts the payload aside. False when there is no room for it. */
static __always_inline bool early_keep(struct __sk_buff *skb, struct bpf_sock *sk,
				       struct watch *watch, const struct segment *segment)
{
	struct early *early = bpf_sk_storage_get(&earlies, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	__u32 length = segment->end - segment->at, to, run;
	const struct stream *stream = &watch->streams[1];

	if (!early || length > EARLY_SEGMENT)
		return false;
	if (!early->used)
		early->origin = stream->next;
	to = segment->sequence - early->origin;
	early_slot(early, segment->sequence);
	run = early->slot;
	if (to >= EARLY_BYTES || run >= EARLY_RUNS)
		return false;
	/* Masked where they are used: 6.1 forgets a comparison when the number was on the stack before. */
	barrier_var(length);
	length = ((length - 1) & (EARLY_SEGMENT - 1)) + 1;
	barrier_var(to);
	to &= EARLY_BYTES - 1;
	if (bpf_skb_load_bytes(skb, segment->at, early->bytes + to, length))
		return false;
	barrier_var(run);
	run &= EARLY_RUNS - 1;
	if (!early->runs[run].length)
		early->runs[run].sequence = segment->sequence;
	early->runs[run].length += length;
	early->used = 1;
	watch->early = 1;
	return true;
}

/*
 * Takes the next piece from what was put aside. Returns its length, 0 = nothing is there whose turn has come.
 */
static __always_inline __u32 early_take(struct early *early, struct stream *stream,
					struct scratch *scratch)
{
	__u32 length, from;

	early_next(early, stream->next);
	length = early->length;
	if (!length)
		return 0;
	if (length > EVENT_PIECE_MAX)
		length = EVENT_PIECE_MAX;
	from = stream->next - early->origin;
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

/* Bytes that still wait. */
static __always_inline __u32 early_left(const struct early *early)
{
	__u32 left = 0;

	for (__u32 i = 0; i < EARLY_RUNS; i++)
		left += early->runs[i].length;
	return left;
}

/* What was put aside for a connection must not be there for the socket's next one. The socket is of either type that helpers take. */
static __always_inline void aside_forget(const struct watch *watch, void *sk)
{
	if (watch->held)
		bpf_sk_storage_delete(&held, sk);
	if (watch->early)
		bpf_sk_storage_delete(&earlies, sk);
}

#endif
