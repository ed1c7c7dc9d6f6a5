/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * commands.c - what the client says, a line at a time
 *
 * Reads a line as the servers that spammers meet do: verbs in any case, blanks where RFC 5321 4.1.1 has none, paths without
 * <>. Every line takes a place in the queue of those that wait for a reply, known or not. The limits of lines.c hold; nothing
 * here is fatal.
 */
#include <string.h>

#include "base/bytes.h"
#include "smtp/internal.h"
#include "smtp/lines.h"
#include "smtp/pending.h"

/* What is left of a line while it is read. */
struct rest {
	const char *at;
	size_t length;
};

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

static inline void skip(struct rest *rest, size_t n)
{
	rest->at += n;
	rest->length -= n;
}

static inline void skip_blanks(struct rest *rest)
{
	size_t n = 0;

	while (n < rest->length && blank(rest->at[n]))
		n++;
	skip(rest, n);
}

static void trim_end(struct rest *rest)
{
	while (rest->length && blank(rest->at[rest->length - 1]))
		rest->length--;
}

/* The length of the word that rest begins with. */
static size_t word(const struct rest *rest)
{
	size_t n = 0;

	while (n < rest->length && !blank(rest->at[n]))
		n++;
	return n;
}

/* Four letters as a number, in upper case; nothing else has the number of four letters. */
#define VERB(a, b, c, d)                                                                           \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

static inline uint32_t verb_at(const char *at)
{
	return VERB((uint8_t)at[0], (uint8_t)at[1], (uint8_t)at[2], (uint8_t)at[3]) & 0xdfdfdfdf;
}

/* The verb that the line begins with, STARTTLS as its first half, and the blanks behind it; 0 = none that is known. */
static inline uint32_t take_verb(struct rest *rest)
{
	size_t length = 4;
	uint32_t verb;

	if (rest->length < length)
		return 0;
	verb = verb_at(rest->at);
	if (verb == VERB('S', 'T', 'A', 'R')) {
		length = 8;
		if (rest->length < length || verb_at(rest->at + 4) != VERB('T', 'T', 'L', 'S'))
			return 0;
	}
	if (rest->length > length && !blank(rest->at[length]))
		return 0;
	skip(rest, length);
	skip_blanks(rest);
	return verb;
}

/* "FROM:" or "TO:", given in upper case without the colon, and the blanks around that. */
static inline bool take_label(struct rest *rest, const char *name, size_t length)
{
	if (rest->length < length)
		return false;
	for (size_t i = 0; i < length; i++) {
		if ((rest->at[i] & 0xdf) != name[i])
			return false;
	}
	skip(rest, length);
	if (rest->length && *rest->at != ':')
		skip_blanks(rest);
	if (!rest->length || *rest->at != ':')
		return false;
	skip(rest, 1);
	skip_blanks(rest);
	return true;
}

struct path {
	const char *at;
	size_t length;
	bool quoted; /* there is a " in it, or before its end was found */
};

/* Where `end` stands outside a quoted string (RFC 5321 4.1.2), or the length. */
static size_t find_unquoted(const struct rest *rest, bool (*end)(char c))
{
	bool quoted = false;
	size_t i;

	for (i = 0; i < rest->length; i++) {
		if (quoted && rest->at[i] == '\\')
			i++;
		else if (rest->at[i] == '"')
			quoted = !quoted;
		else if (!quoted && end(rest->at[i]))
			return i;
	}
	return rest->length;
}

static bool closing(char c)
{
	return c == '>';
}

/* The path without <> and parameters. Where a > is missing, it ends at the first blank. */
static inline struct path take_path(struct rest rest)
{
	struct rest inside = rest;
	size_t length;

	if (!rest.length || *rest.at != '<')
		return (struct path){rest.at, find_unquoted(&rest, blank), true};
	skip(&inside, 1);
	length = bytes_find_either(inside.at, inside.length, '>', '"');
	if (length < inside.length && inside.at[length] == '>')
		return (struct path){inside.at, length, false};
	length = find_unquoted(&inside, closing);
	if (length == inside.length)
		length = find_unquoted(&inside, blank);
	return (struct path){inside.at, length, true};
}

/* RFC 3030 2: BDAT SP size [SP LAST]. A size that is none makes a command without a chunk. */
static enum slot_kind bdat(struct session *session, struct rest rest)
{
	struct session_machine *machine = &session->machine;
	size_t digits = word(&rest);
	uint64_t size = 0;
	bool last;

	for (size_t i = 0; i < digits; i++) {
		unsigned int digit = (unsigned char)rest.at[i] - '0';

		if (digit > 9 || __builtin_mul_overflow(size, 10, &size) ||
		    __builtin_add_overflow(size, digit, &size))
			return SLOT_OTHER;
	}
	skip(&rest, digits);
	skip_blanks(&rest);
	last = rest.length > 0;
	if (!digits || (last && take_verb(&rest) != VERB('L', 'A', 'S', 'T')) || rest.length)
		return SLOT_OTHER;
	machine->chunk_left = size;
	machine->chunk_last = last;
	return last ? SLOT_BDAT_LAST : SLOT_BDAT;
}

static enum slot_kind helo(struct session *session, struct rest rest, bool cut)
{
	trim_end(&rest);
	session->facts.smtp = true;
	facts_helo_tried(session, rest.at, rest.length, cut);
	return SLOT_HELO;
}

static enum slot_kind mail(struct session *session, struct rest rest)
{
	struct path path;

	if (!take_label(&rest, "FROM", 4))
		return SLOT_OTHER;
	path = take_path(rest);
	session->facts.smtp = true;
	facts_sender(&session->facts, path.at, path.length);
	return SLOT_MAIL;
}

static enum slot_kind rcpt(struct session *session, struct rest rest)
{
	struct path path;

	if (!take_label(&rest, "TO", 2))
		return SLOT_OTHER;
	path = take_path(rest);
	session->facts.smtp = true;
	session->facts.recipients++;
	facts_recipient(session, path.at, path.length, path.quoted);
	return SLOT_RCPT;
}

static enum slot_kind auth(struct session *session, struct rest rest)
{
	struct session_facts *facts = &session->facts;
	char *name = facts->mechanism_bytes;

	rest.length = word(&rest);
	if (!rest.length)
		return SLOT_OTHER;
	facts->auth = SESSION_AUTH_TRIED;
	facts_text(&facts->mechanism, name, LIMIT_MECHANISM, rest.at, rest.length, false);
	for (unsigned int i = 0; i < facts->mechanism.length; i++) {
		if (name[i] >= 'a' && name[i] <= 'z')
			name[i] -= 'a' - 'A';
	}
	return SLOT_AUTH;
}

static enum slot_kind parse(struct session *session, const struct line *line)
{
	struct rest rest = {line->bytes, line->length};

	skip_blanks(&rest);
	switch (take_verb(&rest)) {
	case VERB('R', 'C', 'P', 'T'):
		return rcpt(session, rest);
	case VERB('M', 'A', 'I', 'L'):
		return mail(session, rest);
	case VERB('D', 'A', 'T', 'A'):
		return SLOT_DATA;
	case VERB('B', 'D', 'A', 'T'):
		return bdat(session, rest);
	case VERB('L', 'H', 'L', 'O'):
		session->facts.lmtp = true;
		return helo(session, rest, line->cut);
	case VERB('E', 'H', 'L', 'O'):
	case VERB('H', 'E', 'L', 'O'):
		return helo(session, rest, line->cut);
	case VERB('A', 'U', 'T', 'H'):
		return auth(session, rest);
	case VERB('R', 'S', 'E', 'T'):
		return SLOT_RSET;
	case VERB('S', 'T', 'A', 'R'):
		return SLOT_STARTTLS;
	case VERB('Q', 'U', 'I', 'T'):
		session->facts.quit = true;
		return SLOT_QUIT;
	default:
		return SLOT_OTHER;
	}
}

/*
 * The gate withholds secrets; a client that does not wait for the 334 is the one case where it has no reason to yet. What
 * stands behind AUTH and is no command, and what stands behind its mechanism, is told to nobody.
 */
static void tell(struct session *session, const struct line *line, enum slot_kind kind)
{
	struct rest rest = {line->bytes, line->length};
	struct session_pending *pending = &session->machine.pending;

	if (!session->on_step)
		return;
	if (kind == SLOT_OTHER && pending_find(pending, SLOT_AUTH) != PENDING_NONE)
		return;
	if (kind == SLOT_AUTH) {
		skip_blanks(&rest);
		take_verb(&rest);
		rest.length = rest.at + word(&rest) - line->bytes;
		rest.at = line->bytes;
	}
	session->on_step(session->context, FROM_CLIENT, rest.at, rest.length);
}

/* A BDAT chunk of no octets is complete at once. */
static void empty_chunk(struct session *session)
{
	struct session_machine *machine = &session->machine;
	struct session_pending *pending = &machine->pending;
	int slot = pending_find_last(pending, SLOT_BDAT_LAST);

	if (machine->chunk_left)
		return;
	machine->chunk_last = false;
	session->facts.messages++;
	if (slot != PENDING_NONE)
		*pending_at(pending, slot) |= SLOT_COUNTED;
}

void commands_line(struct session *session, const struct line *line)
{
	struct session_machine *machine = &session->machine;
	enum slot_kind kind = SLOT_LOST;

	if (machine->doubt[FROM_SERVER])
		session_forget(session, pending_answered_unseen(&machine->pending));
	machine->chunk_left = 0; /* the gate passes no line inside a chunk */
	machine->chunk_last = false;
	if (!line->lost) {
		kind = parse(session, line);
		tell(session, line, kind);
	}
	pending_push(&machine->pending, kind);
	if (machine->pending.unqueued)
		session->facts.pending_over = true;
	if (kind == SLOT_BDAT_LAST)
		empty_chunk(session);
}
