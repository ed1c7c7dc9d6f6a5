/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * flows.c - the TCP connections of a capture, told as the kernel tells them
 *
 * A connection on a port that is not listed is told of once its dialogue proves to be SMTP; one that proves to be something else
 * keeps its place in the table and costs one look-up a packet, as in the kernel. Out of memory forgets a connection and counts
 * it; only the callback's errors end the reading.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/address.h"
#include "base/hash.h"
#include "base/limits.h"
#include "capture/assembly.h"
#include "capture/flows.h"
#include "capture/fragments.h"

#define SECOND UINT64_C(1000000000)
#define TIME_MAX (INT64_MAX / 2) /* year 2116: what a file claims beyond it is nonsense */
#define MOVE_AFTER (10 * SECOND) /* the order of the table need not be exact */
#define STRAY_SYN (30 * SECOND) /* a SYN for a live connection is none of its own */
#define SYN_PATIENCE (127 * SECOND) /* Linux gives up after six retransmissions */

/* Lower end first, so that both directions have one key. Hashed as bytes: no padding. */
struct flow_key {
	uint8_t address[2][16];
	uint16_t port[2];
};
_Static_assert(sizeof(struct flow_key) == 36, "no padding");

struct flow {
	struct flow_key key;
	struct flows *flows;
	uint64_t cookie; /* 0 = not told of */
	uint64_t first, last, moved;
	uint32_t syn; /* the client's first number, valid with has_syn */
	uint32_t retransmits;
	uint64_t bytes[2];
	uint8_t client; /* which end of the key */
	bool has_syn, existing, established, over;
	struct tap *tap; /* NULL = nothing to be told any more */
	struct assembly assembly;
	UT_hash_handle hh;
};

struct flows {
	struct tap_ports ports;
	flows_frame_fn *fn;
	void *context;
	struct fragments *fragments;
	struct assembly_budget budget;
	struct flow *all; /* least recently moved first */
	struct flows_counts counts;
	uint64_t now; /* of the packet in work */
	uint64_t latest;
	uint64_t cookies;
	int error; /* the callback's */
};

struct flows *flows_new(const struct tap_ports *ports, flows_frame_fn *fn, void *context)
{
	struct flows *flows = calloc(1, sizeof(*flows));

	if (!flows)
		return NULL;
	flows->ports = *ports;
	flows->fn = fn;
	flows->context = context;
	flows->budget.most = LIMIT_EARLY_ALL;
	flows->fragments = fragments_new();
	if (flows->fragments)
		return flows;
	free(flows);
	return NULL;
}

static void frame(struct flows *flows, enum frame_kind kind, const void *payload, size_t size)
{
	int rc = flows->fn(flows->context, kind, payload, size);

	if (rc < 0 && !flows->error)
		flows->error = rc;
}

static bool is_listed(const struct flow *flow)
{
	return tap_port_listed(&flow->flows->ports, flow->key.port[!flow->client]);
}

static void set_head(const struct flow *flow, struct event_head *head, enum event_kind kind,
		     size_t size, uint64_t time)
{
	head->size = (uint32_t)size;
	head->kind = (uint16_t)kind;
	head->flags = (uint16_t)((is_listed(flow) ? EVENT_F_LISTED : 0) |
				 (flow->existing ? EVENT_F_EXISTING : 0));
	head->cookie = flow->cookie;
	head->time = time;
}

static void set_ends(const struct flow *flow, struct event_endpoints *ends)
{
	memcpy(ends->local, flow->key.address[flow->client], 16);
	memcpy(ends->remote, flow->key.address[!flow->client], 16);
	ends->local_port = flow->key.port[flow->client];
	ends->remote_port = flow->key.port[!flow->client];
	ends->family = address_is_v4(ends->remote) ? AF_INET : AF_INET6;
}

static void tell_open(struct flow *flow, uint16_t flags, enum found_by found)
{
	struct {
		struct enrichment extra;
		struct event_open open;
	} who;
	const size_t size = offsetof(struct event_open, text);

	memset(&who, 0, sizeof(who));
	flow->cookie = ++flow->flows->cookies;
	flow->flows->counts.connections++;
	set_head(flow, &who.open.head, EVENT_OPEN, size, flow->first);
	who.open.head.flags |= EVENT_F_NOBODY | flags;
	set_ends(flow, &who.open.ends);
	who.open.found = (uint8_t)found;
	frame(flow->flows, FRAME_WHO, &who, sizeof(who.extra) + size);
}

static void tell_state(const struct flow *flow, enum event_transition transition, int error,
		       uint64_t time)
{
	struct event_state state;

	if (!flow->cookie)
		return;
	memset(&state, 0, sizeof(state));
	set_head(flow, &state.head, EVENT_STATE, sizeof(state), time);
	set_ends(flow, &state.ends);
	state.transition = transition;
	state.error = error;
	state.bytes_out = flow->bytes[FROM_CLIENT];
	state.bytes_in = flow->bytes[FROM_SERVER];
	state.retransmits = flow->retransmits;
	if (!flow->established && !flow->existing)
		state.how |= STATE_UNANSWERED;
	frame(flow->flows, FRAME_EVENT, &state, sizeof(state));
}

static void on_proven(void *context)
{
	struct flow *flow = context;

	tell_open(flow, EVENT_F_LATE, tap_found(flow->tap));
}

static void on_piece(void *context, const struct event_data *piece)
{
	struct flow *flow = context;
	const size_t size = offsetof(struct event_data, bytes) + piece->length;
	struct event_data data;

	memcpy(&data, piece, size);
	set_head(flow, &data.head, EVENT_DATA, size, flow->flows->now);
	frame(flow->flows, FRAME_EVENT, &data, size);
}

static void on_bytes(void *context, enum event_direction from, const uint8_t *bytes,
		     uint32_t length)
{
	struct flow *flow = context;

	flow->bytes[from] += length;
	if (flow->tap)
		tap_bytes(flow->tap, from, bytes, length);
}

static void on_missing(void *context, enum event_direction from, uint32_t length)
{
	struct flow *flow = context;

	if (flow->tap)
		tap_missing(flow->tap, from, length);
}

static const struct tap_output tap_output = {on_proven, on_piece};
static const struct assembly_output assembly_output = {on_bytes, on_missing};

static void flow_silence(struct flow *flow)
{
	assembly_end(&flow->assembly);
	if (flow->tap)
		tap_end(flow->tap);
	tap_free(flow->tap);
	flow->tap = NULL;
}

/* error: errno of the end, 0 = in order. */
static void flow_close(struct flow *flow, int error)
{
	if (flow->over)
		return;
	flow->over = true;
	flow_silence(flow);
	tell_state(flow, TRANSITION_CLOSED, error, flow->last);
}

/* No more packets will be read of it: is it over? */
static void flow_settle(struct flow *flow)
{
	struct assembly *assembly = &flow->assembly;
	uint64_t idle = flow->flows->latest > flow->last ? flow->flows->latest - flow->last : 0;

	if (flow->over)
		return;
	if (assembly->side[FROM_CLIENT].ended || assembly->side[FROM_SERVER].ended)
		flow_close(flow, 0);
	else if (!flow->established && !flow->existing && idle > SYN_PATIENCE)
		flow_close(flow, ETIMEDOUT);
	else
		flow_silence(flow);
}

static void flow_free(struct flows *flows, struct flow *flow)
{
	HASH_DEL(flows->all, flow);
	free(flow);
}

void flows_free(struct flows *flows)
{
	if (!flows)
		return;
	while (flows->all) {
		struct flow *flow = flows->all;

		/* What comes out now is nobody's any more. */
		tap_free(flow->tap);
		flow->tap = NULL;
		assembly_end(&flow->assembly);
		flow_free(flows, flow);
	}
	fragments_free(flows->fragments);
	free(flows);
}

static int key_of(struct flow_key *key, const struct packet_ip *ip, const struct packet_tcp *tcp)
{
	int order = memcmp(ip->source, ip->target, 16);
	int source = order ? order > 0 : tcp->source > tcp->target;

	memcpy(key->address[source], ip->source, 16);
	memcpy(key->address[!source], ip->target, 16);
	key->port[source] = tcp->source;
	key->port[!source] = tcp->target;
	return source;
}

static bool begins_like(const struct packet_tcp *tcp, const char *word)
{
	return tcp->captured >= 4 && strncasecmp((const char *)tcp->bytes, word, 4) == 0;
}

/* Which end is the client, as far as one packet shows it. */
static uint8_t client_of(const struct flows *flows, const struct packet_tcp *tcp, int source)
{
	bool from_listed = tap_port_listed(&flows->ports, tcp->source);
	bool to_listed = tap_port_listed(&flows->ports, tcp->target);

	if (tcp->flags & PACKET_SYN)
		return (uint8_t)(tcp->flags & PACKET_ACK ? !source : source);
	if (from_listed != to_listed)
		return (uint8_t)(to_listed ? source : !source);
	if (begins_like(tcp, "220 ") || begins_like(tcp, "220-"))
		return (uint8_t)!source;
	if (begins_like(tcp, "EHLO") || begins_like(tcp, "HELO") || begins_like(tcp, "LHLO"))
		return (uint8_t)source;
	return (uint8_t)(tcp->source > tcp->target ? source : !source);
}

static void flow_begin(struct flow *flow, const struct packet_tcp *tcp, int source)
{
	struct flows *flows = flow->flows;

	flow->first = flow->last = flow->moved = flows->now;
	flow->client = client_of(flows, tcp, source);
	flow->existing = !(tcp->flags & PACKET_SYN);
	assembly_init(&flow->assembly, &assembly_output, flow, &flows->budget);
	flow->tap = tap_new(&tap_output, flow, &flows->ports, flow->key.port[!flow->client],
			    flow->existing);
	if (!flow->tap)
		flows->counts.forgotten++;
	if (is_listed(flow))
		tell_open(flow, 0, FOUND_PORT);
}

static struct flow *flow_new(struct flows *flows, const struct flow_key *key,
			     const struct packet_tcp *tcp, int source)
{
	struct flow *flow;

	while (HASH_COUNT(flows->all) >= LIMIT_FLOWS) {
		flows->counts.forgotten += !flows->all->over && flows->all->tap;
		flow_settle(flows->all);
		flow_free(flows, flows->all);
	}
	flow = calloc(1, sizeof(*flow));
	if (!flow) {
		flows->counts.forgotten++;
		return NULL;
	}
	flow->key = *key;
	flow->flows = flows;
	HASH_ADD(hh, flows->all, key, sizeof(flow->key), flow);
	if (!flow->hh.tbl) {
		flows->counts.forgotten++;
		free(flow);
		return NULL;
	}
	flow_begin(flow, tcp, source);
	return flow;
}

/* Both ends again, for a new connection. */
static bool is_new_connection(const struct flow *flow, const struct packet_tcp *tcp,
			      enum event_direction from)
{
	bool ended = flow->over || flow->assembly.side[FROM_CLIENT].ended ||
		     flow->assembly.side[FROM_SERVER].ended;

	if (!(tcp->flags & PACKET_SYN) || tcp->flags & PACKET_ACK)
		return false;
	if (flow->has_syn && from == FROM_CLIENT && flow->syn == tcp->sequence)
		return false; /* sent again */
	/* A SYN that was captured late, after what followed it. */
	if (!flow->has_syn && !ended && flow->assembly.side[from].known &&
	    flow->assembly.packets < LIMIT_PATIENCE)
		return false;
	return ended || !flow->established || flow->flows->now > flow->last + STRAY_SYN;
}

/* False: no memory to move it, and it is gone. */
static bool flow_touch(struct flows *flows, struct flow *flow)
{
	if (flows->now > flow->last)
		flow->last = flows->now;
	if (flow->last < flow->moved + MOVE_AFTER)
		return true;
	flow->moved = flow->last;
	HASH_DEL(flows->all, flow);
	HASH_ADD(hh, flows->all, key, sizeof(flow->key), flow);
	if (flow->hh.tbl)
		return true;
	flows->counts.forgotten++;
	flow_settle(flow);
	free(flow);
	return false;
}

static void flow_reset(struct flow *flow, enum event_direction from)
{
	if (!flow->established && !flow->existing)
		flow_close(flow, from == FROM_SERVER ? ECONNREFUSED : 0);
	else
		flow_close(flow, from == FROM_SERVER ? ECONNRESET : 0);
}

/* Resets are easily forged, and only the one at the expected place counts. */
static bool is_reset(const struct flow *flow, const struct packet_tcp *tcp,
		     enum event_direction from)
{
	const struct assembly_side *side = &flow->assembly.side[from];
	int32_t distance = (int32_t)(tcp->sequence - side->next);

	return tcp->flags & PACKET_RST && (!side->known || distance >= -1);
}

/* The server's SYN, or what only a connected client or server sends. */
static bool is_established(const struct packet_tcp *tcp, enum event_direction from)
{
	if (from == FROM_SERVER)
		return tcp->flags & PACKET_SYN || tcp->length;
	return !(tcp->flags & (PACKET_SYN | PACKET_RST)) && tcp->flags & PACKET_ACK;
}

static void flow_packet(struct flow *flow, const struct packet_tcp *tcp, enum event_direction from)
{
	if (tcp->flags & PACKET_SYN && from == FROM_CLIENT) {
		flow->has_syn = true;
		flow->syn = tcp->sequence;
	}
	if (!flow->established && is_established(tcp, from)) {
		flow->established = true;
		if (!flow->existing)
			tell_state(flow, TRANSITION_ESTABLISHED, 0, flow->flows->now);
	}
	flow->flows->counts.cut += tcp->captured < tcp->length;
	if (tcp->flags & PACKET_RST) {
		if (is_reset(flow, tcp, from))
			flow_reset(flow, from);
		return;
	}
	if (flow->tap || flow->cookie) {
		bool again = assembly_packet(&flow->assembly, from, tcp);

		flow->retransmits += again && from == FROM_CLIENT;
	}
	if (flow->tap && tap_state(flow->tap) == TAP_NOT) {
		tap_free(flow->tap);
		flow->tap = NULL;
		assembly_end(&flow->assembly);
	}
	if (assembly_closed(&flow->assembly))
		flow_close(flow, 0);
}

static void tcp_packet(struct flows *flows, const struct packet_ip *ip,
		       const struct packet_tcp *tcp)
{
	struct flow_key key;
	struct flow *flow;
	int source = key_of(&key, ip, tcp);
	enum event_direction from;

	HASH_FIND(hh, flows->all, &key, sizeof(key), flow);
	from = flow && flow->client == source ? FROM_CLIENT : FROM_SERVER;
	if (flow && is_new_connection(flow, tcp, from)) {
		flow_settle(flow);
		if (!flow->over)
			flow_close(flow, 0);
		flow_free(flows, flow);
		flow = NULL;
	}
	if (!flow) {
		/* An acknowledgement alone is nobody's beginning. */
		if (!(tcp->flags & PACKET_SYN) && !tcp->length)
			return;
		flow = flow_new(flows, &key, tcp, source);
		if (!flow)
			return;
		from = flow->client == source ? FROM_CLIENT : FROM_SERVER;
	}
	if (flow_touch(flows, flow) && !flow->over)
		flow_packet(flow, tcp, from);
}

int flows_packet(struct flows *flows, int link, uint64_t time, const uint8_t *bytes,
		 uint32_t captured, uint32_t original)
{
	struct packet_ip ip;
	struct packet_tcp tcp;
	uint32_t at;

	flows->counts.packets++;
	flows->now = time < 1 ? 1 : time > TIME_MAX ? TIME_MAX : time;
	if (flows->now > flows->latest)
		flows->latest = flows->now;
	if (!packet_link(link, bytes, captured, &at) ||
	    !packet_ip(bytes + at, captured - at, original > at ? original - at : 0, &ip)) {
		flows->counts.not_read++;
		return 0;
	}
	if (ip.fragment && !fragments_take(flows->fragments, &ip, flows->now))
		return 0;
	if (ip.protocol != IPPROTO_TCP)
		return 0;
	if (packet_tcp(ip.payload, ip.captured, ip.length, &tcp))
		tcp_packet(flows, &ip, &tcp);
	else
		flows->counts.not_read++;
	return flows->error;
}

int flows_end(struct flows *flows)
{
	struct flow *flow, *next;

	HASH_ITER (hh, flows->all, flow, next) {
		flow_settle(flow);
		flow_free(flows, flow);
	}
	return flows->error;
}

struct flows_counts flows_counts(const struct flows *flows)
{
	struct flows_counts counts = flows->counts;

	counts.incomplete = fragments_incomplete(flows->fragments);
	return counts;
}

uint64_t flows_now(const struct flows *flows)
{
	return flows->latest;
}
