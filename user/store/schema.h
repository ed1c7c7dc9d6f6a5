/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * schema.h - the store's tables: made, brought up to date, recognised
 */
#ifndef SMTPSNOOP_SCHEMA_H
#define SMTPSNOOP_SCHEMA_H

#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

#define SCHEMA_APPLICATION 0x736d7470 /* "smtp": application_id in the file's header */
#define SCHEMA_VERSION 1 /* user_version there */

/* day_value.what. Never renumbered. */
enum schema_what {
	SCHEMA_DESTINATION = 1,
	SCHEMA_HELO = 2,
	SCHEMA_REPLY = 3,
};

/* day_value.value that is no id of a text. */
#define SCHEMA_OTHERS 0 /* all that came after LIMIT_STORE_VALUES different ones of that day */
#define SCHEMA_NONE (-1) /* not known: nothing was said or heard */

enum schema_kind {
	SCHEMA_OURS, /* this version, or an older one */
	SCHEMA_EMPTY, /* a database without tables */
	SCHEMA_OF_NEWER,
	SCHEMA_OF_OTHERS, /* another program's database */
};

/* What the database is, and its version. SQLITE_OK, or SQLite's error; SQLITE_NOTADB when it is none. */
int schema_look(sqlite3 *db, enum schema_kind *kind, int *version);

/* Is it what `version` of us has made, and nothing else: no column that is computed, no table of a module, no view, no trigger? What a
 * reader evaluates is then his own. SQLITE_OK with the answer, or SQLite's error. */
int schema_compare(sqlite3 *db, int version, bool *same);

/* For the writer: settings of the connection; the tables of an empty database are made, those of an older version changed, in one
 * transaction. A file of others or of a newer version is left alone. SQLITE_OK with *kind as it was found, or SQLite's error. */
int schema_prepare(sqlite3 *db, int64_t now, enum schema_kind *kind);

#endif
