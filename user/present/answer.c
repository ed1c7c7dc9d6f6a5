/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * answer.c - what became of a connection, in the fewest words
 *
 * The words fit nine columns, the narrowest ANSWER. Nothing is fatal.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/escape.h"
#include "present/answer.h"
#include "present/mask.h"

#define CODES_COLUMNS 9 /* "554 5.7.1" */

static const char *without_dialogue(const struct connection *connection)
{
	if (connection->flags & EVENT_F_UNFOLLOWED)
		return "not followed";
	switch (connection->reason) {
	case CONNECTION_REFUSED:
		return "refused";
	case CONNECTION_UNREACHABLE:
		return "no route";
	case CONNECTION_DENIED:
		return "denied";
	case CONNECTION_RESET:
		return "reset";
	case CONNECTION_TIMEOUT:
		return "no answer";
	case CONNECTION_OPEN:
		/* Of what was said before nobody knows. */
		if (connection->flags & EVENT_F_EXISTING && connection->established)
			return "idle";
		return connection->established ? "silent" : "no answer yet";
	case CONNECTION_CLOSED:
		break;
	}
	return connection->lost_bytes ? "lost" : "silent";
}

static void encrypted(char *out, size_t size, const struct session_facts *facts)
{
	char name[4 * LIMIT_SNI + 1] = "";

	if (facts->sni.seen)
		escape_text(name, sizeof(name), facts->sni_bytes, facts->sni.length, NULL);
	snprintf(out, size, "encrypted%s%s", name[0] ? " " : "", name);
}

/* The code and the enhanced code alone, where the column has room for no more. */
static void only_codes(char *out, unsigned int width)
{
	if (strlen(out) > width && out[width] == ' ' && width < 2 * CODES_COLUMNS)
		out[width] = '\0';
}

void answer_reply(char *out, size_t size, const char *reply, size_t length, bool recipients)
{
	char masked[MASK_BYTES];

	if (!recipients) {
		length = mask_reply(masked, reply, length);
		reply = masked;
	}
	escape_text(out, size, reply, length, NULL);
}

/* What the client tried in vain before it sent: it says nothing about the mail. */
static bool is_preamble(const struct session_facts *facts)
{
	static const uint16_t codes[] = {500, 501, 502, 504, 530, 535};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (facts->worst_code == codes[i])
			return !facts->blocklist;
	return false;
}

/* "250 queued 4VxQ9k" where the whole receipt has no room. */
static void only_queue_id(char *out, size_t size, unsigned int width)
{
	static const char *const before[] = {"queued as ", " id="};
	static const char *const words[] = {" queued", ""};
	char copy[ANSWER_BYTES];
	const char *id = NULL;

	for (size_t i = 0; !id && i < sizeof(before) / sizeof(before[0]); i++) {
		id = strstr(out, before[i]);
		id = id ? id + strlen(before[i]) : NULL;
	}
	if (!id || escape_columns(out, strlen(out)) <= width)
		return;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		snprintf(copy, sizeof(copy), "%.3s%s %.*s", out, words[i], (int)strcspn(id, " "),
			 id);
		if (escape_columns(copy, strlen(copy)) <= width) {
			snprintf(out, size, "%s", copy);
			return;
		}
	}
}

void answer_of(char *out, size_t size, const struct connection *connection, unsigned int width,
	       bool recipients)
{
	const struct session_facts *facts =
		connection->session ? &connection->session->facts : NULL;

	if (!facts)
		snprintf(out, size, "%s", without_dialogue(connection));
	else if (facts->worst_reply.seen && !(facts->receipt.seen && is_preamble(facts)))
		answer_reply(out, size, facts->worst_reply_bytes, facts->worst_reply.length,
			     recipients);
	else if (facts->tls != SESSION_TLS_NONE)
		encrypted(out, size, facts);
	else if (!facts->last_reply.seen)
		snprintf(out, size, "%s", without_dialogue(connection));
	else if (facts->receipt.seen &&
		 (facts->last_code == 221 || facts->worst_reply.seen)) /* its "bye" says nothing */
		answer_reply(out, size, facts->receipt_bytes, facts->receipt.length, recipients);
	else
		answer_reply(out, size, facts->last_reply_bytes, facts->last_reply.length,
			     recipients);
	if (facts && facts->receipt.seen)
		only_queue_id(out, size, width);
	only_codes(out, width);
}

/* At most four columns: "1204", "12k", "120k", "1M". */
static void short_number(char *out, size_t size, uint32_t number, uint32_t plain_below)
{
	if (number < plain_below)
		snprintf(out, size, "%" PRIu32, number);
	else if (number < 1000000)
		snprintf(out, size, "%" PRIu32 "k", number / 1000);
	else
		snprintf(out, size, "%" PRIu32 "M", number / 1000000);
}

static void ratio(char *out, size_t size, uint32_t good, uint32_t all, unsigned int width)
{
	char a[12], b[12];

	snprintf(out, size, "%" PRIu32 "/%" PRIu32, good, all);
	for (uint32_t plain = 10000; strlen(out) > width && plain >= 1000; plain /= 10) {
		short_number(a, sizeof(a), good, plain);
		short_number(b, sizeof(b), all, plain);
		snprintf(out, size, "%s/%s", a, b);
	}
}

static void counted(char *out, size_t size, const struct connection *connection, uint32_t good,
		    uint32_t all, unsigned int width)
{
	if (!all)
		snprintf(out, size, "-");
	else if (connection->session->facts.gaps) /* no more than what was seen */
		snprintf(out, size, "?");
	else
		ratio(out, size, good, all, width);
}

void answer_mail(char *out, size_t size, const struct connection *connection, unsigned int width)
{
	const struct session_facts *facts =
		connection->session ? &connection->session->facts : NULL;
	uint32_t tried = 0;

	if (facts)
		tried = facts->from_count > facts->messages ? facts->from_count : facts->messages;
	counted(out, size, connection, facts ? facts->accepted : 0, tried, width);
}

void answer_rcpt(char *out, size_t size, const struct connection *connection, unsigned int width)
{
	const struct session_facts *facts =
		connection->session ? &connection->session->facts : NULL;

	counted(out, size, connection, facts ? facts->accepted_recipients : 0,
		facts ? facts->recipients : 0, width);
}
