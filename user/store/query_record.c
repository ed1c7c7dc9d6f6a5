/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * query_record.c - single connections: in short, and in full
 *
 * A record is put together from what it shares with others of its process and from its own members, and is checked to be JSON
 * before anybody is given it. Its id is not searched for by an index: the latest are looked at first, until it is found or time is up.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "store/pack.h"
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

/* { rest , process }: either may be empty. */
static int put_together(struct pack *pack, struct bytes rest, struct bytes process, char **json,
			size_t *length)
{
	char *text = malloc(2 * (size_t)LIMIT_STORE_JSON + 4);
	struct bytes part;
	size_t used = 0;
	int rc;

	*json = text;
	if (!text)
		return -ENOMEM;
	text[used++] = '{';
	rc = pack_expand(pack, rest, &part);
	if (rc)
		return rc;
	memcpy(text + used, part.at, part.length);
	used += part.length;
	rc = process.length ? pack_expand(pack, process, &part) : 0;
	if (rc)
		return rc;
	if (process.length && part.length) {
		if (used > 1)
			text[used++] = ',';
		memcpy(text + used, part.at, part.length);
		used += part.length;
	}
	text[used++] = '}';
	*length = used;
	return 0;
}

static int say(struct query_store *store, int rc, const char *none)
{
	switch (rc) {
	case -ENOENT:
		snprintf(store->error, sizeof(store->error), "%s", none);
		break;
	case -EBADMSG:
		snprintf(store->error, sizeof(store->error),
			 "the store is damaged: the record cannot be read");
		break;
	case -ENOMEM:
		query_failed(store, SQLITE_NOMEM);
		break;
	default:
		break;
	}
	return rc;
}

int query_record(struct query_store *store, int64_t seq, char **json, size_t *length)
{
	struct pack *pack = pack_new();
	sqlite3_stmt *statement;
	int step, rc;

	*json = NULL;
	if (!pack)
		return say(store, -ENOMEM, "");
	rc = query_prepare(store,
			   "SELECT c.rest, p.json FROM connection c "
			   "LEFT JOIN process p ON p.id = c.process WHERE c.seq = :seq",
			   &statement);
	if (rc) {
		pack_free(pack);
		return rc;
	}
	query_bind_int(statement, ":seq", seq);
	step = sqlite3_step(statement);
	if (step == SQLITE_ROW)
		rc = put_together(pack, query_bytes(statement, 0), query_bytes(statement, 1), json,
				  length);
	else
		rc = step == SQLITE_DONE ? -ENOENT : query_failed(store, step);
	if (step == SQLITE_ROW || step == SQLITE_DONE)
		say(store, rc, "there is no connection of this number in the store");
	sqlite3_finalize(statement);
	pack_free(pack);
	return rc;
}

/* "id":"..." with these very characters: a quote within a string would be escaped. 1 = it is this one. */
static int is_record(struct pack *pack, struct bytes rest, const char *member)
{
	struct bytes text;
	int rc = pack_expand(pack, rest, &text);

	if (rc == -EBADMSG)
		return 0; /* another one is damaged */
	return rc ? rc : bytes_hold(text, member);
}

static int find_record(struct query_store *store, struct pack *pack, const char *member,
		       const struct query *query, int64_t *seq)
{
	sqlite3_stmt *statement;
	int step, found = 0, rc;

	rc = query_prepare(store,
			   "SELECT seq, rest FROM connection WHERE start >= :since AND "
			   "start < :until ORDER BY start DESC",
			   &statement);
	if (rc)
		return rc;
	query_bind_int(statement, ":since", query->since);
	query_bind_int(statement, ":until", query->until);
	while (!rc && !found && (step = sqlite3_step(statement)) != SQLITE_DONE) {
		if (step != SQLITE_ROW) {
			rc = query_failed(store, step);
			break;
		}
		found = is_record(pack, query_bytes(statement, 1), member);
		if (found == 1)
			*seq = sqlite3_column_int64(statement, 0);
		/* Expanding takes longer than stepping. */
		else if (!found && store->options.enough &&
			 store->options.enough(store->options.context))
			rc = query_failed(store, SQLITE_INTERRUPT);
	}
	sqlite3_finalize(statement);
	if (rc)
		return rc;
	return found == 1 ? 0 : found ? found : -ENOENT;
}

int query_record_by_id(struct query_store *store, const char *id, const struct query *query,
		       int64_t *seq, char **json, size_t *length)
{
	struct pack *pack;
	char member[128];
	int rc;

	*json = NULL;
	if (strspn(id, "0123456789abcdef-") != strlen(id) || strlen(id) > 100)
		return say(store, -ENOENT, "there is no connection of this id in the store");
	snprintf(member, sizeof(member), "\"id\":\"%s\"", id);
	pack = pack_new();
	if (!pack)
		return say(store, -ENOMEM, "");
	rc = find_record(store, pack, member, query, seq);
	pack_free(pack);
	if (rc == -ETIME)
		return rc;
	return rc ? say(store, rc, "there is no connection of this id in the store, in this time")
		  : query_record(store, *seq, json, length);
}
