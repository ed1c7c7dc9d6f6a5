/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * replies.c - what the server says, a line at a time, and which command it answers
 *
 * A reply is one or more lines with a code of 200 to 599 (RFC 5321 4.2.1); "code-" continues, "code " or the code alone ends
 * it. Other lines are no replies and change nothing. Replies are given to commands first in, first out (pending.c). Nothing
 * is fatal.
 */
#include "smtp/internal.h"
#include "smtp/lines.h"
#include "smtp/pending.h"

static bool positive(unsigned int code)
{
	return code < 300;
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* 0: this line belongs to no reply. */
static unsigned int code_of(const struct line *line, bool *more)
{
	const char *bytes = line->bytes;

	if (line->length < 3 || bytes[0] < '2' || bytes[0] > '5' || !digit(bytes[1]) ||
	    !digit(bytes[2]))
		return 0;
	if (line->length > 3 && bytes[3] != ' ' && bytes[3] != '-' && bytes[3] != '\t')
		return 0;
	*more = line->length > 3 && bytes[3] == '-';
	return (bytes[0] - '0') * 100 + (bytes[1] - '0') * 10 + (bytes[2] - '0');
}

/*
 * Can this first reply be the greeting? RFC 5321 4.3.2: 220, or a refusal. A connection that was there before us has had its
 * greeting; a client that waited for it shows in what it says first.
 */
static inline bool may_greet(const struct session_machine *machine, unsigned int code)
{
	if (machine->greeted)
		return false;
	if (code == 220)
		return true;
	if (code < 400)
		return false;
	if (!machine->pending.count)
		return true;
	switch (pending_kind(&machine->pending, 0)) {
	case SLOT_HELO:
	case SLOT_OTHER:
		return true;
	default:
		return false;
	}
}

static void greeting(struct session *session, unsigned int code)
{
	struct session_facts *facts = &session->facts;

	session->machine.greeted = true;
	facts->early_talker = session->machine.spoken[FROM_CLIENT];
	facts->refused_greeting = code >= 400;
}

static void new_transaction(struct session_machine *machine)
{
	machine->accepted_now = 0;
	machine->body_replies_left = 0;
	machine->body_accepted = false;
}

/* The reply to a whole message; LMTP gives one for each recipient it accepted (RFC 2033 4.2). True = that was the last. */
static bool body_answered(struct session *session, unsigned int code, uint8_t slot)
{
	struct session_machine *machine = &session->machine;
	struct session_facts *facts = &session->facts;

	if (!machine->body_replies_left)
		machine->body_replies_left =
			facts->lmtp && machine->accepted_now ? machine->accepted_now : 1;
	if (positive(code) && !machine->body_accepted) {
		machine->body_accepted = true;
		facts->accepted++;
		if (!(slot & SLOT_COUNTED))
			facts->messages++;
		machine->chunk_last =
			false; /* counted, whatever of the chunk is still to be seen */
	}
	/* RFC 5321 3.8: after 421 the server closes. */
	if (code != 421 && --machine->body_replies_left)
		return false;
	new_transaction(machine);
	return true;
}

/* 354: what stands behind DATA is the body, not commands, unless the body has been seen to its end already. */
static void data_answered(struct session *session, int place)
{
	struct session_pending *pending = &session->machine.pending;
	uint8_t *slot = pending_at(pending, place);

	if (!(*slot & SLOT_WHOLE)) {
		*slot = SLOT_BODY;
		pending_truncate(pending, place + 1);
		return;
	}
	*slot = SLOT_BODY | SLOT_COUNTED;
	session->facts.messages++;
}

/* A reply to the oldest command. True = it was the last one this command gets. */
static bool answered(struct session *session, unsigned int code)
{
	struct session_machine *machine = &session->machine;
	struct session_facts *facts = &session->facts;
	uint8_t slot = *pending_at(&machine->pending, 0);

	switch ((enum slot_kind)(slot & SLOT_KIND)) {
	case SLOT_HELO:
		facts_helo_answered(session, positive(code));
		if (positive(code))
			new_transaction(machine);
		return true;
	case SLOT_MAIL:
	case SLOT_RSET:
		if (positive(code))
			new_transaction(machine);
		return true;
	case SLOT_RCPT:
		if (positive(code)) {
			facts->accepted_recipients++;
			machine->accepted_now++;
		} else if (code >= 400) {
			facts->refused++;
		}
		return true;
	case SLOT_DATA:
		if (code == 354) {
			data_answered(session, 0);
			return false;
		}
		/* Its 354 was missed, but not its body. */
		return positive(code) && (slot & SLOT_WHOLE) ? body_answered(session, code, slot)
							     : true;
	case SLOT_BODY:
	case SLOT_BDAT_LAST:
		return body_answered(session, code, slot);
	case SLOT_AUTH:
		if (code == 334) {
			pending_challenge(&machine->pending);
			return false;
		}
		facts->auth = positive(code) ? SESSION_AUTH_SUCCESS : SESSION_AUTH_FAILURE;
		return true;
	case SLOT_STARTTLS:
		if (code == 220) {
			facts->tls = SESSION_TLS_STARTTLS;
			session_deafen(session);
		}
		return true;
	default:
		return true;
	}
}

/*
 * What it answers may stand in the body whose end was not seen. RFC 5321 3.8 lets a server say 421 at any time; whatever else
 * nobody asked for was asked behind the dot. In a chunk, and behind AUTH or STARTTLS, only what was done counts: a client that goes
 * on with a body or a password after a refusal is refused line by line.
 */
static void behind_body(struct session *session, unsigned int code)
{
	struct session_machine *machine = &session->machine;
	bool done = positive(code) && (machine->blind || machine->chunk_left);

	if (!(machine->endless || done) || code == 421)
		return;
	machine->endless = machine->blind = false;
	machine->chunk_left = 0; /* of a chunk that the server does not take for one */
	machine->chunk_last = false;
	machine->doubt[FROM_CLIENT] = true;
	session->facts.gaps++;
}

/* Nobody asked for it, or its command was not seen. */
static void unasked(struct session *session, unsigned int code)
{
	struct session_machine *machine = &session->machine;

	if (code == 354) {
		/* Whoever gets 354 said DATA and waits: nothing else is to come. */
		session_forget(session, machine->pending.count);
		machine->pending.unqueued = 0;
		pending_push(&machine->pending, SLOT_BODY);
	} else if (machine->pending.unqueued && !machine->pending.count) {
		machine->pending.unqueued--;
	} else {
		behind_body(session, code);
	}
}

static void in_step(struct session_machine *machine)
{
	machine->doubt[FROM_CLIENT] = machine->doubt[FROM_SERVER] = false;
}

static void answer(struct session *session, unsigned int code, const struct line *line)
{
	struct session_machine *machine = &session->machine;
	bool doubt = machine->doubt[FROM_CLIENT] || machine->doubt[FROM_SERVER];
	int place = pending_match(&machine->pending, code, line->bytes, line->length, doubt);

	/* These codes belong to one command alone: whatever was missed, this is where we are. */
	if (code == 354 || code == 334 || code == 235 || code == 221)
		in_step(machine);
	if (place == PENDING_NONE) {
		unasked(session, code);
		return;
	}
	if (place)
		session_forget(session, place);
	if (answered(session, code))
		pending_drop(&machine->pending, 1);
}

static void complete(struct session *session, unsigned int code, const struct line *line,
		     bool greets)
{
	struct session_facts *facts = &session->facts;
	struct session_machine *machine = &session->machine;
	uint32_t accepted;

	facts->replies[code / 100 - 2]++;
	facts->last_code = code;
	facts_text(&facts->last_reply, facts->last_reply_bytes, LIMIT_REPLY, line->bytes,
		   line->length, line->cut);
	if (greets) {
		greeting(session, code);
		return;
	}
	machine->greeted = true;
	accepted = facts->accepted;
	answer(session, code, line);
	if (facts->accepted != accepted)
		facts_text(&facts->receipt, facts->receipt_bytes, LIMIT_REPLY, line->bytes,
			   line->length, line->cut);
}

void replies_line(struct session *session, const struct line *line)
{
	struct session_facts *facts = &session->facts;
	struct session_machine *machine = &session->machine;
	bool more = false, greets;
	unsigned int code;

	if (line->lost)
		return;
	if (session->on_step)
		session->on_step(session->context, FROM_SERVER, line->bytes, line->length);
	code = code_of(line, &more);
	if (!code)
		return;
	greets = may_greet(machine, code);
	if (greets && !machine->in_reply)
		facts_text(&facts->greeting, facts->greeting_bytes, LIMIT_GREETING, line->bytes,
			   line->length, line->cut);
	if (code >= 400)
		facts_refusal(session, code, line, !more);
	machine->in_reply = more;
	if (!more)
		complete(session, code, line, greets);
}
