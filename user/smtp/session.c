/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * session.c - the SMTP session machine: pieces and notes of the gate in, facts out
 *
 * Offsets are followed in each direction: bytes seen before are dropped, bytes never seen are a gap, after which the line that
 * was under way is lost and the order of replies is in doubt until a code settles it. Bodies, secrets and TLS come as notes
 * only. The bytes are hostile; any order of any pieces leaves the machine in a valid state, and nothing is fatal.
 */
#include <string.h>

#include "smtp/clienthello.h"
#include "smtp/internal.h"
#include "smtp/lines.h"
#include "smtp/pending.h"

#define PORT_SUBMISSIONS 465 /* RFC 8314 3.3: TLS from the first byte */

void session_init(struct session *session, uint16_t remote_port, session_recipient_fn *on_recipient,
		  session_step_fn *on_step, void *context)
{
	memset(session, 0, offsetof(struct session, machine.pending.slots));
	line_reset(&session->machine.line[FROM_CLIENT]);
	line_reset(&session->machine.line[FROM_SERVER]);
	session->on_recipient = on_recipient;
	session->on_step = on_step;
	session->context = context;
	session->machine.remote_port = remote_port;
}

void session_forget(struct session *session, unsigned int n)
{
	struct session_pending *pending = &session->machine.pending;

	for (unsigned int i = 0; i < n && i < pending->count; i++) {
		if (pending_kind(pending, i) == SLOT_HELO)
			facts_helo_answered(session, false);
	}
	pending_drop(pending, n);
}

/* From here on there are no lines; the room is for a ClientHello. */
static void open_hello(struct session_machine *machine)
{
	if (machine->hello_open)
		return;
	machine->hello_open = true;
	machine->hello.length = 0;
}

static void open_lines(struct session_machine *machine)
{
	if (!machine->hello_open)
		return;
	machine->hello_open = false;
	line_reset(&machine->line[FROM_CLIENT]);
	line_reset(&machine->line[FROM_SERVER]);
}

void session_deafen(struct session *session)
{
	struct session_machine *machine = &session->machine;

	machine->deaf = true;
	session_forget(session, machine->pending.count);
	machine->pending.unqueued = 0;
}

static void hello(struct session *session, const uint8_t *bytes, size_t length)
{
	struct session_machine *machine = &session->machine;
	struct session_facts *facts = &session->facts;
	const char *name;
	size_t room;

	if (facts->sni.seen || !length)
		return;
	open_hello(machine);
	room = sizeof(machine->hello.bytes) - machine->hello.length;
	if (length > room)
		length = room;
	memcpy(machine->hello.bytes + machine->hello.length, bytes, length);
	machine->hello.length += length;
	name = clienthello_sni(machine->hello.bytes, machine->hello.length, &length);
	if (name)
		facts_text(&facts->sni, facts->sni_bytes, LIMIT_SNI, name, length, false);
}

/* TLS is under way in this direction, says the gate. */
static void tls(struct session *session, enum event_direction from)
{
	struct session_machine *machine = &session->machine;
	struct session_facts *facts = &session->facts;

	if (machine->deaf)
		return;
	if (pending_find(&machine->pending, SLOT_STARTTLS) != PENDING_NONE) {
		facts->tls = SESSION_TLS_STARTTLS; /* its 220 was missed */
		session_deafen(session);
	} else if (from == FROM_CLIENT && machine->remote_port == PORT_SUBMISSIONS &&
		   !machine->spoken[FROM_CLIENT] && !machine->spoken[FROM_SERVER]) {
		facts->tls = SESSION_TLS_IMPLICIT;
	}
}

static void end_line(struct session *session, enum event_direction from, const struct line *line)
{
	struct session_facts *facts = &session->facts;

	if (line->bare_lf || line->bare_cr || line->cut) {
		facts->bare_lf |= line->bare_lf;
		facts->bare_cr |= line->bare_cr;
		facts->line_cut |= line->cut;
	}
	if (from == FROM_CLIENT)
		commands_line(session, line);
	else
		replies_line(session, line);
}

static void dialogue(struct session *session, enum event_direction from, const char *bytes,
		     size_t length)
{
	struct session_machine *machine = &session->machine;
	struct line line;

	if (!length)
		return;
	open_lines(machine);
	if (session->facts.tls == SESSION_TLS_IMPLICIT && from == FROM_SERVER)
		session->facts.tls = SESSION_TLS_NONE; /* a plain answer: no TLS ever ran */
	machine->spoken[from] = true;
	while (length && !machine->deaf) {
		size_t taken = line_take(&machine->line[from], bytes, length, &line);

		bytes += taken;
		length -= taken;
		if (line.bytes)
			end_line(session, from, &line);
	}
}

/* The place of the message that a body's bytes belong to, or PENDING_NONE. */
static int body_slot(const struct session_pending *pending)
{
	for (unsigned int n = pending->count; n-- > 0;) {
		enum slot_kind kind = pending_kind(pending, n);

		if (kind == SLOT_DATA || kind == SLOT_BODY)
			return (int)n;
	}
	return PENDING_NONE;
}

/* After the 354, before the dot: what the client says now is not dialogue. */
static bool in_body(struct session_pending *pending)
{
	int place = body_slot(pending);

	return place != PENDING_NONE && *pending_at(pending, place) == SLOT_BODY;
}

/* The lone dot was seen. Whether that is a message is known once 354 was said. */
static void body_ended(struct session *session)
{
	struct session_pending *pending = &session->machine.pending;
	int place = body_slot(pending);
	uint8_t *slot;

	if (place == PENDING_NONE) {
		if (!session->machine.doubt[FROM_CLIENT] && !session->machine.doubt[FROM_SERVER])
			return;
		/* DATA and 354 are in a gap; there is nothing else that a dot ends. */
		session_forget(session, pending->count);
		pending->unqueued = 0;
		pending_push(pending, SLOT_BODY);
		place = 0;
	}
	slot = pending_at(pending, place);
	if (*slot == SLOT_DATA) {
		*slot |= SLOT_WHOLE;
	} else if (*slot == SLOT_BODY) {
		*slot |= SLOT_COUNTED;
		session->facts.messages++;
	}
}

/* Octets of a BDAT chunk went by. Returns those that were none of its. */
static uint64_t chunk_passed(struct session *session, uint64_t octets)
{
	struct session_machine *machine = &session->machine;
	struct session_pending *pending = &machine->pending;
	uint64_t inside = octets < machine->chunk_left ? octets : machine->chunk_left;
	int slot;

	machine->chunk_left -= inside;
	if (!inside || machine->chunk_left || !machine->chunk_last)
		return octets - inside;
	machine->chunk_last = false;
	session->facts.messages++;
	slot = pending_find_last(pending, SLOT_BDAT_LAST);
	if (slot != PENDING_NONE)
		*pending_at(pending, slot) |= SLOT_COUNTED;
	return octets - inside;
}

static void gap(struct session *session, enum event_direction from, uint64_t octets)
{
	struct session_machine *machine = &session->machine;

	if (machine->deaf || !octets)
		return;
	if (from == FROM_CLIENT)
		octets = chunk_passed(session, octets);
	if (!octets)
		return;
	machine->doubt[from] = true;
	if (from == FROM_CLIENT && in_body(&machine->pending))
		return; /* of the body: no line of the dialogue */
	session->facts.gaps++;
	session->facts.gap_bytes += octets;
	open_lines(machine);
	line_lose(&machine->line[from]);
	if (from == FROM_SERVER)
		machine->in_reply = false;
}

/* AUTH's argument with its LF, or the answer to a 334: no line begins with a secret. */
static void secret(struct session *session, enum event_direction from)
{
	struct session_line *begun = &session->machine.line[from];

	if (from != FROM_CLIENT || session->machine.hello_open)
		return;
	if (begun->lost && pending_find(&session->machine.pending, SLOT_AUTH) != PENDING_NONE) {
		line_reset(begun);
	} else if (begun->begun) {
		struct line line = line_end(begun);

		end_line(session, from, &line);
	}
}

static void note(struct session *session, enum event_direction from, uint64_t withheld,
		 enum withheld why, uint8_t flags)
{
	switch (why) {
	case WITHHELD_BODY:
		session->facts.body_bytes += withheld;
		if (from == FROM_CLIENT)
			withheld = chunk_passed(session, withheld);
		if (flags & DATA_DOT)
			body_ended(session);
		if (flags & DATA_DOT || (from == FROM_CLIENT && withheld))
			session->machine.endless = !(flags & DATA_DOT);
		break;
	case WITHHELD_SECRET:
		if (from == FROM_CLIENT)
			session->machine.blind = true;
		secret(session, from);
		break;
	case WITHHELD_TLS:
		tls(session, from);
		break;
	case WITHHELD_NOT_SMTP:
	case WITHHELD_PROXY:
		break;
	case WITHHELD_MISSED:
	case WITHHELD_RING:
		gap(session, from, withheld);
		break;
	case WITHHELD_URGENT:
		session->facts.urgent = true;
		break;
	case WITHHELD_NOT:
		break;
	}
}

/* Follows the stream. Returns the bytes at the piece's start that were seen before. */
static uint64_t follow(struct session *session, enum event_direction from, uint64_t offset,
		       uint64_t size)
{
	uint64_t *next = &session->machine.next[from];
	uint64_t end, seen;

	if (__builtin_add_overflow(offset, size, &end))
		end = UINT64_MAX;
	if (offset > *next)
		gap(session, from, offset - *next);
	seen = offset < *next ? *next - offset : 0;
	if (end > *next)
		*next = end;
	return seen < size ? seen : size;
}

void session_data(struct session *session, enum event_direction from, uint64_t offset,
		  const uint8_t *bytes, size_t length, uint64_t withheld, enum withheld why,
		  uint8_t flags)
{
	struct session_machine *machine = &session->machine;
	uint64_t size, seen;

	if (__builtin_add_overflow((uint64_t)length, withheld, &size))
		size = UINT64_MAX;
	seen = follow(session, from, offset, size);
	if (seen == size)
		return;
	if (seen < length) {
		bytes += seen;
		length -= seen;
	} else {
		withheld -= seen - length;
		length = 0;
	}
	if (flags & DATA_HELLO) {
		tls(session, from);
		hello(session, bytes, length);
	} else if (!(flags & DATA_PROXY) && !machine->deaf) {
		dialogue(session, from, (const char *)bytes, length);
	}
	if (withheld)
		note(session, from, withheld, why, flags);
}

void session_end(struct session *session)
{
	struct session_machine *machine = &session->machine;
	struct session_pending *pending = &machine->pending;

	/* No server side at all: its 354s are assumed. */
	if (!machine->next[FROM_SERVER]) {
		for (unsigned int n = 0; n < pending->count; n++) {
			uint8_t slot = *pending_at(pending, n);

			if ((slot & SLOT_KIND) == SLOT_DATA && (slot & SLOT_WHOLE))
				session->facts.messages++;
		}
	}
	session_forget(session, pending->count);
	pending->unqueued = 0;
}
