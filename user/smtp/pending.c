/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pending.c - the queue of commands that wait for a reply
 *
 * A ring of one byte a command. Replies come in the order of the commands (RFC 5321 2.3.7, RFC 2920 3.2); only where bytes are
 * missing is the place of a reply told from its code. Every index is checked against the count; nothing is fatal.
 */
#include "smtp/pending.h"

int pending_find(const struct session_pending *pending, enum slot_kind kind)
{
	for (unsigned int n = 0; n < pending->count; n++) {
		if (pending_kind(pending, n) == kind)
			return n;
	}
	return PENDING_NONE;
}

int pending_find_last(const struct session_pending *pending, enum slot_kind kind)
{
	for (unsigned int n = pending->count; n-- > 0;) {
		if (pending_kind(pending, n) == kind)
			return n;
	}
	return PENDING_NONE;
}

void pending_truncate(struct session_pending *pending, unsigned int n)
{
	if (n < pending->count)
		pending->count = (uint16_t)n;
	if (n < pending->unawaited)
		pending->unawaited = (uint16_t)n;
	pending->unqueued = 0;
}

void pending_challenge(struct session_pending *pending)
{
	if (pending->count < 2)
		return;
	*pending_at(pending, 1) = *pending_at(pending, 0);
	pending_drop(pending, 1);
	pending->unawaited = 0;
}

/* The only command that a code can answer, or SLOT_OTHER: several can. */
static enum slot_kind owner_of(unsigned int code)
{
	switch (code) {
	case 354:
		return SLOT_DATA;
	case 334:
	case 235:
		return SLOT_AUTH;
	case 221:
		return SLOT_QUIT;
	case 220:
		return SLOT_STARTTLS;
	default:
		return SLOT_OTHER;
	}
}

static bool can_answer(uint8_t slot, unsigned int code)
{
	enum slot_kind kind = slot & SLOT_KIND;
	enum slot_kind owner = owner_of(code);

	if (kind == SLOT_LOST || code >= 400 || kind == owner)
		return true;
	switch (kind) {
	case SLOT_DATA:
		return (slot & SLOT_WHOLE) && code / 100 == 2; /* its 354 was not seen */
	case SLOT_AUTH:
	case SLOT_STARTTLS:
	case SLOT_QUIT:
		return false;
	case SLOT_OTHER:
		return code / 100 == 2 && (owner == SLOT_OTHER || code == 220); /* XCLIENT: 220 */
	default:
		return code / 100 == 2 && owner == SLOT_OTHER;
	}
}

/* RFC 3463 3.2: X.1.1 to X.1.6 are about a recipient, the others about the sender; nothing else tells their replies apart. */
static enum slot_kind hinted(const char *line, size_t length)
{
	if (length < 9 || line[5] != '.' || line[6] != '1' || line[7] != '.')
		return SLOT_OTHER;
	if (line[8] >= '1' && line[8] <= '6')
		return SLOT_RCPT;
	/* A refusal with X.1.0, "other address status", may be about either. */
	if (line[8] == '7' || line[8] == '8' || (line[8] == '0' && line[0] == '2'))
		return SLOT_MAIL;
	return SLOT_OTHER;
}

int pending_search(const struct session_pending *pending, unsigned int code, const char *line,
		   size_t length, bool doubt)
{
	enum slot_kind hint = doubt ? hinted(line, length) : SLOT_OTHER;
	int place = PENDING_NONE;

	if (!pending->count)
		return PENDING_NONE;
	if (hint != SLOT_OTHER)
		place = pending_find(pending, hint);
	if (place != PENDING_NONE)
		return place;
	if (can_answer(pending->slots[pending->head], code))
		return 0;
	if (owner_of(code) != SLOT_OTHER)
		place = pending_find(pending, owner_of(code));
	if (place != PENDING_NONE)
		return place;
	return doubt || code == 354 ? PENDING_NONE : 0;
}

static bool is_awaited(enum slot_kind kind)
{
	switch (kind) {
	case SLOT_HELO:
	case SLOT_DATA:
	case SLOT_STARTTLS:
	case SLOT_AUTH:
	case SLOT_QUIT:
	case SLOT_OTHER:
		return true;
	default:
		return false;
	}
}

unsigned int pending_answered_unseen(struct session_pending *pending)
{
	for (unsigned int n = pending->count; n-- > pending->unawaited;) {
		if (is_awaited(pending_kind(pending, n)))
			return n + 1;
	}
	/* Asked again for each command: the queue is not searched twice. */
	pending->unawaited = pending->count;
	return 0;
}
