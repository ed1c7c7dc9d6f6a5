/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * facts.c - what is kept of a dialogue
 *
 * Everything has a bound (base/limits.h) and is counted beyond it; nothing is fatal.
 */
#include <string.h>

#include "smtp/blocklist.h"
#include "smtp/internal.h"
#include "smtp/lines.h"

enum refusal_rank { REFUSAL_4XX = 1, REFUSAL_5XX = 2, REFUSAL_NAMED = 3 };

void facts_sender(struct session_facts *facts, const char *path, size_t length)
{
	facts->from_count++;
	if (length > LIMIT_PATH)
		length = LIMIT_PATH;
	if (facts->from_kept == LIMIT_SENDERS ||
	    length > sizeof(facts->from_bytes) - facts->from_used)
		return;
	memcpy(facts->from_bytes + facts->from_used, path, length);
	facts->from_used += length;
	facts->from_lengths[facts->from_kept++] = length;
}

/* The last @ outside quotes (RFC 5321 4.1.2), or NULL. */
static const char *last_at(const char *path, size_t length)
{
	const char *at = NULL;
	bool quoted = false;

	for (size_t i = 0; i < length; i++) {
		if (quoted && path[i] == '\\')
			i++;
		else if (path[i] == '"')
			quoted = !quoted;
		else if (path[i] == '@' && !quoted)
			at = path + i;
	}
	return at;
}

/* What follows that; where there is none, the length is 0. */
static const char *domain_of(const char *path, size_t length, bool quoted, size_t *domain_length)
{
	const char *at = quoted ? last_at(path, length) : memrchr(path, '@', length);

	*domain_length = at ? (size_t)(path + length - at) - 1 : 0;
	return at ? at + 1 : NULL;
}

static bool domain_known(const struct session_facts *facts, const char *domain, size_t length)
{
	const char *kept = facts->domain_bytes;

	for (unsigned int i = 0; i < facts->domains_kept; i++) {
		if (facts->domain_lengths[i] == length && memcmp(kept, domain, length) == 0)
			return true;
		kept += facts->domain_lengths[i];
	}
	return false;
}

/* Into the list and into machine.domain: in lower case, but for an address literal. */
static void keep_domain(struct session *session, const char *given, size_t length)
{
	struct session_facts *facts = &session->facts;
	struct session_machine *machine = &session->machine;
	bool literal = given[0] == '[';

	machine->domain_length = 0;
	if (length > LIMIT_DOMAIN) {
		facts->domains_over++;
		return;
	}
	for (size_t i = 0; i < length; i++) {
		char c = given[i];

		machine->domain[i] = !literal && c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
	}
	if (!domain_known(facts, machine->domain, length)) {
		if (facts->domains_kept == LIMIT_DOMAINS ||
		    length > sizeof(facts->domain_bytes) - facts->domains_used) {
			facts->domains_over++;
			return;
		}
		memcpy(facts->domain_bytes + facts->domains_used, machine->domain, length);
		facts->domains_used += length;
		facts->domain_lengths[facts->domains_kept++] = length;
	}
	machine->domain_length = length;
}

/* A list of recipients mostly stays with a domain for a while. What is in lower case already can be told at once. */
static bool same_domain(const struct session_machine *machine, const char *domain, size_t length)
{
	return length == machine->domain_length && memcmp(machine->domain, domain, length) == 0;
}

void facts_recipient(struct session *session, const char *path, size_t length, bool quoted)
{
	size_t domain_length;
	const char *domain = domain_of(path, length, quoted, &domain_length);

	if (domain_length && !same_domain(&session->machine, domain, domain_length))
		keep_domain(session, domain, domain_length);
	if (session->on_recipient)
		session->on_recipient(session->context, path, length);
}

void facts_helo_tried(struct session *session, const char *name, size_t length, bool cut)
{
	struct session_machine *machine = &session->machine;
	struct session_tried *tried;

	if (machine->tried_count < LIMIT_TRIED)
		machine->tried_count++;
	tried = &machine->tried[machine->tried_count - 1];
	tried->cut = cut || length > sizeof(tried->bytes);
	tried->length = length < sizeof(tried->bytes) ? length : sizeof(tried->bytes);
	memcpy(tried->bytes, name, tried->length);
	if (!machine->helo_accepted)
		facts_text(&session->facts.helo, session->facts.helo_bytes, LIMIT_HELO, name,
			   length, cut);
}

void facts_helo_answered(struct session *session, bool accepted)
{
	struct session_machine *machine = &session->machine;
	struct session_facts *facts = &session->facts;
	const struct session_tried *tried = &machine->tried[0];

	if (!machine->tried_count)
		return;
	if (accepted) {
		if (machine->helo_accepted &&
		    (facts->helo.length != tried->length ||
		     memcmp(facts->helo_bytes, tried->bytes, tried->length) != 0))
			facts->helo_changed = true;
		machine->helo_accepted = true;
		facts_text(&facts->helo, facts->helo_bytes, LIMIT_HELO, tried->bytes, tried->length,
			   tried->cut);
	}
	machine->tried_count--;
	memmove(&machine->tried[0], &machine->tried[1],
		machine->tried_count * sizeof(machine->tried[0]));
}

void facts_refusal(struct session *session, unsigned int code, const struct line *line, bool last)
{
	struct session_facts *facts = &session->facts;
	const char *name = blocklist_in_reply(line->bytes, line->length);
	uint8_t rank = name ? REFUSAL_NAMED : code >= 500 ? REFUSAL_5XX : REFUSAL_4XX;

	if (!name && !last)
		return;
	if (rank < session->machine.worst_rank)
		return;
	session->machine.worst_rank = rank;
	if (name)
		facts->blocklist = name;
	facts->worst_code = code;
	facts_text(&facts->worst_reply, facts->worst_reply_bytes, LIMIT_REPLY, line->bytes,
		   line->length, line->cut);
}
