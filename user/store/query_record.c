/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * query_record.c - single connections: in short, and in full
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "store/query_internal.h"

#define COLUMNS                                                                                    \
	"c.seq, c.start, c.verdict, c.reasons, c.address, c.port, c.messages, c.accepted, "        \
	"c.recipients, c.refused, c.actor, h.bytes, r.bytes FROM connection c "                    \
	"LEFT JOIN text h ON h.id = c.helo LEFT JOIN text r ON r.id = c.reply "                    \
	"WHERE c.start >= :since AND c.start < :until"

static uint32_t counter(sqlite3_stmt *statement, int column)
{
	return (uint32_t)sqlite3_column_int64(statement, column);
}

static int take_short(struct query_store *store, struct query_texts *texts, sqlite3_stmt *statement,
		      void (*take)(void *, const struct query_connection *), void *context)
{
	struct query_connection connection;
	unsigned int verdict;
	char *memory = NULL;
	int rc;

	memset(&connection, 0, sizeof(connection));
	connection.seq = sqlite3_column_int64(statement, 0);
	connection.start = sqlite3_column_int64(statement, 1);
	verdict = counter(statement, 2);
	connection.verdict =
		verdict < VERDICT_CLASSES ? (enum verdict_class)verdict : VERDICT_UNKNOWN;
	connection.reasons = (uint64_t)sqlite3_column_int64(statement, 3);
	query_address(connection.destination, query_bytes(statement, 4));
	connection.port = (uint16_t)counter(statement, 5);
	connection.messages = counter(statement, 6);
	connection.accepted = counter(statement, 7);
	connection.recipients = counter(statement, 8);
	connection.refused = counter(statement, 9);
	connection.helo = query_bytes(statement, 11);
	connection.reply = query_bytes(statement, 12);
	rc = query_actor_texts(store, texts, sqlite3_column_int64(statement, 10), &connection.actor,
			       &memory);
	if (!rc)
		take(context, &connection);
	free(memory);
	return rc;
}

int query_connections(struct query_store *store, const struct query *query, bool last,
		      unsigned int count,
		      void (*take)(void *context, const struct query_connection *connection),
		      void *context)
{
	struct query_sql sql = {.length = 0};
	sqlite3_stmt *statement = NULL;
	struct query_texts texts;
	int step, rc = query_texts_begin(store, &texts);

	if (rc)
		return rc;
	if (store->options.begin)
		store->options.begin(store->options.context);
	query_sql_add(&sql, "SELECT * FROM (SELECT " COLUMNS);
	query_filter_details(&sql, query);
	query_sql_add(&sql, last ? " ORDER BY c.start DESC, c.seq DESC LIMIT :count) ORDER BY 2, 1"
				 : " ORDER BY c.start, c.seq LIMIT :count)");
	rc = query_prepare(store, sql.text, &statement);
	if (!rc) {
		query_filter_bind(statement, query);
		query_bind_int(statement, ":since", query->since);
		query_bind_int(statement, ":until", query->until);
		query_bind_int(statement, ":count", count);
	}
	while (!rc && (step = sqlite3_step(statement)) != SQLITE_DONE)
		rc = step == SQLITE_ROW ? take_short(store, &texts, statement, take, context)
					: query_failed(store, step);
	sqlite3_finalize(statement);
	query_texts_end(&texts);
	if (rc == -ENOMEM)
		query_failed(store, SQLITE_NOMEM);
	return rc;
}

static int say(struct query_store *store, int rc, const char *none)
{
	if (rc == -ENOENT)
		snprintf(store->error, sizeof(store->error), "%s", none);
	else if (rc == -EBADMSG)
		snprintf(store->error, sizeof(store->error),
			 "the store is damaged: the record cannot be read");
	else if (rc == -ENOMEM)
		query_failed(store, SQLITE_NOMEM);
	else if (rc == -EIO)
		query_failed(store, sqlite3_errcode(store->db));
	return rc;
}

int query_record(struct query_store *store, int64_t seq, struct bytes *json)
{
	int found = store_record(store->reader, seq, json);

	if (found == 1)
		return 0;
	return say(store, found ? found : -ENOENT,
		   "there is no connection of this number in the store");
}

/* "id":"..." with these very characters: a quote within a string would be escaped. 1 = it is this one. */
static int is_record(struct query_store *store, struct bytes rest, const char *member)
{
	struct bytes text;
	int found = store_record_of(store->reader, rest, (struct bytes){NULL, 0}, &text);

	if (found == -EBADMSG)
		return 0; /* another one is damaged */
	return found == 1 ? bytes_hold(text, member) : found;
}

/* Somebody may have written many of one cookie. Expanding takes longer than SQLite's steps, so time is looked at here as well. */
static int find_record(struct query_store *store, sqlite3_stmt *statement, const char *member,
		       int64_t *seq)
{
	const struct query_options *options = &store->options;
	int step, found;

	while ((step = sqlite3_step(statement)) == SQLITE_ROW) {
		found = is_record(store, query_bytes(statement, 1), member);
		if (found == 1)
			*seq = sqlite3_column_int64(statement, 0);
		if (found)
			return found == 1 ? 0 : say(store, found, "");
		if (options->enough && options->enough(options->context))
			return query_failed(store, SQLITE_INTERRUPT);
	}
	if (step != SQLITE_DONE)
		return query_failed(store, step);
	return say(store, -ENOENT, "there is no connection of this id in the store, in this time");
}

int query_record_by_id(struct query_store *store, const char *id, const struct query *query,
		       int64_t *seq, struct bytes *json)
{
	sqlite3_stmt *statement;
	const char *cookie = strrchr(id, '-');
	char member[128];
	int rc;

	if (!cookie || strspn(id, "0123456789abcdef-") != strlen(id) || strlen(id) > 100)
		return say(store, -ENOENT, "there is no connection of this id in the store");
	snprintf(member, sizeof(member), "\"id\":\"%s\"", id);
	rc = query_prepare(store,
			   "SELECT seq, rest FROM connection WHERE cookie = :cookie AND "
			   "start >= :since AND start < :until ORDER BY start DESC, seq DESC",
			   &statement);
	if (rc)
		return rc;
	query_bind_int(statement, ":cookie", (int64_t)strtoull(cookie + 1, NULL, 16));
	query_bind_int(statement, ":since", query->since);
	query_bind_int(statement, ":until", query->until);
	rc = find_record(store, statement, member, seq);
	sqlite3_finalize(statement);
	return rc ? rc : query_record(store, *seq, json);
}
