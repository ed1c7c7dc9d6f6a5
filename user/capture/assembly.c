/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * assembly.c - the two byte streams of one TCP connection, in the order in which they were said
 *
 * Numbers wrap: they are compared by the sign of their difference, and what is further away than JUMP_MAX is nobody's. Every
 * piece that is held is told sooner or later, so that no order of packets can hold anything up; nothing is fatal.
 */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "capture/assembly.h"

#define JUMP_MAX (1 << 30) /* the largest window, RFC 7323 2.3 */

struct assembly_piece {
	struct assembly_piece *next;
	uint64_t arrival; /* in packets of this connection */
	uint32_t sequence, length;
	uint32_t acknowledged;
	bool answers; /* acknowledged is valid */
	uint8_t bytes[];
};

static int32_t ahead(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

static bool is_near(uint32_t a, uint32_t b)
{
	int32_t distance = ahead(a, b);

	return distance <= JUMP_MAX && distance >= -JUMP_MAX;
}

void assembly_init(struct assembly *assembly, const struct assembly_output *output, void *context,
		   struct assembly_budget *budget)
{
	memset(assembly, 0, sizeof(*assembly));
	assembly->output = output;
	assembly->context = context;
	assembly->budget = budget;
}

static void tell(struct assembly *assembly, enum event_direction from, uint32_t sequence,
		 const uint8_t *bytes, uint32_t length)
{
	struct assembly_side *side = &assembly->side[from];
	uint32_t seen = side->next - sequence;

	if (seen >= length)
		return;
	side->next = sequence + length;
	assembly->output->bytes(assembly->context, from, bytes + seen, length - seen);
}

static void give_up(struct assembly *assembly, enum event_direction from, uint32_t until)
{
	struct assembly_side *side = &assembly->side[from];
	int32_t length = ahead(until, side->next);

	if (length <= 0)
		return;
	side->next = until;
	assembly->output->missing(assembly->context, from, (uint32_t)length);
}

/* Does what `from` says come after bytes of the other side that have not been told yet? Its FIN takes a number too. */
static bool waits_for_answer(const struct assembly *assembly, enum event_direction from,
			     bool answers, uint32_t acknowledged)
{
	const struct assembly_side *peer = &assembly->side[!from];
	int32_t missing = ahead(acknowledged, peer->next);

	if (!answers || !peer->known || missing <= 0 || missing > JUMP_MAX)
		return false;
	return !(peer->ended && peer->next == peer->fin && missing == 1);
}

static bool is_ready(const struct assembly *assembly, enum event_direction from,
		     const struct assembly_piece *piece)
{
	return ahead(piece->sequence, assembly->side[from].next) <= 0 &&
	       !waits_for_answer(assembly, from, piece->answers, piece->acknowledged);
}

static void tell_first(struct assembly *assembly, enum event_direction from)
{
	struct assembly_side *side = &assembly->side[from];
	struct assembly_piece *piece = side->early;

	side->early = piece->next;
	assembly->held -= piece->length;
	assembly->budget->used -= piece->length;
	tell(assembly, from, piece->sequence, piece->bytes, piece->length);
	free(piece);
}

static void tell_ready(struct assembly *assembly)
{
	int idle = 0;

	for (int from = FROM_CLIENT; idle < 2; from = !from) {
		idle++;
		while (assembly->side[from].early &&
		       is_ready(assembly, from, assembly->side[from].early)) {
			tell_first(assembly, from);
			idle = 0;
		}
	}
}

static void force_first(struct assembly *assembly, enum event_direction from)
{
	give_up(assembly, from, assembly->side[from].early->sequence);
	tell_first(assembly, from);
}

/* What came first of all that waits; FROM_SERVER + 1 = nothing does. */
static int longest_waiting(const struct assembly *assembly)
{
	const struct assembly_piece *client = assembly->side[FROM_CLIENT].early;
	const struct assembly_piece *server = assembly->side[FROM_SERVER].early;

	if (!client && !server)
		return FROM_SERVER + 1;
	return !server || (client && client->arrival < server->arrival) ? FROM_CLIENT : FROM_SERVER;
}

/* Stops waiting for what this side says next: first comes what it answers, as far as that is there. */
static void force(struct assembly *assembly, enum event_direction from)
{
	const struct assembly_piece *piece = assembly->side[from].early;
	struct assembly_side *peer = &assembly->side[!from];

	if (waits_for_answer(assembly, from, piece->answers, piece->acknowledged)) {
		while (peer->early && ahead(piece->acknowledged, peer->early->sequence) > 0)
			force_first(assembly, !from);
		/* A single number may be that of a FIN that was not captured. */
		if (waits_for_answer(assembly, from, piece->answers, piece->acknowledged) &&
		    ahead(piece->acknowledged, peer->next) > 1)
			give_up(assembly, !from, piece->acknowledged);
	}
	force_first(assembly, from);
	tell_ready(assembly);
}

/* The other side has it, or can't be asked: if it was not captured by now, it was not captured. */
static bool is_hopeless(const struct assembly *assembly, enum event_direction from)
{
	const struct assembly_side *side = &assembly->side[from];
	const struct assembly_piece *piece = side->early;

	if (assembly->packets - piece->arrival <= LIMIT_PATIENCE)
		return false;
	return !assembly->side[!from].known || ahead(piece->sequence, side->next) <= 0 ||
	       (side->answered && ahead(side->acknowledged, side->next) > 0);
}

static void settle(struct assembly *assembly)
{
	int from;

	tell_ready(assembly);
	while ((from = longest_waiting(assembly)) <= FROM_SERVER && is_hopeless(assembly, from))
		force(assembly, from);
}

static bool has_room(const struct assembly *assembly, uint32_t length)
{
	return assembly->held + length <= LIMIT_EARLY &&
	       assembly->budget->used + length <= assembly->budget->most;
}

/* Puts a piece that overlaps nothing before *at. */
static bool keep(struct assembly *assembly, struct assembly_piece **at,
		 const struct packet_tcp *tcp, uint32_t sequence, uint32_t length)
{
	struct assembly_piece *piece = malloc(sizeof(*piece) + length);

	if (!piece)
		return false;
	piece->arrival = assembly->packets;
	piece->sequence = sequence;
	piece->length = length;
	piece->answers = tcp->flags & PACKET_ACK;
	piece->acknowledged = tcp->acknowledged;
	memcpy(piece->bytes, tcp->bytes + (sequence - tcp->sequence), length);
	piece->next = *at;
	*at = piece;
	assembly->held += length;
	assembly->budget->used += length;
	return true;
}

/* Keeps what of the segment is not held yet. */
static bool keep_new(struct assembly *assembly, enum event_direction from,
		     const struct packet_tcp *tcp, uint32_t sequence, uint32_t end)
{
	struct assembly_piece **at = &assembly->side[from].early;

	while (ahead(end, sequence) > 0) {
		uint32_t until = end;

		while (*at && ahead((*at)->sequence + (*at)->length, sequence) <= 0)
			at = &(*at)->next;
		if (*at && ahead((*at)->sequence, sequence) <= 0) {
			sequence = (*at)->sequence + (*at)->length;
			continue;
		}
		if (*at && ahead(end, (*at)->sequence) > 0)
			until = (*at)->sequence;
		if (!keep(assembly, at, tcp, sequence, until - sequence))
			return false;
		sequence = until;
	}
	return true;
}

/* Payload that begins at `sequence`. Returns true when all of it had been seen. */
static bool take(struct assembly *assembly, enum event_direction from, const struct packet_tcp *tcp,
		 uint32_t sequence)
{
	struct assembly_side *side = &assembly->side[from];
	bool answers = tcp->flags & PACKET_ACK;
	uint32_t end = sequence + tcp->captured;

	if (!tcp->length)
		return false;
	if (ahead(sequence + tcp->length, side->next) <= 0)
		return true;
	if (ahead(sequence, side->next) > JUMP_MAX)
		return false;
	if (ahead(sequence + tcp->length, side->most) > 0)
		side->most = sequence + tcp->length;
	if (!tcp->captured || ahead(end, side->next) <= 0)
		return false;
	if (!side->early && ahead(sequence, side->next) <= 0 &&
	    !waits_for_answer(assembly, from, answers, tcp->acknowledged)) {
		tell(assembly, from, sequence, tcp->bytes, tcp->captured);
		return false;
	}
	if (ahead(sequence, side->next) < 0)
		sequence = side->next;
	while (!has_room(assembly, end - sequence) && longest_waiting(assembly) <= FROM_SERVER)
		force(assembly, longest_waiting(assembly));
	if (has_room(assembly, end - sequence) && keep_new(assembly, from, tcp, sequence, end))
		return false;
	/* No room for it: what it waits for is missing. */
	while (side->early)
		force(assembly, from);
	give_up(assembly, from, sequence);
	tell(assembly, from, tcp->sequence, tcp->bytes, tcp->captured);
	return false;
}

bool assembly_packet(struct assembly *assembly, enum event_direction from,
		     const struct packet_tcp *tcp)
{
	struct assembly_side *side = &assembly->side[from], *peer = &assembly->side[!from];
	struct packet_tcp data = *tcp;
	bool again;

	if (tcp->flags & PACKET_SYN)
		data.sequence++;
	if (!side->known) {
		side->known = true;
		side->next = side->most = data.sequence;
	}
	assembly->packets++;
	if (tcp->flags & PACKET_ACK && peer->known && is_near(tcp->acknowledged, peer->next)) {
		if (!peer->answered || ahead(tcp->acknowledged, peer->acknowledged) > 0)
			peer->acknowledged = tcp->acknowledged;
		peer->answered = true;
	}
	if (tcp->flags & PACKET_FIN && !side->ended &&
	    is_near(data.sequence + tcp->length, side->next)) {
		side->ended = true;
		side->fin = data.sequence + tcp->length;
	}
	again = take(assembly, from, &data, data.sequence);
	settle(assembly);
	return again;
}

/* What was sent or acknowledged, but never captured, at the stream's end. */
static void give_up_tail(struct assembly *assembly, enum event_direction from)
{
	struct assembly_side *side = &assembly->side[from];

	if (!side->known)
		return;
	give_up(assembly, from, side->most);
	/* A single number more is a FIN. */
	if (side->answered && ahead(side->acknowledged, side->next) > 1)
		give_up(assembly, from, side->acknowledged);
}

void assembly_end(struct assembly *assembly)
{
	int from;

	tell_ready(assembly);
	while ((from = longest_waiting(assembly)) <= FROM_SERVER)
		force(assembly, from);
	give_up_tail(assembly, FROM_CLIENT);
	give_up_tail(assembly, FROM_SERVER);
}

static bool side_closed(const struct assembly_side *side)
{
	return side->ended && (side->next == side->fin ||
			       (side->answered && ahead(side->acknowledged, side->fin) > 0));
}

bool assembly_closed(const struct assembly *assembly)
{
	return side_closed(&assembly->side[FROM_CLIENT]) &&
	       side_closed(&assembly->side[FROM_SERVER]);
}
