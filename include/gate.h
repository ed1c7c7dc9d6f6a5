/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gate.h - is this SMTP, and which of its bytes may be seen?
 *
 * The one piece of code that decides what leaves the kernel; compiled into the kernel program, `smtpsnoop read` and the tests,
 * so that they cannot disagree. It is fed the payload of both directions in order, in pieces of at most GATE_PIECE bytes, and
 * answers for each how many bytes from its start may be passed (`keep`) and how many are dealt with (`used`); those between
 * are withheld, because of `why`. The caller calls again with the rest.
 *
 * Never passed: message bodies (from DATA to the reply that follows the 354, and BDAT chunks), the argument of AUTH and what
 * answers a 334, TLS but for the ClientHello, a proxy's handshake but for the target, protocols other than SMTP.
 *
 * Commands and replies are counted, because a client may send DATA and the body without waiting for the 354: from DATA on
 * nothing passes until as many replies have come as commands were waiting. A count that is too low (a line the server did not
 * take for one) only ends the wait early, and the 354 starts it anew; one too high would let an attacker hide behind it.
 * So only non-empty lines ended by CR LF count.
 *
 * What a byte means is decided in functions of their own, which the verifier walks through once and not at every turn.
 * The two directions may run at the same time on two CPUs; each writes its own side, and what both write (hold, pending) is
 * ordered by the dialogue itself but for pipelining, where the worst outcome is a counted gap.
 *
 * RFC 5321 (commands, replies), 2920 (pipelining), 3030 (BDAT), 3207 (STARTTLS), 4954 (AUTH), 9110 9.3.6 (CONNECT), 1928
 * (SOCKS 5).
 */
#ifndef SMTPSNOOP_GATE_H
#define SMTPSNOOP_GATE_H

#include "event.h"

/* The includer says which ports are SMTP's: #define GATE_PORT_LISTED(port) before. */
#ifndef GATE_PORT_LISTED
#error "define GATE_PORT_LISTED(port) before including gate.h"
#endif

#ifdef __bpf__
#define GATE_FUNC __attribute__((noinline)) int
#define GATE_INLINE static __attribute__((always_inline)) inline
#else
#define GATE_FUNC static __attribute__((unused)) int
#define GATE_INLINE static __attribute__((unused)) inline
#endif

#define GATE_PIECE EVENT_PIECE_MAX
/* Lines of a greeted client that are none of SMTP's, before an unlisted port is let go: Postfix cuts off at 100. */
#define GATE_CANDIDATE_LINES 128
#define GATE_HELLO_MAX                                                                             \
	4096 /* of a ClientHello; with post-quantum key shares it has about 2,000 bytes */
#define GATE_MECHANISM_MAX 20 /* RFC 4422 3.1 */
#define GATE_CHUNK_MAX (1ULL << 40) /* a BDAT size beyond this is no size */
#define GATE_TAIL                                                                                  \
	512 /* of a body segment that ends a line: where a lone dot and commands behind it are looked for */
#define GATE_TAIL_SHORT 8 /* of one that does not: enough to follow a lone dot cut in two */

enum gate_protocol {
	GATE_UNDECIDED = 0,
	GATE_CANDIDATE = 1, /* the server greeted like SMTP, the client has not proven it */
	GATE_SMTP = 2,
	GATE_SOCKS = 3, /* negotiating with a SOCKS proxy, target not known yet */
	GATE_PROXY = 4, /* a proxy was asked for an SMTP port; its answer is awaited */
	GATE_TLS = 5,
	GATE_NOT = 6, /* something else */
};

enum gate_hold { /* why the client's bytes are withheld at present */
		 GATE_HOLD_NOT = 0,
		 GATE_HOLD_BODY = 1,
		 GATE_HOLD_SECRET = 2,
		 GATE_HOLD_STARTTLS = 3,
		 GATE_HOLD_CHUNK = 4,
		 GATE_HOLD_EARLY = 5, /* not SMTP's words, and no greeting yet */
};

enum gate_part { /* where in a client line we are */
		 GATE_PART_VERB = 0,
		 GATE_PART_REST,
		 GATE_PART_MECHANISM_GAP,
		 GATE_PART_MECHANISM,
		 GATE_PART_SECRET,
		 GATE_PART_CHUNK,
		 GATE_PART_CHUNK_END,
		 GATE_PART_TARGET,
};

enum gate_verb { /* what its line feed sets off */
		 GATE_VERB_OTHER = 0,
		 GATE_VERB_DATA,
		 GATE_VERB_AUTH,
		 GATE_VERB_STARTTLS,
		 GATE_VERB_BDAT,
};

struct gate_side {
	__u64 word; /* first 8 bytes of the line, upper case, the first one in the highest byte */
	__u64 number; /* a BDAT size, a port, a TLS record length: whatever this line counts */
	__u16 length; /* bytes of the line so far, without leading blanks; stops at 65535 */
	__u8 part; /* enum gate_part */
	__u8 verb; /* enum gate_verb */
	__u8 last; /* the byte before */
	__u8 started; /* any byte was seen */
	__u16 last_letters; /* of BDAT's LAST */
};

struct gate {
	struct gate_side client;
	struct gate_side server;
	__u64 chunk; /* octets of the BDAT chunk still to come */
	__u16 pending; /* commands minus replies */
	__u16 hold_replies; /* replies to come until the hold ends */
	__u16 lines; /* of a candidate, that prove nothing */
	__u8 protocol; /* enum gate_protocol */
	__u8 found; /* enum found_by */
	__u8 wanted; /* listed port, or a tunnel to one: seen from the first byte on */
	__u8 hold; /* enum gate_hold */
	__u8 dot; /* how much of CR LF . CR LF the body's end has matched: 0..5 */
	__u8 greeted; /* the greeting is complete */
	__u8 chunking; /* offered by the server */
	__u8 socks; /* version, 4 or 5 */
	__u8 socks_stage;
	__u8 implicit; /* TLS came first */
};

struct gate_piece {
	__u8 bytes[GATE_PIECE];
};

struct gate_cut {
	__u32 keep; /* bytes from the start that may be passed */
	__u32 used; /* bytes dealt with, keep and withheld together */
	__u8 why; /* enum withheld: for used - keep */
	__u8 flags; /* DATA_HELLO, DATA_PROXY, DATA_DOT */
	__u8 closed; /* something was withheld: nothing behind it can be kept */
	__u8 reserved;
};

_Static_assert(sizeof(struct gate) == 72, "the gate is part of every watched socket's state");

enum gate_step {
	GATE_PASS = 0, /* this byte may be passed, go on */
	GATE_LAST = 1, /* this byte too, but look again before the next */
	GATE_WITHHOLD = 2, /* this byte not */
	GATE_WITHHOLD_LAST = 3,
	GATE_REFUSE = 4, /* nothing of this piece */
};

/* One of the kernel's objects has the code, the others only the structures: GATE_CODE says which. */
#if !defined(__bpf__) || defined(GATE_CODE)

#define GATE_WORD4(a, b, c, d) ((__u64)(a) << 24 | (b) << 16 | (c) << 8 | (d))
#define GATE_WORD8(a, b, c, d, e, f, g, h) (GATE_WORD4(a, b, c, d) << 32 | GATE_WORD4(e, f, g, h))

GATE_INLINE void gate_line(struct gate_side *side)
{
	side->word = 0;
	side->number = 0;
	side->length = 0;
	side->part = GATE_PART_VERB;
	side->verb = GATE_VERB_OTHER;
	side->last_letters = 0;
}

GATE_INLINE __u8 gate_upper(__u8 c)
{
	return c >= 'a' && c <= 'z' ? c - 32 : c;
}

GATE_INLINE void gate_count(struct gate_side *side, __u8 c)
{
	if (side->length < 8)
		side->word |= (__u64)gate_upper(c) << (56 - 8 * (side->length & 7));
	if (side->length < 65535)
		side->length++;
}

/* Does the line's verb, of four letters, end where it should? */
GATE_INLINE int gate_verb_ends(__u64 word)
{
	__u8 next = word >> 24;

	return next == 0 || next == ' ' || next == '\t' || next == '\r';
}

/* RFC 4217 4: how FTP asks for TLS; no mechanism of SMTP's is called so. */
GATE_INLINE int gate_auth_tls(__u64 word)
{
	return word == GATE_WORD8('A', 'U', 'T', 'H', ' ', 'T', 'L', 'S') ||
	       word == GATE_WORD8('A', 'U', 'T', 'H', ' ', 'S', 'S', 'L');
}

/* The protocol starts over inside the tunnel that a proxy has opened. */
GATE_INLINE void gate_tunnel(struct gate *gate)
{
	gate_line(&gate->client);
	gate_line(&gate->server);
	gate->client.started = 0;
	gate->server.started = 0;
	gate->protocol = GATE_UNDECIDED;
	gate->hold = GATE_HOLD_NOT;
	gate->pending = 0;
	gate->greeted = 0;
	gate->wanted = 1;
}

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
		} else if (verb == GATE_WORD4('D', 'A', 'T', 'A')) {
			line->verb = GATE_VERB_DATA;
		} else if (verb == GATE_WORD4('A', 'U', 'T', 'H')) {
			line->verb = GATE_VERB_AUTH;
		} else if (verb == GATE_WORD4('B', 'D', 'A', 'T')) {
			line->verb = GATE_VERB_BDAT;
		} else if (verb == GATE_WORD4('U', 'S', 'E', 'R') ||
			   verb == GATE_WORD4('F', 'E', 'A', 'T')) {
			if (gate->protocol == GATE_CANDIDATE)
				goto other;
		} else if (verb == GATE_WORD4('N', 'O', 'O', 'P') ||
			   verb == GATE_WORD4('R', 'S', 'E', 'T') ||
			   verb == GATE_WORD4('H', 'E', 'L', 'P') ||
			   verb == GATE_WORD4('Q', 'U', 'I', 'T') ||
			   verb == GATE_WORD4('V', 'R', 'F', 'Y') ||
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
	if (!gate->wanted && word == GATE_WORD8('C', 'O', 'N', 'N', 'E', 'C', 'T', ' ')) {
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
	int step = GATE_PASS, held = line->part == GATE_PART_SECRET;
	__u8 verb;

	if (line->part == GATE_PART_VERB && line->length)
		step = gate_classify(gate);
	if (step == GATE_REFUSE)
		return step;
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
		gate->hold = GATE_HOLD_BODY;
		gate->dot = 2; /* the line feed of DATA counts: a body may be empty */
	} else if (verb == GATE_VERB_AUTH) {
		gate->hold = GATE_HOLD_SECRET;
	} else if (verb == GATE_VERB_STARTTLS) {
		gate->hold = GATE_HOLD_STARTTLS;
	} else if (verb == GATE_VERB_BDAT && line->part != GATE_PART_REST && line->number &&
		   !(line->last_letters & 3)) {
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
			if (gate->protocol == GATE_CANDIDATE && !gate->wanted) {
				gate_count(line, c);
				if (gate_auth_tls(line->word)) {
					gate->protocol = GATE_NOT;
					step = GATE_REFUSE;
				}
			}
			/* No mechanism is that long: it is a secret where none belongs. */
			if (++line->number > GATE_MECHANISM_MAX && c != '\r') {
				line->part = GATE_PART_SECRET;
				step = GATE_WITHHOLD;
			}
		} else if (part == GATE_PART_MECHANISM) {
			line->part = GATE_PART_SECRET;
		}
	} else if (part == GATE_PART_TARGET) {
		if (c == ':') {
			line->number = 0;
		} else if (c >= '0' && c <= '9') {
			if (line->number < 65536)
				line->number = line->number * 10 + (c - '0');
		} else if (c == ' ' || c == '\r') {
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
 * How many of the next `left` client bytes need not even be looked at: withheld whatever they are. `ends_line`: the last byte
 * of the segment is a line feed (a body is searched for its end only there).
 */
GATE_INLINE __u32 gate_client_skips(struct gate *gate, __u32 left, int ends_line, __u8 *why)
{
	__u32 tail;

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
		tail = ends_line ? GATE_TAIL : GATE_TAIL_SHORT;
		if (left <= tail)
			return 0;
		gate->dot = 0;
		return left - tail;
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
	if (c == 0x16 && (gate->protocol == GATE_UNDECIDED || !gate->wanted)) {
		gate->protocol = gate->wanted ? GATE_TLS : GATE_NOT;
		gate->implicit = gate->wanted;
	} else if (!gate->wanted && gate->protocol == GATE_UNDECIDED && (c == 4 || c == 5)) {
		gate->protocol = GATE_SOCKS;
		gate->socks = c;
	} else if (!gate->wanted && (c < 9 || c >= 0x7f)) {
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
			return 0;
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
		} else if (!cut->closed) {
			cut->keep = i + 1;
		}
		if (step == GATE_LAST || step == GATE_WITHHOLD_LAST) {
			cut->used = i + 1;
			return 0;
		}
	}
	return 0;
}

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
	if (gate->hold == GATE_HOLD_STARTTLS && code == 220) {
		gate->hold = GATE_HOLD_NOT;
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
		if ((__u32)word == GATE_WORD4('C', 'H', 'U', 'N'))
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
		if (gate->server.length >= 8 && c != '\n' && gate->protocol <= GATE_SMTP) {
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

/* Bytes of this direction were missed: what follows starts somewhere in a line. */
GATE_INLINE void gate_missed(struct gate *gate, int from_server)
{
	if (from_server)
		gate_line(&gate->server);
	else if (!gate->hold)
		gate_line(&gate->client);
	if (gate->chunk)
		gate->chunk = 0;
	if (gate->hold == GATE_HOLD_CHUNK)
		gate->hold =
			GATE_HOLD_BODY; /* until the next reply: how much was missed of it is not known here */
}

#endif /* GATE_CODE */

#endif
