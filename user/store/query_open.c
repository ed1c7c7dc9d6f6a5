/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * query_open.c - a store opened for reading, without trust in what it holds
 *
 * Whoever takes over the half that writes the store can write anything into it. store/reader.h recognises the file; here its schema is
 * kept from running anything (no triggers, no views), SQLite's own limits are drawn close, and time is. Nothing is fatal.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "store/query_internal.h"

/* Of SQLite's machine between two questions whether it is enough: a tenth of a millisecond. */
#define STEPS 10000

int query_failed(struct query_store *store, int sqlite)
{
	const char *said = sqlite3_errmsg(store->db);

	switch (sqlite & 0xff) {
	case SQLITE_INTERRUPT:
		snprintf(store->error, sizeof(store->error),
			 "the answer takes too long: ask for a shorter time, or for less");
		return -ETIME;
	case SQLITE_NOMEM:
		snprintf(store->error, sizeof(store->error),
			 "the answer needs too much memory: ask for a shorter time, or for less");
		return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		snprintf(store->error, sizeof(store->error),
			 "the store is locked by another program");
		return -EBUSY;
	default:
		escape_text(store->error, sizeof(store->error), said, strlen(said), NULL);
		if ((sqlite & 0xff) != SQLITE_CORRUPT && (sqlite & 0xff) != SQLITE_ERROR)
			return -EIO;
		snprintf(store->error, sizeof(store->error), "the store is damaged (%.100s)", said);
		return -EBADMSG;
	}
}

int query_prepare(struct query_store *store, const char *sql, sqlite3_stmt **statement)
{
	int rc = sqlite3_prepare_v2(store->db, sql, -1, statement, NULL);

	return rc == SQLITE_OK ? 0 : query_failed(store, rc);
}

void query_bind_int(sqlite3_stmt *statement, const char *name, int64_t value)
{
	int at = sqlite3_bind_parameter_index(statement, name);

	if (at)
		sqlite3_bind_int64(statement, at, value);
}

void query_bind_bytes(sqlite3_stmt *statement, const char *name, struct bytes value)
{
	int at = sqlite3_bind_parameter_index(statement, name);

	if (at)
		sqlite3_bind_blob(statement, at, value.at, (int)value.length, SQLITE_TRANSIENT);
}

struct bytes query_bytes(sqlite3_stmt *statement, int column)
{
	const char *at = sqlite3_column_blob(statement, column);
	int length = sqlite3_column_bytes(statement, column);

	return (struct bytes){at, at && length > 0 ? (size_t)length : 0};
}

int query_number(struct query_store *store, const char *sql, int64_t by_default, int64_t *out)
{
	sqlite3_stmt *statement;
	int rc = query_prepare(store, sql, &statement);

	if (rc)
		return rc;
	*out = by_default;
	rc = sqlite3_step(statement);
	if (rc == SQLITE_ROW && sqlite3_column_type(statement, 0) == SQLITE_INTEGER)
		*out = sqlite3_column_int64(statement, 0);
	if (rc == SQLITE_ROW || rc == SQLITE_DONE)
		rc = SQLITE_OK;
	rc = rc ? query_failed(store, rc) : 0;
	sqlite3_finalize(statement);
	return rc;
}

static int on_steps(void *context)
{
	const struct query_store *store = context;

	return store->options.enough(store->options.context);
}

/* The most of each that our own statements and rows need; and what no store of ours has. */
static void harden(sqlite3 *db)
{
	static const int limits[][2] = {
		{SQLITE_LIMIT_SQL_LENGTH, 16384},	{SQLITE_LIMIT_COLUMN, 64},
		{SQLITE_LIMIT_EXPR_DEPTH, 64},		{SQLITE_LIMIT_COMPOUND_SELECT, 8},
		{SQLITE_LIMIT_VDBE_OP, 25000},		{SQLITE_LIMIT_FUNCTION_ARG, 16},
		{SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 64}, {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
		{SQLITE_LIMIT_WORKER_THREADS, 0},
	};
	static const int switches[] = {
		SQLITE_DBCONFIG_TRUSTED_SCHEMA,	       SQLITE_DBCONFIG_ENABLE_TRIGGER,
		SQLITE_DBCONFIG_ENABLE_VIEW,	       SQLITE_DBCONFIG_ENABLE_FKEY,
		SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION,
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		sqlite3_limit(db, limits[i][0], limits[i][1]);
	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++)
		sqlite3_db_config(db, switches[i], 0, NULL);
}

static int settings(struct query_store *store)
{
	int rc = sqlite3_exec(store->db,
			      "PRAGMA query_only = ON; PRAGMA cache_size = -32768; "
			      "PRAGMA mmap_size = 0; BEGIN",
			      NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : query_failed(store, rc);
}

/*
 * Retention deletes the oldest connections and keeps their roll-ups. So all connections are there as long as the hour of the oldest
 * has as many as its roll-ups say, and no roll-up is older.
 */
static int details_since(struct query_store *store)
{
	int64_t oldest, rolled, here;
	int rc = query_number(store, "SELECT min(start) FROM connection", 0, &oldest);

	if (rc)
		return rc;
	rc = query_number(store,
			  "WITH o(hour) AS (SELECT min(start) / 3600000000000 FROM connection) "
			  "SELECT CAST(total(connections) AS INTEGER) FROM hour "
			  "WHERE hour <= (SELECT hour FROM o)",
			  0, &rolled);
	if (!rc)
		rc = query_number(
			store,
			"WITH o(hour) AS (SELECT min(start) / 3600000000000 FROM connection) "
			"SELECT count(*) FROM connection WHERE start < "
			"((SELECT hour FROM o) + 1) * 3600000000000",
			0, &here);
	if (rc)
		return rc;
	if (!oldest) /* none is left, or there never was one */
		return query_number(store,
				    "SELECT (max(hour) + 1) * 3600000000000 FROM hour "
				    "WHERE hour < 2562047",
				    0, &store->extent.details_since);
	store->extent.details_since = here < rolled ? oldest : 0;
	return 0;
}

static int extent(struct query_store *store)
{
	struct query_extent *extent = &store->extent;
	int64_t latest;
	int rc = details_since(store);

	if (!rc)
		rc = query_number(store,
				  "SELECT value * 1000000000 FROM meta WHERE key = 'created'", 0,
				  &extent->created);
	if (!rc)
		rc = query_number(store, "SELECT min(day) * 86400000000000 FROM day_value", 0,
				  &extent->days_since);
	if (!rc)
		rc = query_number(store,
				  "SELECT min(first) FROM hour WHERE hour = "
				  "(SELECT min(hour) FROM hour)",
				  0, &extent->first);
	if (!rc)
		rc = query_number(store, "SELECT max(start) FROM connection", 0, &latest);
	if (!rc)
		rc = query_number(store,
				  "SELECT max(last) FROM hour WHERE hour = "
				  "(SELECT max(hour) FROM hour)",
				  0, &extent->last);
	if (!rc && latest > extent->last)
		extent->last = latest;
	return rc;
}

struct query_store *query_open(const struct query_options *options, char *error, size_t error_size)
{
	struct query_store *store = calloc(1, sizeof(*store));
	int rc;

	if (!store) {
		snprintf(error, error_size, "out of memory");
		return NULL;
	}
	store->options = *options;
	store->reader = store_read_open(options->path, error, error_size);
	if (!store->reader) {
		free(store);
		return NULL;
	}
	store->db = store_read_db(store->reader);
	harden(store->db);
	if (options->enough)
		sqlite3_progress_handler(store->db, STEPS, on_steps, store);
	rc = settings(store);
	if (!rc)
		rc = extent(store);
	if (!rc)
		return store;
	snprintf(error, error_size, "%s", store->error);
	query_close(store);
	return NULL;
}

void query_close(struct query_store *store)
{
	if (!store)
		return;
	store_read_close(store->reader);
	free(store);
}

const char *query_error(const struct query_store *store)
{
	return store->error;
}

const struct query_extent *query_extent(const struct query_store *store)
{
	return &store->extent;
}
