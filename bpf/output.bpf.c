// SPDX-License-Identifier: GPL-2.0-only
/*
 * output.bpf.c - builds records and puts them into the ring, or counts that it could not
 *
 * Every attempt is counted exactly once, as delivered or as counted only. A connection whose OPEN record found no room says
 * nothing more: its facts stay in the loss table, and the ring is left to those that were begun.
 */
#include "identity.bpf.h"

int identity_fill(struct scratch *scratch, __u64 task_address);

static __always_inline void fill_head(struct event_head *head, const struct talk *talk, __u16 kind,
				      __u32 size)
{
	head->size = size;
	head->kind = kind;
	head->flags = talk->flags;
	head->cookie = talk->cookie;
	head->generation = talk->generation;
	head->reserved = 0;
	head->time = bpf_ktime_get_boot_ns();
}

static __always_inline void map_ipv4(__u8 *to, __u32 address)
{
	__builtin_memset(to, 0, 10);
	to[10] = 0xff;
	to[11] = 0xff;
	__builtin_memcpy(to + 12, &address, 4);
}

static __always_inline void fill_ends(struct event_endpoints *ends, __u64 sock)
{
	struct sock *sk = (struct sock *)sock;
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	__builtin_memset(ends, 0, sizeof(*ends));
	ends->family = family;
	ends->remote_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	ends->local_port = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
	ends->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	if (family == AF_INET6) {
		BPF_CORE_READ_INTO(&ends->local, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&ends->remote, sk, __sk_common.skc_v6_daddr);
	} else {
		map_ipv4(ends->local, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
		map_ipv4(ends->remote, BPF_CORE_READ(sk, __sk_common.skc_daddr));
	}
}

/* An attempt's destination is not the socket's yet, or no longer: it may be on its way elsewhere. */
static __always_inline void fill_attempted(struct event_endpoints *ends, const struct watch *watch)
{
	if (watch->stage == STAGE_ATTEMPT) {
		ends->remote_port = watch->remote_port;
		__builtin_memcpy(ends->remote, watch->attempted, 16);
	}
}

static __always_inline bool ring_has(__u64 limit)
{
	return bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) < limit;
}

/* The attempt has no record: count it by who and where. */
static __always_inline void count_loss(const struct watch *watch)
{
	struct loss_key key = {
		.exe_inode = watch->opener.exe_inode,
		.exe_device = watch->opener.exe_device,
		.uid = watch->opener.uid,
		.port = watch->remote_port,
	};
	__u64 zero = 0, *count;

	COUNT(counted_only, 1);
	count = bpf_map_lookup_elem(&losses, &key);
	if (!count) {
		bpf_map_update_elem(&losses, &key, &zero, BPF_NOEXIST);
		count = bpf_map_lookup_elem(&losses, &key);
	}
	if (count)
		__sync_fetch_and_add(count, 1);
	else
		COUNT(loss_rows_full, 1);
}

static __always_inline void fill_small(struct event_identity *who, const struct opener *opener)
{
	who->tgid = opener->tgid;
	who->tid = opener->tid;
	who->ppid = opener->ppid;
	who->start = opener->start;
	who->uid = opener->uid;
	who->gid = opener->gid;
	who->euid = opener->euid;
	who->egid = opener->gid;
	who->loginuid = -1;
	who->cgroup_id = opener->cgroup_id;
	who->exe_inode = opener->exe_inode;
	who->exe_device = opener->exe_device;
	__builtin_memcpy(who->comm, opener->comm, sizeof(who->comm));
}

/*
 * The OPEN record. With EVENT_F_SMALL in `flags` from the small identity, else from `task`, 0 = `current`, which must be the
 * opener. The first call for a connection counts the attempt.
 */
__noinline int output_open(struct watch *watch, __u32 flags, __u64 task)
{
	struct scratch *scratch;
	__u32 length = 0;
	long full = -1;

	if (!watch)
		return 0;
	if (!(watch->flags & WATCH_COUNTED))
		COUNT(attempts, 1);
	scratch = ring_has(settings.ring_for_open) ? scratch_take() : NULL;
	if (scratch) {
		struct event_open *open = &scratch->open;

		__builtin_memset(open, 0, __builtin_offsetof(struct event_open, text));
		if (flags & EVENT_F_SMALL)
			fill_small(&open->who, &watch->opener);
		else
			length = identity_fill(scratch, task);
		if (length > EVENT_TEXT_MAX)
			length = EVENT_TEXT_MAX;
		length += __builtin_offsetof(struct event_open, text);
		fill_head(&open->head, &watch->talk, EVENT_OPEN, length);
		open->head.flags |= flags;
		open->head.time = watch->opened;
		open->found = watch->gate.found;
		fill_ends(&open->ends, watch->talk.sock);
		fill_attempted(&open->ends, watch);
		full = bpf_ringbuf_output(&events, open, length, 0);
		scratch_return(scratch);
	}
	if (!(watch->flags & WATCH_COUNTED)) {
		watch->flags |= WATCH_COUNTED;
		if (full)
			count_loss(watch);
		else
			COUNT(delivered, 1);
	}
	if (full)
		return 0;
	watch->flags |= flags & EVENT_F_SMALL ? WATCH_OPEN : WATCH_OPEN | WATCH_FULL;
	if (settings.use_talks) {
		struct talk talk = watch->talk; /* 6.1 takes keys and values from the stack only */
		__u64 key = talk.sock;

		bpf_map_update_elem(&talks, &key, &talk, BPF_ANY);
	}
	return 0;
}

/* Somebody else writes: `current`. talk's counts are still those of the sender before. */
__noinline int output_sender(struct talk *talk)
{
	struct scratch *scratch;
	__u32 length;
	long full = -1;

	if (!talk)
		return 0;
	scratch = ring_has(settings.ring_for_open) ? scratch_take() : NULL;
	if (scratch) {
		struct event_open *open = &scratch->open;

		__builtin_memset(open, 0, __builtin_offsetof(struct event_open, text));
		length = identity_fill(scratch, 0);
		if (length > EVENT_TEXT_MAX)
			length = EVENT_TEXT_MAX;
		length += __builtin_offsetof(struct event_open, text);
		fill_head(&open->head, talk, EVENT_SENDER, length);
		open->sends = talk->sends;
		open->sent_bytes = talk->sent_bytes;
		fill_ends(&open->ends, talk->sock);
		full = bpf_ringbuf_output(&events, open, length, 0);
		scratch_return(scratch);
	}
	if (full)
		COUNT(senders_lost, 1);
	return 0;
}

#define IFF_LOOPBACK 0x8

__noinline int output_state(struct watch *watch, __u32 transition, __u32 error)
{
	struct scratch *scratch;
	struct talk *talk;
	struct sock *sk;
	struct tcp_sock *tcp;
	long full = -1;

	if (!watch)
		return 0;
	sk = (struct sock *)watch->talk.sock;
	tcp = (struct tcp_sock *)sk;
	scratch = scratch_take();
	if (scratch) {
		struct event_state *state = &scratch->state;

		__builtin_memset(state, 0, sizeof(*state));
		fill_head(&state->head, &watch->talk, EVENT_STATE, sizeof(*state));
		fill_ends(&state->ends, watch->talk.sock);
		fill_attempted(&state->ends, watch);
		state->transition = transition;
		state->error = error;
		state->bytes_out = BPF_CORE_READ(tcp, bytes_acked);
		state->bytes_in = BPF_CORE_READ(tcp, bytes_received);
		state->retransmits = BPF_CORE_READ(tcp, total_retrans);
		talk = &watch->talk;
		if (settings.use_talks) {
			__u64 key = watch->talk.sock;

			talk = bpf_map_lookup_elem(&talks, &key);
			if (!talk)
				talk = &watch->talk;
		}
		state->sends = talk->sends;
		state->sent_bytes = talk->sent_bytes;
		state->senders = talk->senders;
		state->lost_bytes = watch->lost_bytes;
		state->found = watch->gate.found;
		if (BPF_CORE_READ(sk, sk_dst_cache, dev, flags) & IFF_LOOPBACK)
			state->how |= STATE_VIA_LOOPBACK;
		if (watch->stage < STAGE_ESTABLISHED)
			state->how |= STATE_UNANSWERED;
		full = bpf_ringbuf_output(&events, state, sizeof(*state), 0);
		scratch_return(scratch);
	}
	if (full)
		COUNT(states_lost, 1);
	return 0;
}

/* Says what was withheld from one direction since the last record. */
__noinline int output_note(struct watch *watch, __u32 direction)
{
	struct event_data *data;
	struct scratch *scratch;
	struct stream *stream;
	__u64 withheld;
	long full = -1;

	if (!watch)
		return 0;
	stream = direction == FROM_SERVER ? &watch->streams[1] : &watch->streams[0];
	/* The other direction's program may be saying the same on another CPU: who takes the count says it. */
	if (!(watch->flags & WATCH_OPEN))
		return 0;
	withheld = __sync_lock_test_and_set(&stream->withheld, 0);
	if (!withheld)
		return 0;
	scratch = scratch_take();
	if (scratch) {
		data = &scratch->data;
		__builtin_memset(data, 0, __builtin_offsetof(struct event_data, bytes));
		fill_head(&data->head, &watch->talk, EVENT_DATA,
			  __builtin_offsetof(struct event_data, bytes));
		data->offset = stream->offset - withheld;
		data->withheld = withheld;
		data->why = stream->why;
		data->flags = stream->flags;
		data->direction = direction;
		full = bpf_ringbuf_output(&events, data,
					  __builtin_offsetof(struct event_data, bytes), 0);
		scratch_return(scratch);
	}
	stream->flags = 0;
	if (full)
		COUNT(data_lost, 1);
	return 0;
}
