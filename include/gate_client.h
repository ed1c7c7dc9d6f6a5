/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gate_client.h - the gate's client side: commands, secrets, bodies, tunnels asked for
 *
 * Part of gate.h, which includes it.
 */
#ifndef SMTPSNOOP_GATE_CLIENT_H
#define SMTPSNOOP_GATE_CLIENT_H

GATE_INLINE int gate_proxied(struct gate *gate)
{
	if (!GATE_PORT_LISTED(gate->client.number)) {
		gate->protocol = GATE_NOT;
		return GATE_REFUSE;
	}
	gate->protocol = GATE_PROXY;
	gate->found = FOUND_PROXY;
	gate_line(&gate->server);
	return GATE_LAST;
}

/*
 * The verb is complete: does it prove SMTP, or something else? Returns GATE_PASS or GATE_REFUSE.
 */
GATE_INLINE int gate_classify(struct gate *gate)
{
	struct gate_side *line = &gate->client;
	__u64 word = line->word;
	__u32 verb = word >> 32;
	int proof = 0, known = 0;

	if (line->part == GATE_PART_VERB)
		line->part = GATE_PART_REST;
	if (gate_verb_ends(word)) {
		if (verb == GATE_WORD4('E', 'H', 'L', 'O') ||
		    verb == GATE_WORD4('H', 'E', 'L', 'O') ||
		    verb == GATE_WORD4('L', 'H', 'L', 'O')) {
			proof = 2;
			gate->chunking = 0; /* what was offered to the greeting before */
		} else if (verb == GATE_WORD4('D', 'A', 'T', 'A')) {
			line->verb = GATE_VERB_DATA;
		} else if (verb == GATE_WORD4('A', 'U', 'T', 'H')) {
			line->verb = GATE_VERB_AUTH;
		} else if (verb == GATE_WORD4('B', 'D', 'A', 'T')) {
			line->verb = GATE_VERB_BDAT;
		} else if (verb == GATE_WORD4('U', 'S', 'E', 'R') ||
			   verb == GATE_WORD4('F', 'E', 'A', 'T')) {
			/* The server's answer tells an FTP client from one that pretends. */
			line->verb = GATE_VERB_USER;
		} else if (verb == GATE_WORD4('N', 'O', 'O', 'P') ||
			   verb == GATE_WORD4('R', 'S', 'E', 'T') ||
			   verb == GATE_WORD4('H', 'E', 'L', 'P') ||
			   verb == GATE_WORD4('Q', 'U', 'I', 'T') ||
			   verb == GATE_WORD4('V', 'R', 'F', 'Y') ||
			   verb == GATE_WORD4('E', 'X', 'P', 'N') ||
			   verb == GATE_WORD4('E', 'T', 'R', 'N') ||
			   verb == GATE_WORD4('M', 'A', 'I', 'L') ||
			   verb == GATE_WORD4('R', 'C', 'P', 'T')) {
			known = 1;
		}
	}
	if (word == GATE_WORD8('M', 'A', 'I', 'L', ' ', 'F', 'R', 'O') ||
	    word == GATE_WORD8('R', 'C', 'P', 'T', ' ', 'T', 'O', ':'))
		proof = 1;
	if (word == GATE_WORD8('S', 'T', 'A', 'R', 'T', 'T', 'L', 'S'))
		line->verb = GATE_VERB_STARTTLS;
	if (gate->careful && !proof && !known && !line->verb) {
		line->part = GATE_PART_SECRET; /* a password said blindly, or a body's line */
		return GATE_WITHHOLD;
	}
	if (gate->protocol == GATE_SMTP)
		return GATE_PASS;
	if (gate->protocol == GATE_CANDIDATE) {
		if (known && (verb == GATE_WORD4('M', 'A', 'I', 'L') ||
			      verb == GATE_WORD4('R', 'C', 'P', 'T')))
			proof = 1; /* blanks before "FROM:" are forbidden, and taken by many servers */
		if (proof) {
			gate->protocol = GATE_SMTP;
			if (!gate->found)
				gate->found = FOUND_GREETING;
		} else if (++gate->lines > GATE_CANDIDATE_LINES && !gate->wanted) {
			goto other;
		}
		return GATE_PASS;
	}
	/* No greeting yet. */
	if (proof == 2) {
		gate->protocol = GATE_SMTP;
		if (!gate->found)
			gate->found = FOUND_CLIENT;
		return GATE_PASS;
	}
	if (proof || known || (gate->wanted && line->verb))
		return GATE_PASS;
	if (!gate->wanted && (word == GATE_WORD8('C', 'O', 'N', 'N', 'E', 'C', 'T', ' ') ||
			      word == GATE_WORD8('C', 'O', 'N', 'N', 'E', 'C', 'T', '\t'))) {
		line->part = GATE_PART_TARGET;
		return GATE_PASS;
	}
	if (gate->wanted) { /* HTTP to port 25, say: wait for what the server makes of it */
		gate->hold = GATE_HOLD_EARLY;
		return GATE_REFUSE;
	}
other:
	gate->protocol = GATE_NOT;
	return GATE_REFUSE;
}

/* A client line is complete. */
GATE_INLINE int gate_command(struct gate *gate)
{
	struct gate_side *line = &gate->client;
	int step = GATE_PASS, held;
	__u8 verb;

	if (line->part == GATE_PART_VERB && line->length)
		step = gate_classify(gate);
	if (step == GATE_REFUSE)
		return step;
	held = line->part == GATE_PART_SECRET;
	if (line->part == GATE_PART_TARGET) {
		step = gate_proxied(gate);
		gate_line(line);
		return step;
	}
	verb = line->verb;
	if (line->length && line->last == '\r' && gate->pending < 65535)
		gate->pending++;
	gate->hold_replies = gate->pending ? gate->pending : 1;
	if (verb == GATE_VERB_DATA) {
		gate->careful = 1;
		gate->hold = GATE_HOLD_BODY;
		gate->dot = 2; /* the line feed of DATA counts: a body may be empty */
	} else if (verb == GATE_VERB_AUTH) {
		gate->careful = 1;
		gate->hold = GATE_HOLD_SECRET;
	} else if (verb == GATE_VERB_USER) {
		gate->hold = GATE_HOLD_USER;
	} else if (verb == GATE_VERB_STARTTLS) {
		gate->hold = GATE_HOLD_STARTTLS;
	} else if (verb == GATE_VERB_BDAT && line->part != GATE_PART_REST && line->number &&
		   line->number - 1 <= GATE_CHUNK_MAX && !(line->last_letters & 3)) {
		/* number holds the size plus one, so that "no digit" differs from "0" */
		gate->chunk = line->number - 1;
		if (gate->chunk)
			gate->hold = GATE_HOLD_CHUNK;
	}
	gate_line(line);
	if (held)
		return GATE_WITHHOLD_LAST;
	return gate->hold ? GATE_LAST : GATE_PASS;
}

/*
 * "BDAT size" or "BDAT size LAST" and nothing else: what the server refuses as malformed has no chunk, and a client could hide
 * its next commands in one that we believed in.
 */
GATE_INLINE void gate_chunk_digit(struct gate_side *line, __u8 c)
{
	__u16 letters = line->last_letters;

	if (line->last == '\r') {
		line->part = GATE_PART_REST;
	} else if (c >= '0' && c <= '9' && line->part == GATE_PART_CHUNK &&
		   line->number <= GATE_CHUNK_MAX) {
		if (line->number)
			line->number = (line->number - 1) * 10 + (c - '0') + 1;
		else
			line->number = c - '0' + 1;
	} else if (c == ' ' || c == '\t' || c == '\r') {
		if (letters & 3)
			line->part = GATE_PART_REST;
		else if (line->number)
			line->part = GATE_PART_CHUNK_END;
	} else if (line->part == GATE_PART_CHUNK_END && letters < 4 &&
		   gate_upper(c) ==
			   (__u8)(GATE_WORD4('L', 'A', 'S', 'T') >> (24 - 8 * (letters & 3)))) {
		line->last_letters++;
	} else {
		line->part = GATE_PART_REST; /* not a size: a command that will be refused */
	}
}

/* RFC 4422 3.1, in any case. */
GATE_INLINE int gate_mechanism(__u8 c)
{
	c = gate_upper(c);
	return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* One byte of the client's, when nothing is held. */
GATE_INLINE int gate_client_byte(struct gate *gate, __u8 c)
{
	struct gate_side *line = &gate->client;
	__u8 part = line->part;
	int step = GATE_PASS;

	if (c == '\n') {
		step = gate_command(gate);
		line->last = c;
		return step;
	}
	if (part == GATE_PART_REST) {
		;
	} else if (part == GATE_PART_VERB) {
		if (line->length || (c != ' ' && c != '\t' && c != '\r')) {
			gate_count(line, c);
			/* A bare CR may or may not end a line; what follows it must not leak as one. */
			if (line->length == 8 ||
			    (line->length == 5 && gate_verb_ends(line->word) && c != '\r'))
				step = gate_classify(gate);
			if (line->verb == GATE_VERB_AUTH && line->part == GATE_PART_REST)
				line->part = GATE_PART_MECHANISM_GAP;
			else if (line->verb == GATE_VERB_BDAT && line->part == GATE_PART_REST)
				line->part = GATE_PART_CHUNK;
		}
	} else if (part == GATE_PART_SECRET) {
		step = GATE_WITHHOLD;
	} else if (part == GATE_PART_MECHANISM_GAP || part == GATE_PART_MECHANISM) {
		if (c != ' ' && c != '\t') {
			line->part = GATE_PART_MECHANISM;
			/* No mechanism is that long or has such characters: it is a secret where none belongs. */
			if (c != '\r' && (++line->number > GATE_MECHANISM_MAX ||
					  line->last == '\r' || !gate_mechanism(c))) {
				line->part = GATE_PART_SECRET;
				step = GATE_WITHHOLD;
			}
		} else if (part == GATE_PART_MECHANISM) {
			line->part = GATE_PART_SECRET;
		}
	} else if (part == GATE_PART_TARGET) {
		int blank = c == ' ' || c == '\t';

		if (c == ':') {
			line->number = 0;
		} else if (c >= '0' && c <= '9') {
			if (line->number < 65536)
				line->number = line->number * 10 + (c - '0');
		} else if (blank && (line->last == ' ' || line->last == '\t')) {
			/* RFC 9112 3: a server may take several blanks for one. */
		} else if (blank || c == '\r') {
			step = gate_proxied(gate);
			gate_line(line);
		} else {
			line->number = 0;
		}
	} else {
		gate_chunk_digit(line, c);
	}
	line->last = c;
	return step;
}

/* One byte of a SOCKS client, until the target is known. RFC 1928 4, SOCKS4: version, command, port, address. */
GATE_INLINE int gate_socks_byte(struct gate *gate, __u8 c)
{
	struct gate_side *line = &gate->client;
	__u16 at = line->length;

	if (line->length < 65535)
		line->length++;
	if (gate->socks == 4) {
		if (at == 1 && c != 1)
			gate->protocol = GATE_NOT;
		else if (at == 2)
			line->number = (__u64)c << 8;
		else if (at == 3) {
			line->number |= c;
		} else if (at == 7) { /* the address is there, too */
			gate_proxied(gate);
		}
		return GATE_PASS;
	}
	if (gate->socks_stage == 0)
		return GATE_WITHHOLD; /* the methods offered */
	if (at == 0)
		line->verb = c; /* 5 = a request; 1 = RFC 1929's name and password */
	if (line->verb != 5)
		return GATE_WITHHOLD;
	if (at == 1 && c != 1) {
		gate->protocol = GATE_NOT;
	} else if (at == 3) {
		line->word = c == 1 ? 8 : c == 4 ? 20 : 0; /* where the port stands */
		if (c != 1 && c != 3 && c != 4)
			gate->protocol = GATE_NOT;
	} else if (at == 4 && line->word == 0) {
		line->word = 5 + c;
	} else if (at > 4 && at == line->word) {
		line->number = (__u64)c << 8;
	} else if (at > 4 && at == line->word + 1) {
		line->number |= c;
		gate_proxied(gate);
	}
	return GATE_PASS;
}

/* Follows CR LF . CR LF; true when it is complete. */
GATE_INLINE int gate_dot(struct gate *gate, __u8 c)
{
	__u8 dot = gate->dot;

	if (c == '\r')
		dot = dot == 3 ? 4 : 1;
	else if (c == '\n')
		dot = dot == 1 ? 2 : dot == 4 ? 5 : 0;
	else if (c == '.' && dot == 2)
		dot = 3;
	else
		dot = 0;
	gate->dot = dot;
	return dot == 5;
}

/* TLS from here on: the ClientHello passes. Returns a step; GATE_REFUSE = this is no TLS after all. */
GATE_INLINE int gate_hello_byte(struct gate *gate, __u8 c)
{
	struct gate_side *line = &gate->client;
	__u16 at = line->length;

	if (at == 0 && c != 0x16)
		return GATE_REFUSE;
	if (at == 3)
		line->number = (__u64)c << 8;
	else if (at == 4)
		line->number = (line->number | c) + 5;
	if (at >= 5 && (at >= line->number || at >= GATE_HELLO_MAX)) {
		line->part = GATE_PART_SECRET; /* all of it passed */
		return GATE_WITHHOLD;
	}
	line->length++;
	return GATE_PASS;
}

/*
 * How many of the next `left` client bytes need not even be looked at: withheld whatever they are.
 */
GATE_INLINE __u32 gate_client_skips(struct gate *gate, __u32 left, __u8 *why)
{
	*why = WITHHELD_NOT_SMTP;
	if (gate->protocol == GATE_NOT)
		return left;
	if (gate->protocol == GATE_TLS) {
		*why = WITHHELD_TLS;
		return gate->client.part == GATE_PART_SECRET ? left : 0;
	}
	*why = WITHHELD_PROXY;
	if (gate->protocol == GATE_PROXY)
		return left;
	if (gate->hold == GATE_HOLD_SECRET) {
		*why = WITHHELD_SECRET;
		return left;
	}
	*why = WITHHELD_BODY;
	if (gate->hold == GATE_HOLD_CHUNK) {
		if (gate->chunk > left) {
			gate->chunk -= left;
			return left;
		}
		left = gate->chunk;
		gate->chunk = 0;
		gate->hold = GATE_HOLD_NOT;
		return left;
	}
	if (gate->hold == GATE_HOLD_BODY) {
		if (left <= GATE_TAIL)
			return 0;
		gate->dot = 0;
		return left - GATE_TAIL;
	}
	return 0;
}

/* A hold that swallows everything: the body's end is looked for, the rest is only counted. */
GATE_INLINE int gate_held_byte(struct gate *gate, __u8 c)
{
	if (gate->hold == GATE_HOLD_BODY && gate_dot(gate, c)) {
		if (gate->hold_replies ==
		    0) { /* the 354 has come: commands may follow in the same segment */
			gate->hold = GATE_HOLD_NOT;
			gate->pending++;
			gate_line(&gate->client);
		}
		return GATE_WITHHOLD_LAST;
	}
	return GATE_WITHHOLD;
}

/* Why the client's bytes are withheld now. */
GATE_INLINE __u8 gate_why(const struct gate *gate)
{
	if (gate->protocol == GATE_TLS)
		return WITHHELD_TLS;
	if (gate->protocol == GATE_SOCKS || gate->protocol == GATE_PROXY)
		return WITHHELD_PROXY;
	if (gate->protocol == GATE_NOT || gate->hold == GATE_HOLD_EARLY)
		return WITHHELD_NOT_SMTP;
	if (gate->hold == GATE_HOLD_BODY || gate->hold == GATE_HOLD_CHUNK)
		return WITHHELD_BODY;
	return WITHHELD_SECRET;
}

/* The first byte that the client says tells TLS and SOCKS from text. */
GATE_INLINE void gate_client_first(struct gate *gate, __u8 c)
{
	gate->client.started = 1;
	if (gate->protocol != GATE_UNDECIDED && gate->protocol != GATE_CANDIDATE)
		return;
	/* Once greeted in plain text, a ClientHello is a line that the server does not understand. */
	if (c == 0x16 && gate->protocol == GATE_UNDECIDED) {
		gate->protocol = gate->wanted ? GATE_TLS : GATE_NOT;
		gate->implicit = gate->wanted;
	} else if (!gate->wanted && gate->protocol == GATE_UNDECIDED && (c == 4 || c == 5)) {
		gate->protocol = GATE_SOCKS;
		gate->socks = c;
	} else if (!gate->wanted && gate->protocol == GATE_UNDECIDED && (c < 9 || c >= 0x7f)) {
		gate->protocol = GATE_NOT;
	}
}

#define GATE_STEP(result) ((result)&0xff)
#define GATE_FLAGS(result) ((result) >> 8) /* DATA_*, for the piece that ends here */

/* One byte of the client's, whatever is going on. Returns a step, with flags. */
GATE_FUNC gate_client_one(struct gate *gate, __u32 c)
{
	__u8 part;
	int step;

	if (!gate)
		return GATE_REFUSE;
	part = gate->client.part;
	if (gate->protocol == GATE_TLS) {
		step = gate_hello_byte(gate, c);
		if (step != GATE_REFUSE)
			return step | (step == GATE_PASS ? DATA_HELLO << 8 : 0);
		gate->protocol = GATE_SMTP; /* the server's 220 was no start of TLS */
		return gate_client_byte(gate, c);
	}
	if (gate->protocol == GATE_SOCKS) {
		step = gate_socks_byte(gate, c);
		if (gate->protocol == GATE_SOCKS)
			return step;
		return gate->protocol == GATE_NOT ? GATE_REFUSE : GATE_LAST | DATA_PROXY << 8;
	}
	if (gate->hold) {
		step = gate_held_byte(gate, c);
		return step | (step == GATE_WITHHOLD_LAST ? DATA_DOT << 8 : 0);
	}
	step = gate_client_byte(gate, c);
	return step | (step == GATE_LAST && part == GATE_PART_TARGET ? DATA_PROXY << 8 : 0);
}

/* A whole command, or one that no text begins like, at the start of a segment. */
GATE_INLINE int gate_joins(const struct gate_piece *piece)
{
	__u64 word = 0;
	__u32 verb;

	for (int i = 0; i < 8; i++)
		word = word << 8 | gate_upper(piece->bytes[i]);
	verb = word >> 32;
	if (word == GATE_WORD8('M', 'A', 'I', 'L', ' ', 'F', 'R', 'O') ||
	    word == GATE_WORD8('R', 'C', 'P', 'T', ' ', 'T', 'O', ':') ||
	    word == GATE_WORD8('S', 'T', 'A', 'R', 'T', 'T', 'L', 'S'))
		return 1;
	if ((verb == GATE_WORD4('E', 'H', 'L', 'O') || verb == GATE_WORD4('H', 'E', 'L', 'O')) &&
	    piece->bytes[4] == ' ')
		return 1;
	return (verb == GATE_WORD4('R', 'S', 'E', 'T') || verb == GATE_WORD4('Q', 'U', 'I', 'T') ||
		verb == GATE_WORD4('D', 'A', 'T', 'A')) &&
	       piece->bytes[4] == '\r' && piece->bytes[5] == '\n';
}

/*
 * The first bytes of a client that was connected before: a command at the start of a segment is one, unless it is known that the client
 * had the word (`careful`); anything else may be the middle of a body or a password. That is withheld until the server's next reply.
 */
GATE_INLINE void gate_joined(struct gate *gate, const struct gate_piece *piece, __u32 length)
{
	__u8 had_the_word = gate->careful;

	gate->hold = GATE_HOLD_BODY;
	gate->hold_replies = 0;
	gate->dot = 0;
	gate->careful = 1;
	if (length >= 6 && piece->bytes[0] >= 0x14 && piece->bytes[0] <= 0x17 &&
	    piece->bytes[1] == 3) { /* a TLS record, in the middle of it */
		gate->protocol = GATE_TLS;
		gate->client.part = GATE_PART_SECRET;
	} else if (!had_the_word && length >= 6 && gate_joins(piece)) {
		gate->hold = GATE_HOLD_NOT;
	}
}

/* In a verb that may turn out to be none, where that matters. */
GATE_INLINE int gate_undecided_verb(const struct gate *gate)
{
	return gate->careful && !gate->hold && gate->client.part == GATE_PART_VERB &&
	       gate->client.length;
}

/*
 * The piece ends inside such a verb: it is looked at again from its line's beginning with the next one. Where the line began before
 * the piece, its up to seven bytes pass.
 */
GATE_INLINE void gate_verb_cut(struct gate *gate, volatile struct gate_cut *cut, __u32 length)
{
	if (cut->closed || !gate_undecided_verb(gate))
		return;
	if (cut->keep) {
		cut->used = cut->keep;
		gate_line(&gate->client);
	} else {
		cut->keep = length;
	}
}

/*
 * The client's next bytes; gate_client_skips() has just returned 0 for them. Uses at least one of `length` (at most
 * GATE_PIECE). After a call the caller looks at gate->protocol: GATE_NOT on a port that is not listed means that the socket
 * can be forgotten.
 */
GATE_FUNC gate_client(struct gate *gate, const struct gate_piece *piece, __u32 length,
		      struct gate_cut *result)
{
	/* In memory on purpose: a value that the verifier knows is one more state at every turn. */
	volatile struct gate_cut *cut = result;
	__u32 i;
	int step;

	if (!gate || !piece || !result)
		return 0;
	if (length > GATE_PIECE)
		length = GATE_PIECE;
	if (length && !gate->client.started)
		gate_client_first(gate, piece->bytes[0]);
	if (length && gate->hold == GATE_HOLD_JOINED)
		gate_joined(gate, piece, length);
	cut->keep = 0;
	cut->used = length;
	cut->why = gate_why(gate);
	cut->flags = 0;
	cut->closed = 0;
	if (gate->protocol == GATE_NOT)
		return 0;
	for (i = 0; i < GATE_PIECE; i++) {
		__u8 c;

		if (i >= length)
			break;
		c = piece->bytes[i];
		/* The greater part of every command line. */
		if (gate->client.part == GATE_PART_REST && c != '\n' && !gate->hold &&
		    gate->protocol <= GATE_SMTP) {
			gate->client.last = c;
			cut->keep = i + 1;
			continue;
		}
		step = gate_client_one(gate, c);
		cut->flags |= GATE_FLAGS(step);
		step = GATE_STEP(step);
		if (step == GATE_REFUSE) {
			cut->why = WITHHELD_NOT_SMTP;
			cut->keep = 0;
			return 0;
		}
		if (step == GATE_WITHHOLD || step == GATE_WITHHOLD_LAST) {
			if (!cut->closed)
				cut->why = cut->flags & DATA_DOT ? WITHHELD_BODY : gate_why(gate);
			cut->closed = 1;
		} else if (!cut->closed && !gate_undecided_verb(gate)) {
			cut->keep = i + 1;
		}
		if (step == GATE_LAST || step == GATE_WITHHOLD_LAST) {
			cut->used = i + 1;
			return 0;
		}
	}
	gate_verb_cut(gate, cut, length);
	return 0;
}

#endif
