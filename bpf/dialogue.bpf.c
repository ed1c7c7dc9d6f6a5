// SPDX-License-Identifier: GPL-2.0-only
/*
 * dialogue.bpf.c - what is said: the wire's bytes of watched sockets, as far as the gate lets them pass
 *
 * Takes every TCP segment of a watched socket in both directions, puts its payload in order by sequence number (bytes sent
 * again are not told again, bytes jumped over are a counted gap), and asks the gate. Never drops a packet: the result is 1.
 */
#define GATE_CODE
#include "identity.bpf.h"
#include "order.bpf.h"

#define IPPROTO_TCP 6
#define TCP_FLAG_SYN 0x02
#define TCP_FLAG_URG 0x20

static __always_inline bool ipv6_extension(__u8 next)
{
	return next == 0 || next == 43 || next == 60 ||
	       next == 135; /* options, routing, destination, mobility */
}

/* Finds TCP's payload. False for anything else, fragments included: TCP does not send any. */
static __always_inline bool segment_parse(struct __sk_buff *skb, struct segment *segment)
{
	__u8 first, next, bytes[20];
	__u32 at;

	if (bpf_skb_load_bytes(skb, 0, &first, 1))
		return false;
	if (first >> 4 == 4) {
		if (bpf_skb_load_bytes(skb, 9, &next, 1))
			return false;
		at = (first & 15) * 4;
	} else {
		if (bpf_skb_load_bytes(skb, 6, &next, 1))
			return false;
		at = 40;
		for (int i = 0; i < IPV6_HEADERS; i++) {
			if (!ipv6_extension(next))
				break;
			if (at > 1024 || bpf_skb_load_bytes(skb, at, bytes, 2))
				return false;
			next = bytes[0];
			at += (bytes[1] + 1) * 8;
		}
	}
	if (next != IPPROTO_TCP || bpf_skb_load_bytes(skb, at, bytes, 20))
		return false;
	segment->sequence = (__u32)bytes[4] << 24 | bytes[5] << 16 | bytes[6] << 8 | bytes[7];
	segment->syn = bytes[13] & TCP_FLAG_SYN;
	segment->sequence += segment->syn ? 1 : 0; /* data in a Fast Open SYN starts behind it */
	segment->at = at + (bytes[12] >> 4) * 4;
	segment->end = skb->len;
	/* RFC 9293 3.8.2: the pointer leads to the byte behind the urgent one, which the reader of the stream does not get. */
	segment->urgent = bytes[13] & TCP_FLAG_URG
				  ? segment->at + ((__u32)bytes[18] << 8 | bytes[19]) - 1
				  : 0;
	return true;
}

static __always_inline void withhold(struct watch *watch, __u32 direction, __u32 count, __u8 why)
{
	struct stream *stream = direction == FROM_SERVER ? &watch->streams[1] : &watch->streams[0];

	if (stream->withheld && stream->why != why)
		output_note(watch, direction);
	stream->why = why;
	stream->offset += count;
	__sync_fetch_and_add(&stream->withheld, count);
}

/* A DATA record with the first `length` bytes that already stand in it. */
static __always_inline void output_data(struct watch *watch, struct scratch *scratch,
					__u32 direction, __u32 length, __u8 flags)
{
	struct stream *stream = direction == FROM_SERVER ? &watch->streams[1] : &watch->streams[0];
	struct event_data *data = &scratch->data;

	/* What was withheld comes before it: the client's body before the server's word about it. */
	if (watch->streams[0].withheld)
		output_note(watch, FROM_CLIENT);
	if (watch->streams[1].withheld)
		output_note(watch, FROM_SERVER);
	__builtin_memset(data, 0, __builtin_offsetof(struct event_data, bytes));
	barrier_var(length);
	if (length > EVENT_PIECE_MAX)
		length = EVENT_PIECE_MAX;
	data->head.size = length + __builtin_offsetof(struct event_data, bytes);
	data->head.kind = EVENT_DATA;
	data->head.flags = watch->talk.flags;
	data->head.cookie = watch->talk.cookie;
	data->head.generation = watch->talk.generation;
	data->head.time = bpf_ktime_get_boot_ns();
	data->offset = stream->offset;
	data->length = length;
	data->direction = direction;
	data->flags = flags;
	if (bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) < settings.ring_for_data &&
	    bpf_ringbuf_output(&events, data, length + __builtin_offsetof(struct event_data, bytes),
			       0) == 0) {
		stream->offset += length;
		return;
	}
	COUNT(data_lost, 1);
	COUNT(data_lost_bytes, length);
	__sync_fetch_and_add(&watch->lost_bytes, length);
	withhold(watch, direction, length, WITHHELD_RING);
}

/* Puts words aside that prove nothing yet. What does not fit is counted and becomes a gap. */
static __always_inline void hold_words(struct watch *watch, struct bpf_sock *sk, __u32 direction,
				       const __u8 *bytes, __u32 length)
{
	struct held *kept = bpf_sk_storage_get(&held, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	__u32 at, room;

	if (!kept)
		return;
	watch->held = 1;
	if (direction == FROM_SERVER) {
		at = kept->server_length & (2 * HELD_SERVER - 1);
		room = at < HELD_SERVER ? HELD_SERVER - at : 0;
		if (length > room) {
			kept->server_over += length - room;
			length = room;
		}
		if (at < HELD_SERVER && length && length <= HELD_SERVER)
			bpf_probe_read_kernel(kept->server + at, length, bytes);
		kept->server_length = at + length;
	} else {
		at = kept->client_length & (2 * HELD_CLIENT - 1);
		room = at < HELD_CLIENT ? HELD_CLIENT - at : 0;
		if (length > room) {
			kept->client_over += length - room;
			length = room;
		}
		if (at < HELD_CLIENT && length && length <= HELD_CLIENT)
			bpf_probe_read_kernel(kept->client + at, length, bytes);
		kept->client_length = at + length;
	}
}

/* Tells the words that were put aside: they have proven something. */
static __always_inline void tell_held(struct watch *watch, struct bpf_sock *sk)
{
	struct held *kept = bpf_sk_storage_get(&held, sk, NULL, 0);
	struct scratch *scratch;
	__u8 flags = watch->gate.protocol == GATE_PROXY ? DATA_PROXY : 0;

	/* Offsets were not counted so far: what was put aside is the beginning. */
	watch->streams[0].offset = watch->streams[1].offset = 0;
	watch->streams[0].withheld = watch->streams[1].withheld = 0;
	if (!kept)
		return;
	scratch = scratch_take();
	if (scratch) {
		if (kept->server_length && !flags) {
			__builtin_memcpy(scratch->data.bytes, kept->server, HELD_SERVER);
			output_data(watch, scratch, FROM_SERVER, kept->server_length, 0);
			withhold(watch, FROM_SERVER, kept->server_over, WITHHELD_MISSED);
		}
		if (kept->client_length) {
			__builtin_memcpy(scratch->data.bytes, kept->client, HELD_CLIENT);
			output_data(watch, scratch, FROM_CLIENT, kept->client_length, flags);
			withhold(watch, FROM_CLIENT, kept->client_over, WITHHELD_MISSED);
		}
		scratch_return(scratch);
	}
	bpf_sk_storage_delete(&held, sk);
	watch->held = 0;
}

/* SMTP on a port that is not listed has proven itself. */
static __always_inline void confirm(struct watch *watch, struct bpf_sock *sk)
{
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);

	if (tcp)
		ends_fill(&watch->talk.ends, tcp);
	output_open(watch, opener_is_current(&watch->opener) ? EVENT_F_LATE
							     : EVENT_F_LATE | EVENT_F_SMALL);
	if (watch->flags & WATCH_OPEN)
		tell_held(watch, sk);
}

static __always_inline void forget(struct watch *watch, struct bpf_sock *sk)
{
	aside_forget(watch, sk);
	bpf_sk_storage_delete(&watches, sk);
}

/* Where the segment stands to the stream. */
static __always_inline __s32 segment_ahead(struct watch *watch, struct stream *stream,
					   struct segment *segment)
{
	if (segment->syn) {
		/* Only before it is established: a stray SYN later must not move the stream. */
		if (watch->stage == STAGE_ESTABLISHED && stream->started) {
			segment->at = segment->end;
			return 0;
		}
		stream->next = segment->sequence;
		stream->started = 1;
	}
	if (segment->at < segment->end && !stream->started) {
		stream->next = segment->sequence;
		stream->started = 1;
	}
	return segment->sequence - stream->next;
}

/* What of the segment is new. False when nothing is. A gap before it is counted, and the gate told. */
static __always_inline bool segment_new(struct watch *watch, struct stream *stream, __u32 direction,
					struct segment *segment, __s32 ahead)
{
	__u32 length = segment->end - segment->at;

	if (segment->at >= segment->end || ahead > SEQUENCE_JUMP)
		return false;
	if (ahead < 0) {
		if ((__s32)(segment->sequence + length - stream->next) <= 0)
			return false;
		segment->at -= ahead;
	} else if (ahead > 0) {
		withhold(watch, direction, ahead, WITHHELD_MISSED);
		gate_missed(&watch->gate, direction == FROM_SERVER);
	}
	stream->next = segment->sequence + length;
	return true;
}

/* Asks the gate about the piece that stands in scratch; passes, puts aside, withholds. Returns the bytes dealt with. */
static __always_inline __u32 piece_judge(struct watch *watch, struct bpf_sock *sk,
					 struct scratch *scratch, __u32 direction, __u32 length)
{
	struct stream *stream = direction == FROM_SERVER ? &watch->streams[1] : &watch->streams[0];
	struct gate_piece *bytes = (struct gate_piece *)scratch->data.bytes;
	struct gate_cut cut = {};

	if (direction == FROM_SERVER)
		gate_server(&watch->gate, bytes, length, &cut);
	else
		gate_client(&watch->gate, bytes, length, &cut);
	if (!(watch->flags & WATCH_COUNTED)) {
		if (watch->gate.protocol == GATE_NOT) {
			forget(watch, sk);
			return 0;
		}
		if (watch->gate.protocol != GATE_SMTP && watch->gate.protocol != GATE_PROXY &&
		    watch->gate.protocol != GATE_TLS) {
			if (cut.keep)
				hold_words(watch, sk, direction, bytes->bytes, cut.keep);
			return cut.used;
		}
		confirm(watch, sk);
	}
	if (cut.keep)
		output_data(watch, scratch, direction, cut.keep, cut.flags & ~DATA_DOT);
	if (cut.used > cut.keep) {
		withhold(watch, direction, cut.used - cut.keep, cut.why);
		stream->flags |= cut.flags & DATA_DOT;
	}
	return cut.used;
}

/*
 * One step through the segment from `at` on. Returns the bytes dealt with, 0 = stop: the socket is forgotten or unreadable.
 */
static __always_inline int piece(struct __sk_buff *skb, struct watch *watch,
				 struct scratch *scratch, __u32 at, __u32 direction, __u32 end)
{
	struct bpf_sock *sk = skb->sk;
	__u32 length, skips;
	__u8 why;

	if (!sk || !watch || !scratch || at >= end)
		return 0;
	length = end - at;
	if (direction == FROM_CLIENT)
		skips = gate_client_skips(&watch->gate, length, &why);
	else
		skips = gate_server_skips(&watch->gate, length, &why);
	if (skips) {
		withhold(watch, direction, skips, why);
		return skips;
	}
	if (length > EVENT_PIECE_MAX)
		length = EVENT_PIECE_MAX;
	/* It is 1..EVENT_PIECE_MAX, but 6.1 learns that from arithmetic only. */
	barrier_var(length);
	length = ((length - 1) & (EVENT_PIECE_MAX - 1)) + 1;
	if (bpf_skb_load_bytes(skb, at, scratch->data.bytes, length))
		return 0;
	return piece_judge(watch, sk, scratch, direction, length);
}

/* Functions of their own, verified once and not at every turn of the loop. */
__noinline int piece_client(struct __sk_buff *skb, struct watch *watch, struct scratch *scratch,
			    __u32 at, __u32 end)
{
	return piece(skb, watch, scratch, at, FROM_CLIENT, end);
}

__noinline int piece_server(struct __sk_buff *skb, struct watch *watch, struct scratch *scratch,
			    __u32 at, __u32 end)
{
	return piece(skb, watch, scratch, at, FROM_SERVER, end);
}

static __always_inline void segment_walk(struct __sk_buff *skb, struct watch *watch,
					 struct scratch *scratch, __u32 direction,
					 struct segment *segment)
{
	__u32 at = segment->at, end = segment->end, urgent = segment->urgent, until;
	int used;

	for (int i = 0; i < PIECES_MAX; i++) {
		if (at >= end)
			return;
		if (at == urgent) {
			withhold(watch, direction, 1, WITHHELD_URGENT);
			at++;
			continue;
		}
		until = at < urgent && urgent < end ? urgent : end;
		if (direction == FROM_CLIENT)
			used = piece_client(skb, watch, scratch, at, until);
		else
			used = piece_server(skb, watch, scratch, at, until);
		if (used <= 0)
			break;
		at += used;
	}
	withhold(watch, direction, end - at, WITHHELD_MISSED);
	gate_missed(&watch->gate, direction == FROM_SERVER);
}

/* One piece of what was put aside, if its turn has come. Returns its length, 0 = there is none. */
__noinline int piece_early(struct __sk_buff *skb, struct watch *watch, struct scratch *scratch)
{
	struct bpf_sock *sk = skb->sk;
	struct stream *stream;
	struct early *early;
	__u32 length, used;

	if (!sk || !watch || !scratch)
		return 0;
	early = bpf_sk_storage_get(&earlies, sk, NULL, 0);
	if (!early || !early->used)
		return 0;
	stream = &watch->streams[1];
	length = early_take(early, stream, scratch);
	if (!length)
		return 0;
	used = piece_judge(watch, sk, scratch, FROM_SERVER, length);
	stream->next += used;
	return used;
}

static __always_inline void early_walk(struct __sk_buff *skb, struct watch *watch,
				       struct scratch *scratch)
{
	if (!watch->early)
		return;
	for (int i = 0; i < PIECES_MAX; i++)
		if (piece_early(skb, watch, scratch) <= 0)
			break;
}

/* The socket is watched, and has not been silenced. */
static __always_inline struct watch *watch_speaking(struct bpf_sock *sk)
{
	struct watch *watch = bpf_sk_storage_get(&watches, sk, NULL, 0);

	if (!watch || watch->stage < STAGE_SENT ||
	    (watch->flags & (WATCH_COUNTED | WATCH_OPEN)) == WATCH_COUNTED)
		return NULL;
	return watch;
}

/* No place to work in, or another CPU does not come to an end. */
static __always_inline void segment_missed(struct watch *watch, __u32 direction, __u32 length)
{
	withhold(watch, direction, length, WITHHELD_MISSED);
	gate_missed(&watch->gate, direction == FROM_SERVER);
}

SEC("cgroup_skb/egress")
int cgroup_skb__egress(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct segment segment;
	struct scratch *scratch;
	struct stream *stream;
	struct watch *watch;

	if (!sk)
		return 1;
	watch = watch_speaking(sk);
	if (!watch || !segment_parse(skb, &segment))
		return 1;
	stream = &watch->streams[0];
	if (!segment_new(watch, stream, FROM_CLIENT, &segment,
			 segment_ahead(watch, stream, &segment)))
		return 1;
	scratch = scratch_take();
	if (!scratch) {
		segment_missed(watch, FROM_CLIENT, segment.end - segment.at);
		return 1;
	}
	segment_walk(skb, watch, scratch, FROM_CLIENT, &segment);
	scratch_return(scratch);
	return 1;
}

/*
 * TCP is further than we are: a segment went past us (another CPU did not come to an end in time). It will not come again, so what
 * waits for it must not wait any longer. Every segment passes here before TCP takes it.
 */
static __always_inline void server_catch_up(struct bpf_sock *sk, struct watch *watch,
					    struct stream *stream)
{
	struct early *early = watch->early ? bpf_sk_storage_get(&earlies, sk, NULL, 0) : NULL;
	struct bpf_tcp_sock *tcp = bpf_tcp_sock(sk);
	__u32 to;

	if (!tcp || !stream->started || (__s32)(tcp->rcv_nxt - stream->next) <= 0 ||
	    watch->stage < STAGE_ESTABLISHED)
		return;
	to = tcp->rcv_nxt;
	if (early && early->used) {
		early_first(early, stream->next, to);
		to = early->first;
	}
	withhold(watch, FROM_SERVER, to - stream->next, WITHHELD_MISSED);
	gate_missed(&watch->gate, true);
	stream->next = to;
}

/* Several times round: a virtual machine's CPU that is at it may be taken away for a while. */
static __always_inline bool server_turn(struct watch *watch)
{
	for (int i = 0; i < BUSY_ROUNDS; i++)
		if (server_enter(watch))
			return true;
	return false;
}

/* In the server's turn: the segment, and then what was waiting for it. */
static __always_inline void server_segment(struct __sk_buff *skb, struct bpf_sock *sk,
					   struct watch *watch, struct scratch *scratch,
					   struct segment *segment)
{
	struct stream *stream = &watch->streams[1];
	__s32 ahead;

	if (segment->at < segment->end) { /* a FIN has a number, too, but nothing comes behind it */
		server_catch_up(sk, watch, stream);
		early_walk(skb, watch, scratch);
	}
	ahead = segment_ahead(watch, stream, segment);

	if (ahead > 0 && ahead <= SEQUENCE_JUMP && segment->at < segment->end &&
	    early_keep(skb, sk, watch, segment))
		return;
	if (segment_new(watch, stream, FROM_SERVER, segment, ahead))
		segment_walk(skb, watch, scratch, FROM_SERVER, segment);
	early_walk(skb, watch, scratch);
}

SEC("cgroup_skb/ingress")
int cgroup_skb__ingress(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct segment segment;
	struct scratch *scratch;
	struct watch *watch;

	if (!sk)
		return 1;
	watch = watch_speaking(sk);
	if (!watch || !segment_parse(skb, &segment))
		return 1;
	scratch = scratch_take();
	if (scratch && server_turn(watch)) {
		server_segment(skb, sk, watch, scratch, &segment);
		server_leave(watch);
	}
	/* Else its bytes become a gap, as the stream goes on without them. */
	if (scratch)
		scratch_return(scratch);
	return 1;
}
