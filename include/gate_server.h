/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gate_server.h - the gate's server side: greetings, replies, a proxy's answer
 *
 * Part of gate.h, which includes it.
 */
#ifndef SMTPSNOOP_GATE_SERVER_H
#define SMTPSNOOP_GATE_SERVER_H

#define GATE_CHUNKING 13 /* bytes of "250-CHUNKING\r" */

/* A reply is complete. True when the server's next bytes are of another kind. */
GATE_INLINE int gate_reply(struct gate *gate, __u32 code)
{
	if (!gate->greeted) {
		gate->greeted = 1;
		if (gate->hold == GATE_HOLD_EARLY) {
			gate->hold = GATE_HOLD_NOT;
			gate_line(&gate->client);
		}
		return 0;
	}
	if (gate->pending)
		gate->pending--;
	if (code == 354) {
		gate->hold = GATE_HOLD_BODY;
		gate->hold_replies = 0;
		return 0;
	}
	if (code == 334) {
		gate->hold = GATE_HOLD_SECRET;
		gate->hold_replies = 1;
		return 0;
	}
	if (gate->hold == GATE_HOLD_NOT || gate->hold == GATE_HOLD_EARLY)
		return 0;
	/* RFC 959 5.4: USER is answered 230, 331 or 332; RFC 2389 3.2: FEAT 211; RFC 4217 4: AUTH TLS 234. No SMTP server says so. */
	if ((gate->hold == GATE_HOLD_USER &&
	     (code == 331 || code == 332 || code == 230 || code == 211)) ||
	    (gate->hold == GATE_HOLD_SECRET && code == 234)) {
		gate->protocol = GATE_NOT;
		return 1;
	}
	if (gate->hold == GATE_HOLD_STARTTLS && code == 220) {
		gate->hold = GATE_HOLD_NOT;
		if (!gate->found)
			gate->found = FOUND_GREETING;
		gate->protocol = GATE_TLS;
		gate_line(&gate->client);
		return 1;
	}
	if (gate->hold_replies > 1 && code != 235 && code != 535) {
		gate->hold_replies--;
		return 0;
	}
	/* A chunk goes on after its refusal (RFC 3030 2), unless the server never offered to take any. */
	if (gate->hold == GATE_HOLD_CHUNK && (code < 400 || gate->chunking))
		return 0;
	gate->hold = GATE_HOLD_NOT;
	gate->chunk = 0;
	gate_line(&gate->client);
	return 0;
}

/* A server line is complete; "250-CHUNKING" is noted, the last line of a reply counts. */
GATE_INLINE int gate_server_line(struct gate *gate)
{
	struct gate_side *line = &gate->server;
	__u64 word = line->word;
	__u8 a = word >> 56, b = word >> 48, c = word >> 40, separator = word >> 32;
	int stop = 0;

	if (a >= '2' && a <= '5' && b >= '0' && b <= '9' && c >= '0' && c <= '9') {
		if (a == '2' && gate->greeted && line->length == GATE_CHUNKING &&
		    (__u32)word == GATE_WORD4('C', 'H', 'U', 'N') &&
		    line->number >> 8 == GATE_WORD4('K', 'I', 'N', 'G'))
			gate->chunking = 1;
		if (separator != '-')
			stop = gate_reply(gate, (a - '0') * 100 + (b - '0') * 10 + (c - '0'));
	}
	gate_line(line);
	return stop;
}

/* The server's first bytes: does it greet like SMTP? */
GATE_INLINE void gate_server_first(struct gate *gate, __u8 c)
{
	__u16 at = gate->server.length; /* counts c already */
	int good;

	if (at <= 3)
		good = gate->wanted ? (c >= '0' && c <= '9') : c == (at == 3 ? '0' : '2');
	else
		good = c == ' ' || c == '-' || c == '\r' || c == '\n';
	if (!good)
		gate->protocol = GATE_NOT;
	else if (at >= 4)
		gate->protocol = GATE_CANDIDATE;
}

/* A proxy's answer; true when the tunnel is open after this byte. */
GATE_INLINE int gate_proxy_byte(struct gate *gate, __u8 c)
{
	struct gate_side *line = &gate->server;
	__u16 at = line->length;

	if (line->length < 65535)
		line->length++;
	if (gate->socks == 4)
		return at == 7;
	if (gate->socks == 5) {
		if (at == 3)
			line->number = c == 1 ? 9 : c == 4 ? 21 : 0;
		else if (at == 4 && line->number == 0)
			line->number = 6 + c;
		return at > 4 && at == line->number;
	}
	/* HTTP: the header ends with an empty line. */
	if (c == '\n') {
		if (line->last == '\n')
			return 1;
		line->last = c;
	} else if (c != '\r') {
		line->last = c;
	}
	return 0;
}

/* One byte of the server's. Returns a step. */
GATE_FUNC gate_server_one(struct gate *gate, __u32 c)
{
	if (!gate)
		return GATE_REFUSE;
	if (gate->protocol == GATE_PROXY) {
		if (!gate_proxy_byte(gate, c))
			return GATE_WITHHOLD;
		gate_tunnel(gate);
		return GATE_WITHHOLD_LAST;
	}
	if (gate->protocol == GATE_UNDECIDED) {
		gate_count(&gate->server, c);
		gate_server_first(gate, c);
		if (gate->protocol == GATE_NOT)
			return GATE_REFUSE;
		if (c == '\n')
			gate_server_line(gate);
		return GATE_PASS;
	}
	if (c == '\n')
		return gate_server_line(gate) ? GATE_LAST : GATE_PASS;
	if (gate->server.length >= 8)
		gate->server.number = gate->server.number << 8 | gate_upper(c);
	gate_count(&gate->server, c);
	return GATE_PASS;
}

/*
 * How many of the server's next `left` bytes need not be looked at. The first one is, even where TLS was begun: a server that
 * greets in plain text has not understood.
 */
GATE_INLINE __u32 gate_server_skips(const struct gate *gate, __u32 left, __u8 *why)
{
	*why = gate_why(gate);
	if (gate->protocol == GATE_TLS && gate->implicit && !gate->server.started)
		return 0;
	return gate->protocol == GATE_NOT || gate->protocol == GATE_TLS ? left : 0;
}

/* The server's next bytes, as gate_client(). */
GATE_FUNC gate_server(struct gate *gate, const struct gate_piece *piece, __u32 length,
		      struct gate_cut *result)
{
	volatile struct gate_cut *cut = result;
	__u32 i;
	int step;

	if (!gate || !piece || !result)
		return 0;
	if (length > GATE_PIECE)
		length = GATE_PIECE;
	cut->keep = 0;
	cut->used = length;
	cut->flags = 0;
	/* The client began with TLS, the server greets in plain text: no TLS will run. */
	if (length && !gate->server.started && gate->protocol == GATE_TLS && gate->implicit &&
	    piece->bytes[0] >= '2' && piece->bytes[0] <= '5') {
		gate->protocol = GATE_UNDECIDED;
		gate->implicit = 0;
		gate_line(&gate->client);
	}
	/* Connected before, and in the middle of TLS. */
	if (length && gate->hold == GATE_HOLD_JOINED && piece->bytes[0] >= 0x14 &&
	    piece->bytes[0] <= 0x17) {
		gate->protocol = GATE_TLS;
		gate->client.part = GATE_PART_SECRET;
	}
	cut->why = gate_why(gate);
	gate->server.started = 1;
	if (gate->protocol == GATE_SOCKS) { /* an answer: the client's next message starts afresh */
		gate->socks_stage = 1;
		gate_line(&gate->client);
		return 0;
	}
	if (gate->protocol == GATE_NOT || gate->protocol == GATE_TLS)
		return 0;
	cut->why = gate->protocol == GATE_PROXY ? WITHHELD_PROXY : WITHHELD_NOT_SMTP;
	for (i = 0; i < GATE_PIECE; i++) {
		__u8 c;

		if (i >= length)
			return 0;
		c = piece->bytes[i];
		if (gate->server.length > GATE_CHUNKING && c != '\n' &&
		    gate->protocol <= GATE_SMTP) {
			cut->keep = i + 1;
			continue;
		}
		step = gate_server_one(gate, c);
		if (step == GATE_REFUSE) {
			cut->keep = 0;
			return 0;
		}
		if (step == GATE_PASS || step == GATE_LAST)
			cut->keep = i + 1;
		if (step == GATE_LAST || step == GATE_WITHHOLD_LAST) {
			cut->used = i + 1;
			return 0;
		}
	}
	return 0;
}

#endif
