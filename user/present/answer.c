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

void answer_of(char *out, size_t size, const struct connection *connection, unsigned int width)
{
	const struct session_facts *facts =
		connection->session ? &connection->session->facts : NULL;

	if (!facts)
		snprintf(out, size, "%s", without_dialogue(connection));
	else if (facts->worst_reply.seen)
		escape_text(out, size, facts->worst_reply_bytes, facts->worst_reply.length, NULL);
	else if (facts->tls != SESSION_TLS_NONE)
		encrypted(out, size, facts);
	else if (!facts->last_reply.seen)
		snprintf(out, size, "%s", without_dialogue(connection));
	else if (facts->receipt.seen && facts->last_code == 221) /* its "bye" says nothing */
		escape_text(out, size, facts->receipt_bytes, facts->receipt.length, NULL);
	else
		escape_text(out, size, facts->last_reply_bytes, facts->last_reply.length, NULL);
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
