/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * facts.c - what is kept of a dialogue
 *
 * Everything has a bound (base/limits.h) and is counted beyond it; nothing is fatal.
 */
#include <string.h>

#include "smtp/blocklist.h"
#include "smtp/internal.h"

enum refusal_rank { REFUSAL_4XX = 1, REFUSAL_5XX = 2, REFUSAL_NAMED = 3 };

void facts_text(struct session_text *text, char *kept, size_t size, const char *bytes,
		size_t length, bool cut)
{
	text->seen = true;
	text->cut = cut || length > size;
	text->length = length < size ? length : size;
	memcpy(kept, bytes, text->length);
}

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

/* The domain is what follows the last @ outside quotes; where there is none, the length is 0. */
static const char *domain_of(const char *path, size_t length, size_t *domain_length)
{
	const char *domain = NULL;
	bool quoted = false;

	for (size_t i = 0; i < length; i++) {
		if (quoted && path[i] == '\\')
			i++;
		else if (path[i] == '"')
			quoted = !quoted;
		else if (path[i] == '@' && !quoted)
			domain = path + i + 1;
	}
	*domain_length = domain ? (size_t)(path + length - domain) : 0;
	return domain;
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

static void keep_domain(struct session_facts *facts, const char *domain, size_t length)
{
	char lower[LIMIT_DOMAIN];
	bool literal = domain[0] == '[';

	if (length > sizeof(lower)) {
		facts->domains_over++;
		return;
	}
	for (size_t i = 0; i < length; i++) {
		char c = domain[i];

		lower[i] = !literal && c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
	}
	if (domain_known(facts, lower, length))
		return;
	if (facts->domains_kept == LIMIT_DOMAINS ||
	    length > sizeof(facts->domain_bytes) - facts->domains_used) {
		facts->domains_over++;
		return;
	}
	memcpy(facts->domain_bytes + facts->domains_used, lower, length);
	facts->domains_used += length;
	facts->domain_lengths[facts->domains_kept++] = length;
}

void facts_recipient(struct session *session, const char *path, size_t length)
{
	size_t domain_length;
	const char *domain = domain_of(path, length, &domain_length);

	if (domain_length)
		keep_domain(&session->facts, domain, domain_length);
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

void facts_refusal(struct session *session, unsigned int code, const struct session_line *line,
		   bool last)
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
