/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * query_internal.h - what the parts of the reader share
 */
#ifndef SMTPSNOOP_QUERY_INTERNAL_H
#define SMTPSNOOP_QUERY_INTERNAL_H

#include <sqlite3.h>

#include "store/query.h"
#include "store/reader.h"

#define QUERY_HOUR (INT64_C(3600) * 1000000000)
#define QUERY_DAY (INT64_C(86400) * 1000000000)

struct query_store {
	struct reader *reader;
	sqlite3 *db; /* the reader's */
	struct query_options options;
	struct query_extent extent;
	char error[QUERY_ERROR];
};

/* What SQLite said of the last call, as -errno; error gets the sentence. */
int query_failed(struct query_store *store, int sqlite);

/* Names without a parameter in the statement are passed over: one list fits all of them. */
int query_prepare(struct query_store *store, const char *sql, sqlite3_stmt **statement);
void query_bind_int(sqlite3_stmt *statement, const char *name, int64_t value);
void query_bind_bytes(sqlite3_stmt *statement, const char *name, struct bytes value);
struct bytes query_bytes(sqlite3_stmt *statement, int column); /* until the next step */

/* One number; the default where there is no row or it is NULL. */
int query_number(struct query_store *store, const char *sql, int64_t by_default, int64_t *out);

/* SQL, put together from constants only: all values are bound. */
struct query_sql {
	char text[8192];
	size_t length;
	bool over; /* it found no room */
};
void query_sql_add(struct query_sql *sql, const char *constant);

/* " AND ..." for each filter, over the connection `c`; with what roll-ups by hour know, over `h`; and their values. */
void query_filter_details(struct query_sql *sql, const struct query *query);
void query_filter_hours(struct query_sql *sql, const struct query *query);
void query_filter_bind(sqlite3_stmt *statement, const struct query *query);
/* Any filter that roll-ups by hour, or by value, do not know? */
bool query_needs_details(const struct query *query, bool values);

/* Texts of one row, found by their ids, in one piece of memory. */
struct query_texts {
	sqlite3_stmt *actor, *text;
};
int query_texts_begin(struct query_store *store, struct query_texts *texts);
void query_texts_end(struct query_texts *texts);
/* *memory is the caller's to free. An actor that is not there has the id only. */
int query_actor_texts(struct query_store *store, struct query_texts *texts, int64_t id,
		      struct query_actor *actor, char **memory);
int query_text(struct query_store *store, struct query_texts *texts, int64_t id, char **memory,
	       struct bytes *text);

/* "192.0.2.1": an address of 4 or 16 bytes, as values of destinations are written. False: it is none. */
bool query_address(char out[48], struct bytes address);

#endif
