/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tally.c - connections counted by verdict and by who
 *
 * Who is the opener's user and systemd unit. Units come and go by the thousand where each login or container has a scope of its own:
 * those are told by their kind, and a name that a user or a container gave itself is not told at all. Nothing is fatal: without
 * memory a connection is in "other".
 */
#include "present/tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/hash.h"
#include "base/limits.h"
#include "present/label.h"

#define WHO_BYTES (2 * LIMIT_METRICS_LABEL + 64)

struct who {
	char labels[WHO_BYTES]; /* the key, up to its NUL */
	struct tally_counts counts;
	UT_hash_handle hh;
};

struct tally {
	struct tally_counts verdicts[VERDICT_CLASSES], others[VERDICT_CLASSES];
	struct who *all;
	unsigned int nameless; /* of them, those of users without a name */
};

struct tally *tally_new(void)
{
	return calloc(1, sizeof(struct tally));
}

void tally_free(struct tally *tally)
{
	if (!tally)
		return;
	while (tally->all) {
		struct who *who = tally->all;

		HASH_DEL(tally->all, who);
		free(who);
	}
	free(tally);
}

/* A label's value, of text that is escaped already: Prometheus wants a backslash before these two, and has no other control. */
static void put_value(char *out, size_t size, const char *text)
{
	size_t used = 0;

	for (; *text && used + 2 < size; text++) {
		if (*text == '\\' || *text == '"')
			out[used++] = '\\';
		out[used++] = *text;
	}
	out[used] = '\0';
}

/* "session-3.scope" is one of a kind: "session.scope". A service, and "init.scope", have their names from a file. */
static void put_unit(char *out, size_t size, struct bytes unit)
{
	const char *dash =
		unit.length && bytes_end(unit, ".scope") ? memchr(unit.at, '-', unit.length) : NULL;
	size_t used = escape_text(out, size, unit.at, dash ? (size_t)(dash - unit.at) : unit.length,
				  NULL);

	if (dash)
		snprintf(out + used, size - used, ".scope");
}

static void put_service(char *out, size_t size, const struct process *opener)
{
	if (!opener)
		out[0] = '\0';
	else if (opener->unit.length && !opener->unit_claimed)
		put_unit(out, size, opener->unit);
	else if (opener->unit_claimed || opener->container_claimed)
		snprintf(out, size, "claimed");
	else
		snprintf(out, size, "%s", opener->runtime ? opener->runtime : "");
}

static void put_labels(char out[WHO_BYTES], const struct connection *connection)
{
	char user[LIMIT_METRICS_LABEL / 2], service[LIMIT_METRICS_LABEL / 2];
	char user_value[LIMIT_METRICS_LABEL], service_value[LIMIT_METRICS_LABEL];

	label_user(user, sizeof(user), connection->opener);
	put_service(service, sizeof(service), connection->opener);
	put_value(user_value, sizeof(user_value), user);
	put_value(service_value, sizeof(service_value), service);
	snprintf(out, WHO_BYTES, "verdict=\"%s\",user=\"%s\",service=\"%s\"",
		 verdict_name(connection->verdict.class), user_value, service_value);
}

static struct tally_counts *find(struct tally *tally, const struct connection *connection)
{
	bool nameless = connection->opener && !connection->opener->extra.user[0];
	char labels[WHO_BYTES];
	struct who *who;

	put_labels(labels, connection);
	HASH_FIND_STR(tally->all, labels, who);
	if (who)
		return &who->counts;
	if (HASH_COUNT(tally->all) >= LIMIT_METRICS_WHO ||
	    (nameless && tally->nameless >= LIMIT_METRICS_WHO / 2))
		return NULL;
	who = calloc(1, sizeof(*who));
	if (!who)
		return NULL;
	memcpy(who->labels, labels, sizeof(who->labels));
	HASH_ADD_STR(tally->all, labels, who);
	if (!who->hh.tbl) {
		free(who);
		return NULL;
	}
	tally->nameless += nameless;
	return &who->counts;
}

static void count(struct tally_counts *counts, const struct connection *connection)
{
	const struct session_facts *facts =
		connection->session ? &connection->session->facts : NULL;

	counts->of[TALLY_CONNECTIONS]++;
	counts->of[TALLY_UNANSWERED] += !connection->established;
	counts->of[TALLY_REFUSED] += connection->verdict.reasons >> REASON_REFUSED & 1;
	counts->of[TALLY_BLOCKLISTED] += connection->verdict.reasons >> REASON_BLOCKLISTED & 1;
	counts->of[TALLY_BYTES] += connection->bytes_out;
	if (!facts)
		return;
	counts->of[TALLY_MESSAGES] += facts->messages;
	counts->of[TALLY_MESSAGES_ACCEPTED] += facts->accepted;
	counts->of[TALLY_RECIPIENTS] += facts->recipients;
	counts->of[TALLY_RECIPIENTS_REFUSED] += facts->refused;
}

void tally_add(struct tally *tally, const struct connection *connection)
{
	enum verdict_class class = connection->verdict.class;
	struct tally_counts *counts = find(tally, connection);

	count(&tally->verdicts[class], connection);
	count(counts ? counts : &tally->others[class], connection);
}

const struct tally_counts *tally_verdict(const struct tally *tally, enum verdict_class class)
{
	return &tally->verdicts[class];
}

const struct tally_counts *tally_other(const struct tally *tally, enum verdict_class class)
{
	return &tally->others[class];
}

void tally_each(const struct tally *tally, tally_fn *fn, void *context)
{
	for (const struct who *who = tally->all; who; who = who->hh.next)
		fn(context, who->labels, &who->counts);
}

unsigned int tally_sets(const struct tally *tally)
{
	return HASH_COUNT(tally->all);
}
