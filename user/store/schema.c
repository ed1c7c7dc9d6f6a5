/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * schema.c - the store's tables: made, brought up to date, recognised
 *
 * The index of the last entry of `versions` is the schema's version. A released entry is never changed: what changes is a new
 * entry, so that every older store gets there. Times are Unix time: ns, or hours (s / 3600) and days (s / 86400) in UTC. Foreign
 * keys are not declared: the writer's one transaction holds all that belongs together, and retention deletes in order.
 */
#include "store/schema.h"

#include <stdint.h>
#include <string.h>
#include <sys/random.h>

/*
 * text: what is said once. `day` is the last day of a connection that uses it, `rollup_day` that of a roll-up or an actor. What is older
 *   than all connections and all roll-ups is deleted.
 * process: JSON members that are the same for all connections of a process, packed (store/pack.h). Apart from `text`, since they are long
 *   and never searched for: UNIQUE would keep them twice. After a restart of the writer a process may have a second one.
 * actor: who; after LIMIT_STORE_ACTORS of a user in a day one for all others of his (STORE_OTHER_ACTORS); ids of `text`, 0 = not known; other is the second file of a script (struct store_row.with); uid -1 = not known.
 * connection: cookie is the socket's, unique until the host starts anew; address has 4 or 16 bytes; helo and reply are ids of `text`, process of `process`, 0 = none; reasons is a bit set; rest is
 *   packed. { rest , process } is the record of `trace --json`.
 * hour: by the connections' start; kept when they are gone. first is the earliest start (ns), last the latest.
 * day_value: what is enum schema_what, value an id of `text` or SCHEMA_OTHERS, SCHEMA_NONE.
 * event: what the history must not hide (enum store_event).
 */
/* What tables and lists are made of is in the indexes: a connection is a tenth of its record, and records lie far apart. */
#define SHORT                                                                                      \
	"verdict, reasons, address, port, helo, reply, messages, accepted, recipients, refused"

static const char *const versions[] = {
	[1] = "CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
	      "CREATE TABLE text(id INTEGER PRIMARY KEY, day INTEGER NOT NULL,"
	      " rollup_day INTEGER NOT NULL, bytes BLOB NOT NULL UNIQUE);"
	      "CREATE TABLE process(id INTEGER PRIMARY KEY, day INTEGER NOT NULL,"
	      " json BLOB NOT NULL);"
	      "CREATE TABLE actor(id INTEGER PRIMARY KEY, day INTEGER NOT NULL,"
	      " uid INTEGER NOT NULL, user INTEGER NOT NULL, exe INTEGER NOT NULL,"
	      " script INTEGER NOT NULL, other INTEGER NOT NULL, service INTEGER NOT NULL, "
	      "container INTEGER NOT NULL,"
	      " cgroup INTEGER NOT NULL,"
	      " UNIQUE(uid, user, exe, script, other, service, container, cgroup));"
	      "CREATE INDEX actor_user ON actor(uid, day);"
	      "CREATE TABLE connection(seq INTEGER PRIMARY KEY, start INTEGER NOT NULL,"
	      " cookie INTEGER NOT NULL, actor INTEGER NOT NULL, verdict INTEGER NOT NULL, reasons "
	      "INTEGER NOT NULL,"
	      " address BLOB NOT NULL, port INTEGER NOT NULL, helo INTEGER NOT NULL,"
	      " reply INTEGER NOT NULL, messages INTEGER NOT NULL, accepted INTEGER NOT NULL,"
	      " recipients INTEGER NOT NULL, refused INTEGER NOT NULL,"
	      " process INTEGER NOT NULL, rest BLOB NOT NULL);"
	      "CREATE INDEX connection_start ON connection(start, actor, " SHORT ");"
	      "CREATE INDEX connection_actor ON connection(actor, start, " SHORT ");"
	      "CREATE INDEX connection_cookie ON connection(cookie);"
	      "CREATE TABLE hour(hour INTEGER, actor INTEGER, verdict INTEGER,"
	      " connections INTEGER NOT NULL, messages INTEGER NOT NULL,"
	      " accepted INTEGER NOT NULL, recipients INTEGER NOT NULL,"
	      " refused INTEGER NOT NULL, attempts_only INTEGER NOT NULL,"
	      " refusals INTEGER NOT NULL, blocklisted INTEGER NOT NULL,"
	      " bytes_out INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,"
	      " PRIMARY KEY(hour, actor, verdict)) WITHOUT ROWID;"
	      "CREATE TABLE day_value(day INTEGER, what INTEGER, value INTEGER, verdict INTEGER,"
	      " connections INTEGER NOT NULL, messages INTEGER NOT NULL,"
	      " accepted INTEGER NOT NULL, recipients INTEGER NOT NULL,"
	      " refused INTEGER NOT NULL,"
	      " PRIMARY KEY(day, what, value, verdict)) WITHOUT ROWID;"
	      "CREATE TABLE event(seq INTEGER PRIMARY KEY, time INTEGER NOT NULL,"
	      " kind INTEGER NOT NULL, number INTEGER NOT NULL, words TEXT);",
};

_Static_assert(sizeof(versions) / sizeof(versions[0]) == SCHEMA_VERSION + 1,
	       "SCHEMA_VERSION is the last of the versions");

/*
 * auto_vacuum counts before the first table only, so it comes before WAL, which writes the first page. FULL: a commit that has
 * returned outlasts a power cut; one fsync a second is cheap. Temporary tables stay in memory: the writer's root has no /tmp.
 */
static const char settings[] = "PRAGMA auto_vacuum=INCREMENTAL;"
			       "PRAGMA journal_mode=WAL;"
			       "PRAGMA synchronous=FULL;"
			       "PRAGMA wal_autocheckpoint=1000;"
			       "PRAGMA journal_size_limit=8388608;"
			       "PRAGMA cache_size=-16384;"
			       "PRAGMA temp_store=MEMORY;"
			       "PRAGMA trusted_schema=OFF;"
			       "PRAGMA cell_size_check=ON;";

static int ask(sqlite3 *db, const char *sql, int *number)
{
	sqlite3_stmt *statement;
	int rc = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);

	if (rc != SQLITE_OK)
		return rc;
	rc = sqlite3_step(statement);
	*number = rc == SQLITE_ROW ? sqlite3_column_int(statement, 0) : 0;
	rc = sqlite3_finalize(statement);
	return rc;
}

int schema_look(sqlite3 *db, enum schema_kind *kind, int *version)
{
	int application = 0, tables = 0, rc;

	*version = 0;
	rc = ask(db, "PRAGMA application_id", &application);
	if (rc == SQLITE_OK)
		rc = ask(db, "PRAGMA user_version", version);
	if (rc == SQLITE_OK)
		rc = ask(db, "SELECT count(*) FROM sqlite_schema", &tables);
	if (rc != SQLITE_OK)
		return rc;
	if (application == 0 && *version == 0 && tables == 0)
		*kind = SCHEMA_EMPTY;
	else if (application != SCHEMA_APPLICATION || *version < 1)
		*kind = SCHEMA_OF_OTHERS;
	else
		*kind = *version > SCHEMA_VERSION ? SCHEMA_OF_NEWER : SCHEMA_OURS;
	return SQLITE_OK;
}

static int next_object(sqlite3_stmt *statement, const char *columns[4])
{
	int rc = sqlite3_step(statement);

	for (int i = 0; i < 4 && rc == SQLITE_ROW; i++) {
		columns[i] = (const char *)sqlite3_column_text(statement, i);
		if (!columns[i])
			columns[i] = "";
	}
	return rc;
}

static int compare_objects(sqlite3_stmt *theirs, sqlite3_stmt *ours, bool *same)
{
	const char *left[4], *right[4];
	int rc;

	do {
		int wanted = next_object(ours, right);

		rc = next_object(theirs, left);
		*same = rc == wanted;
		for (int i = 0; i < 4 && *same && rc == SQLITE_ROW; i++)
			*same = strcmp(left[i], right[i]) == 0;
	} while (*same && rc == SQLITE_ROW);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int schema_compare(sqlite3 *db, int version, bool *same)
{
	static const char objects[] =
		"SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name";
	sqlite3_stmt *theirs = NULL, *ours = NULL;
	sqlite3 *fresh = NULL;
	int rc = sqlite3_open_v2(":memory:", &fresh,
				 SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX,
				 NULL);

	*same = false;
	for (int i = 1; rc == SQLITE_OK && i <= version; i++)
		rc = sqlite3_exec(fresh, versions[i], NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(fresh, objects, -1, &ours, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(db, objects, -1, &theirs, NULL);
	if (rc == SQLITE_OK)
		rc = compare_objects(theirs, ours, same);
	sqlite3_finalize(theirs);
	sqlite3_finalize(ours);
	sqlite3_close(fresh);
	return rc;
}

/* The id tells stores apart; SQLite's own random numbers need /dev/urandom, which the writer cannot open. */
static int christen(sqlite3 *db, int64_t now)
{
	uint8_t id[16];
	char text[2 * sizeof(id) + 1], *sql;
	int rc;

	if (getrandom(id, sizeof(id), 0) != (ssize_t)sizeof(id))
		return SQLITE_IOERR;
	for (size_t i = 0; i < sizeof(id); i++)
		sqlite3_snprintf(3, text + 2 * i, "%02x", id[i]);
	sql = sqlite3_mprintf("PRAGMA application_id=%d;"
			      "INSERT INTO meta VALUES('store_id', %Q);"
			      "INSERT INTO meta VALUES('created', %lld);"
			      "INSERT INTO meta VALUES('next_seq', 1);",
			      SCHEMA_APPLICATION, text, (long long)(now / 1000000000));
	if (!sql)
		return SQLITE_NOMEM;
	rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
	sqlite3_free(sql);
	return rc;
}

static int upgrade(sqlite3 *db, int version, int64_t now)
{
	char number[40];
	int rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	for (int next = version + 1; rc == SQLITE_OK && next <= SCHEMA_VERSION; next++)
		rc = sqlite3_exec(db, versions[next], NULL, NULL, NULL);
	if (rc == SQLITE_OK && version == 0)
		rc = christen(db, now);
	sqlite3_snprintf(sizeof(number), number, "PRAGMA user_version=%d", SCHEMA_VERSION);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, number, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

int schema_prepare(sqlite3 *db, int64_t now, enum schema_kind *kind)
{
	int version, rc = schema_look(db, kind, &version);

	if (rc != SQLITE_OK || *kind == SCHEMA_OF_OTHERS || *kind == SCHEMA_OF_NEWER)
		return rc;
	rc = sqlite3_exec(db, settings, NULL, NULL, NULL);
	if (rc == SQLITE_OK && version < SCHEMA_VERSION)
		rc = upgrade(db, version, now);
	return rc;
}
