/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tap.c - the kernel's gate on the streams of a captured connection
 *
 * Bodies are searched for their end here, in whole segments, and the gate is given the pieces between: the kernel looks only at a
 * segment's tail. Words before the proof are kept up to LIMIT_WORDS; what is over is a gap by its offset. Out of memory does
 * the same. Nothing is fatal.
 */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "capture/tap.h"

/* Whom the gate asks about a port: the tap at work. */
static _Thread_local const struct tap_ports *listed;

#define GATE_PORT_LISTED(port) tap_port_listed(listed, port)
#include "gate.h"

struct tap_stream {
	uint64_t offset;
	uint64_t note_offset, note; /* withheld bytes not told yet */
	uint8_t note_why, note_flags;
};

struct tap {
	const struct tap_output *output;
	void *context;
	const struct tap_ports *ports;
	struct gate gate;
	bool proven;
	struct tap_stream streams[2]; /* by enum event_direction */
	uint8_t *words; /* records that wait for the proof, as they will be told */
	size_t words_used, words_room;
};

bool tap_port_listed(const struct tap_ports *ports, uint32_t port)
{
	for (unsigned int i = 0; i < ports->count; i++)
		if (ports->ports[i] == port)
			return true;
	return false;
}

struct tap *tap_new(const struct tap_output *output, void *context, const struct tap_ports *ports,
		    uint16_t server_port, bool joined)
{
	struct tap *tap = calloc(1, sizeof(*tap));

	if (!tap)
		return NULL;
	tap->output = output;
	tap->context = context;
	tap->ports = ports;
	if (tap_port_listed(ports, server_port)) {
		tap->gate.wanted = 1;
		tap->gate.found = FOUND_PORT;
		tap->proven = true;
		if (joined) { /* as the kernel takes a connection that was there before it */
			tap->gate.protocol = GATE_SMTP;
			tap->gate.greeted = 1;
			tap->gate.hold = GATE_HOLD_JOINED;
		}
	}
	return tap;
}

void tap_free(struct tap *tap)
{
	if (!tap)
		return;
	free(tap->words);
	free(tap);
}

enum tap_state tap_state(const struct tap *tap)
{
	if (tap->proven)
		return TAP_SMTP;
	return tap->gate.protocol == GATE_NOT ? TAP_NOT : TAP_UNPROVEN;
}

enum found_by tap_found(const struct tap *tap)
{
	return (enum found_by)tap->gate.found;
}

static size_t piece_size(const struct event_data *piece)
{
	return offsetof(struct event_data, bytes) + piece->length;
}

static void keep_words(struct tap *tap, const struct event_data *piece)
{
	size_t need = tap->words_used + ((piece_size(piece) + 7) & ~(size_t)7);

	if (need > LIMIT_WORDS)
		return;
	if (need > tap->words_room) {
		size_t room = need * 2 < LIMIT_WORDS ? need * 2 : LIMIT_WORDS;
		uint8_t *larger = realloc(tap->words, room);

		if (!larger)
			return;
		tap->words = larger;
		tap->words_room = room;
	}
	memcpy(tap->words + tap->words_used, piece, piece_size(piece));
	tap->words_used = need;
}

static void tell(struct tap *tap, const struct event_data *piece)
{
	if (tap->proven)
		tap->output->piece(tap->context, piece);
	else
		keep_words(tap, piece);
}

/* What was said to a proxy is no dialogue, in however many pieces it came. */
static void to_proxy(struct event_data *piece)
{
	if (piece->direction == FROM_CLIENT) {
		piece->flags |= DATA_PROXY;
		return;
	}
	piece->withheld += piece->length;
	piece->why = WITHHELD_PROXY;
	piece->length = 0;
}

static void tell_words(struct tap *tap)
{
	size_t size;

	tap->proven = true;
	tap->output->proven(tap->context);
	for (size_t at = 0; at < tap->words_used; at += size) {
		struct event_data piece;

		memcpy(&piece, tap->words + at, offsetof(struct event_data, bytes));
		size = (piece_size(&piece) + 7) & ~(size_t)7;
		memcpy(piece.bytes, tap->words + at + offsetof(struct event_data, bytes),
		       piece.length);
		if (tap->gate.protocol == GATE_PROXY && piece.length)
			to_proxy(&piece);
		tap->output->piece(tap->context, &piece);
	}
	free(tap->words);
	tap->words = NULL;
	tap->words_used = tap->words_room = 0;
}

static void flush(struct tap *tap, enum event_direction from)
{
	struct tap_stream *stream = &tap->streams[from];
	struct event_data note;

	if (!stream->note)
		return;
	memset(&note, 0, offsetof(struct event_data, bytes));
	note.offset = stream->note_offset;
	note.withheld = stream->note;
	note.direction = (uint8_t)from;
	note.why = stream->note_why;
	note.flags = stream->note_flags;
	stream->note = 0;
	stream->note_flags = 0;
	tell(tap, &note);
}

static void withhold(struct tap *tap, enum event_direction from, uint64_t length, uint8_t why,
		     uint8_t flags)
{
	struct tap_stream *stream = &tap->streams[from];

	if (!length)
		return;
	if (stream->note && stream->note_why != why)
		flush(tap, from);
	if (!stream->note)
		stream->note_offset = stream->offset;
	stream->note += length;
	stream->note_why = why;
	stream->note_flags |= flags;
	stream->offset += length;
}

static void pass(struct tap *tap, enum event_direction from, const uint8_t *bytes, uint32_t length,
		 uint8_t flags)
{
	struct tap_stream *stream = &tap->streams[from];
	struct event_data piece;

	/* The client's body comes before the server's word about it. */
	flush(tap, FROM_CLIENT);
	flush(tap, FROM_SERVER);
	memset(&piece, 0, offsetof(struct event_data, bytes));
	piece.offset = stream->offset;
	piece.length = length;
	piece.direction = (uint8_t)from;
	piece.flags = flags;
	memcpy(piece.bytes, bytes, length);
	stream->offset += length;
	tell(tap, &piece);
}

/* One step through the segment. Returns the bytes dealt with. */
static size_t step(struct tap *tap, enum event_direction from, const uint8_t *bytes, size_t length)
{
	uint32_t size = length < UINT32_MAX ? (uint32_t)length : UINT32_MAX;
	struct gate_cut cut = {0};
	struct gate_piece piece;
	uint8_t why;
	uint32_t skips = from == FROM_CLIENT ? gate_client_skips(&tap->gate, size, &why)
					     : gate_server_skips(&tap->gate, size, &why);

	if (skips) {
		withhold(tap, from, skips, why, 0);
		return skips;
	}
	if (size > GATE_PIECE)
		size = GATE_PIECE;
	memcpy(piece.bytes, bytes, size);
	if (from == FROM_CLIENT)
		gate_client(&tap->gate, &piece, size, &cut);
	else
		gate_server(&tap->gate, &piece, size, &cut);
	if (!tap->proven && (tap->gate.protocol == GATE_SMTP || tap->gate.protocol == GATE_PROXY ||
			     tap->gate.protocol == GATE_TLS))
		tell_words(tap);
	if (cut.keep)
		pass(tap, from, bytes, cut.keep, cut.flags & (DATA_HELLO | DATA_PROXY));
	withhold(tap, from, cut.used - cut.keep, cut.why, cut.flags & DATA_DOT);
	return cut.used;
}

/*
 * Up to where the gate may see the client's bytes as one segment: to a body's end, if there is one in them. Where the last segment ended in the middle of one, a few bytes decide; so few are never skipped.
 */
static size_t until_dot(const struct tap *tap, const uint8_t *bytes, size_t length)
{
	const uint8_t *found;

	if (tap->gate.hold != GATE_HOLD_BODY)
		return length;
	if (tap->gate.dot)
		return length < 4 ? length : 4;
	found = memmem(bytes, length, "\n.\r\n", 4);
	return found ? (size_t)(found - bytes) + 4 : length;
}

void tap_bytes(struct tap *tap, enum event_direction from, const uint8_t *bytes, size_t length)
{
	listed = tap->ports;
	while (length && tap_state(tap) != TAP_NOT) {
		bool body = tap->gate.hold == GATE_HOLD_BODY;
		size_t size = from == FROM_CLIENT ? until_dot(tap, bytes, length) : length;

		/* What is behind a body may be the next one's envelope and text: look anew from there. */
		while (size) {
			size_t used = step(tap, from, bytes, size);

			bytes += used;
			size -= used;
			length -= used;
			if (body != (tap->gate.hold == GATE_HOLD_BODY))
				break;
		}
	}
}

void tap_missing(struct tap *tap, enum event_direction from, uint64_t length)
{
	gate_missed(&tap->gate, from == FROM_SERVER);
	withhold(tap, from, length, WITHHELD_MISSED, 0);
}

void tap_end(struct tap *tap)
{
	flush(tap, FROM_CLIENT);
	flush(tap, FROM_SERVER);
}
