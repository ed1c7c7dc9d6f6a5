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
/* of a ClientHello; with post-quantum key shares it has about 2,000 bytes */
#define GATE_HELLO_MAX 4096
#define GATE_MECHANISM_MAX 20 /* RFC 4422 3.1 */
#define GATE_CHUNK_MAX 0x7fffffffULL /* a BDAT size beyond what servers' integers take is none */
/* Of a body segment: where its end, and commands behind it, are looked for. An MTU of them whole, of 64 KiB the end. */
#define GATE_TAIL 4096

enum gate_protocol {
	GATE_UNDECIDED = 0,
	GATE_CANDIDATE = 1, /* the server greeted like SMTP, the client has not proven it */
	GATE_SMTP = 2,
	GATE_SOCKS = 3, /* negotiating with a SOCKS proxy, target not known yet */
	GATE_PROXY = 4, /* a proxy was asked for an SMTP port; its answer is awaited */
	GATE_TLS = 5,
	GATE_NOT = 6, /* something else */
};

/* why the client's bytes are withheld at present */
enum gate_hold {
	GATE_HOLD_NOT = 0,
	GATE_HOLD_BODY = 1,
	GATE_HOLD_SECRET = 2,
	GATE_HOLD_STARTTLS = 3,
	GATE_HOLD_CHUNK = 4,
	GATE_HOLD_EARLY = 5, /* not SMTP's words, and no greeting yet */
	/* The connection was there before us: what comes next may be anything. */
	GATE_HOLD_JOINED = 6,
	GATE_HOLD_USER = 7, /* what follows FTP's USER is a password */
};

/* where in a client line we are */
enum gate_part {
	GATE_PART_VERB = 0,
	GATE_PART_REST,
	GATE_PART_MECHANISM_GAP,
	GATE_PART_MECHANISM,
	GATE_PART_SECRET,
	GATE_PART_CHUNK,
	GATE_PART_CHUNK_END,
	GATE_PART_TARGET,
};

/* what its line feed sets off */
enum gate_verb {
	GATE_VERB_OTHER = 0,
	GATE_VERB_DATA,
	GATE_VERB_AUTH,
	GATE_VERB_STARTTLS,
	GATE_VERB_BDAT,
	GATE_VERB_USER,
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
	__u8 careful; /* a secret or a body was under way: only known verbs begin a command from now on */
	__u8 reserved[7];
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

_Static_assert(sizeof(struct gate) == 80, "the gate is part of every watched socket's state");

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

#include "gate_client.h"
#include "gate_server.h"

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
