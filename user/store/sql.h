/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sql.h - all that the store's writer says to SQLite, prepared once
 */
#ifndef SMTPSNOOP_SQL_H
#define SMTPSNOOP_SQL_H

#include <stdint.h>

#include <sqlite3.h>

#include "base/bytes.h"

enum sql_name {
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_SEQ,
	SQL_SEQ_SET,
	SQL_TEXT_FIND,
	SQL_TEXT_ADD,
	SQL_TEXT_USE,
	SQL_PROCESS_ADD,
	SQL_PROCESS_USE,
	SQL_ACTOR_FIND,
	SQL_ACTOR_ADD,
	SQL_ACTOR_USE,
	SQL_ACTORS_OF_USER,
	SQL_CONNECTION_ADD,
	SQL_HOUR_ADD,
	SQL_VALUE_ADD,
	SQL_VALUE_KNOWN,
	SQL_VALUES_OF_DAY,
	SQL_EVENT_ADD,
	SQL_EVENT_LAST_RUN,
	/* Retention: ?1 is the number of rows at most. */
	SQL_CONNECTION_EXPIRE,
	SQL_HOUR_EXPIRE,
	SQL_VALUE_EXPIRE,
	SQL_EVENT_EXPIRE,
	SQL_CONNECTION_OLDEST,
	SQL_HOUR_OLDEST,
	SQL_VALUE_OLDEST,
	SQL_ACTOR_PIECE,
	SQL_ACTOR_SWEEP,
	SQL_PROCESS_PIECE,
	SQL_PROCESS_SWEEP,
	SQL_TEXT_PIECE,
	SQL_TEXT_SWEEP,
	SQL_PAGES,
	SQL_PAGES_FREE,
	SQL_PAGE_SIZE,
	SQL_VACUUM,
	SQL_COUNT
};

struct sql {
	sqlite3 *db;
	sqlite3_stmt *prepared[SQL_COUNT];
};

/* Before the connection is closed. */
void sql_finalize(struct sql *sql);

/* Binds bytes as parameter `at` for the next run; they have to last until then. SQLITE_OK or SQLite's error. */
int sql_bytes(struct sql *sql, enum sql_name name, int at, struct bytes bytes);

int sql_text(struct sql *sql, enum sql_name name, int at,
	     const char *text); /* likewise; NULL is NULL */

/* Runs it with numbers as parameters from ?1 on. SQLITE_OK or SQLite's error. */
int sql_run(struct sql *sql, enum sql_name name, const int64_t *numbers, int count);

/* Likewise, and the first row's first `columns` numbers go into answer, which is left as it is where there is no row.
 * SQLITE_ROW, SQLITE_DONE: there was none, or SQLite's error. */
int sql_ask(struct sql *sql, enum sql_name name, const int64_t *numbers, int count, int64_t *answer,
	    int columns);

/* sql_run(sql, SQL_TEXT_USE, SQL_NUMBERS(id, day, rollup_day)) */
#define SQL_NUMBERS(...)                                                                           \
	(const int64_t[]){__VA_ARGS__}, sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)
#define SQL_NOTHING NULL, 0

#endif
