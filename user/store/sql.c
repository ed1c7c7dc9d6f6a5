/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sql.c - all that the store's writer says to SQLite, prepared once
 *
 * What the tables mean is in store/schema.c. A statement is prepared when it is first run and kept until sql_finalize().
 */
#include "store/sql.h"

#include <errno.h>

static const char *const text_of[SQL_COUNT] = {
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
	[SQL_SEQ] = "SELECT value FROM meta WHERE key = 'next_seq'",
	[SQL_SEQ_SET] = "UPDATE meta SET value = ?1 WHERE key = 'next_seq'",
	[SQL_TEXT_FIND] = "SELECT id, day, rollup_day FROM text WHERE bytes = ?1",
	[SQL_TEXT_ADD] = "INSERT INTO text(day, rollup_day, bytes) VALUES(?1, ?2, ?3)",
	[SQL_TEXT_USE] = "UPDATE text SET day = max(day, ?2), rollup_day = max(rollup_day, ?3)"
			 " WHERE id = ?1",
	[SQL_PROCESS_ADD] = "INSERT INTO process(day, json) VALUES(?1, ?2)",
	[SQL_PROCESS_USE] = "UPDATE process SET day = max(day, ?2) WHERE id = ?1",
	[SQL_ACTOR_FIND] = "SELECT id, day FROM actor WHERE uid = ?1 AND user = ?2 AND exe = ?3"
			   " AND script = ?4 AND other = ?5 AND service = ?6 AND container = ?7"
			   " AND cgroup = ?8",
	[SQL_ACTOR_ADD] = "INSERT INTO actor(uid, user, exe, script, other, service, container,"
			  " cgroup, day) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
	[SQL_ACTOR_USE] = "UPDATE actor SET day = max(day, ?2) WHERE id = ?1",
	[SQL_ACTORS_OF_USER] = "SELECT count(*) FROM (SELECT 1 FROM actor WHERE uid = ?1"
			       " AND day >= ?2 LIMIT ?3)",
	[SQL_CONNECTION_ADD] = "INSERT INTO connection(seq, start, cookie, actor, verdict,"
			       " reasons, port, helo, reply, messages, accepted, recipients,"
			       " refused, process, address, rest) VALUES(?1, ?2, ?3, ?4, ?5, ?6,"
			       " ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
	[SQL_HOUR_ADD] =
		"INSERT INTO hour VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"
		" ?14) ON CONFLICT(hour, actor, verdict) DO UPDATE SET"
		" connections = connections + excluded.connections,"
		" messages = messages + excluded.messages,"
		" accepted = accepted + excluded.accepted,"
		" recipients = recipients + excluded.recipients,"
		" refused = refused + excluded.refused,"
		" attempts_only = attempts_only + excluded.attempts_only,"
		" refusals = refusals + excluded.refusals,"
		" blocklisted = blocklisted + excluded.blocklisted,"
		" bytes_out = bytes_out + excluded.bytes_out,"
		" first = min(first, excluded.first), last = max(last, excluded.last)",
	[SQL_VALUE_ADD] = "INSERT INTO day_value VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
			  " ON CONFLICT(day, what, value, verdict) DO UPDATE SET"
			  " connections = connections + excluded.connections,"
			  " messages = messages + excluded.messages,"
			  " accepted = accepted + excluded.accepted,"
			  " recipients = recipients + excluded.recipients,"
			  " refused = refused + excluded.refused",
	[SQL_VALUE_KNOWN] =
		"SELECT 1 FROM day_value WHERE day = ?1 AND what = ?2 AND value = ?3 LIMIT 1",
	[SQL_VALUES_OF_DAY] = "SELECT count(DISTINCT value) FROM day_value WHERE day = ?1"
			      " AND what = ?2 AND value > 0",
	[SQL_EVENT_ADD] = "INSERT INTO event(time, kind, number, words) VALUES(?1, ?2, ?3, ?4)",
	[SQL_EVENT_LAST_RUN] = "SELECT kind FROM event WHERE kind IN (?1, ?2)"
			       " ORDER BY seq DESC LIMIT 1",
	[SQL_CONNECTION_EXPIRE] = "DELETE FROM connection WHERE seq IN (SELECT seq FROM connection"
				  " WHERE start < ?2 ORDER BY start LIMIT ?1)",
	[SQL_HOUR_EXPIRE] = "DELETE FROM hour WHERE (hour, actor, verdict) IN (SELECT hour, actor,"
			    " verdict FROM hour WHERE hour < ?2 ORDER BY hour LIMIT ?1)",
	[SQL_VALUE_EXPIRE] = "DELETE FROM day_value WHERE (day, what, value, verdict) IN (SELECT"
			     " day, what, value, verdict FROM day_value WHERE day < ?2"
			     " ORDER BY day LIMIT ?1)",
	[SQL_EVENT_EXPIRE] = "DELETE FROM event WHERE seq IN (SELECT seq FROM event WHERE seq <="
			     " (SELECT max(seq) FROM event) - ?2 ORDER BY seq LIMIT ?1)",
	[SQL_CONNECTION_OLDEST] = "SELECT start FROM connection ORDER BY start LIMIT 1",
	[SQL_HOUR_OLDEST] = "SELECT hour FROM hour ORDER BY hour LIMIT 1",
	[SQL_VALUE_OLDEST] = "SELECT day FROM day_value ORDER BY day LIMIT 1",
	/* The end of the next piece behind ?2; then what nothing needs in it. */
	[SQL_ACTOR_PIECE] = "SELECT max(id) FROM (SELECT id FROM actor WHERE id > ?2"
			    " ORDER BY id LIMIT ?1)",
	[SQL_ACTOR_SWEEP] = "DELETE FROM actor WHERE id > ?1 AND id <= ?2"
			    " AND day < ?3 AND day < ?4",
	[SQL_PROCESS_PIECE] = "SELECT max(id) FROM (SELECT id FROM process WHERE id > ?2"
			      " ORDER BY id LIMIT ?1)",
	[SQL_PROCESS_SWEEP] = "DELETE FROM process WHERE id > ?1 AND id <= ?2 AND day < ?3",
	[SQL_TEXT_PIECE] = "SELECT max(id) FROM (SELECT id FROM text WHERE id > ?2"
			   " ORDER BY id LIMIT ?1)",
	[SQL_TEXT_SWEEP] = "DELETE FROM text WHERE id > ?1 AND id <= ?2"
			   " AND day < ?3 AND rollup_day < ?4",
	[SQL_PAGES] = "PRAGMA page_count",
	[SQL_PAGES_FREE] = "PRAGMA freelist_count",
	[SQL_PAGE_SIZE] = "PRAGMA page_size",
	[SQL_VACUUM] = "PRAGMA incremental_vacuum(500)",
};

void sql_finalize(struct sql *sql)
{
	for (int i = 0; i < SQL_COUNT; i++) {
		sqlite3_finalize(sql->prepared[i]);
		sql->prepared[i] = NULL;
	}
}

static int prepare(struct sql *sql, enum sql_name name)
{
	if (sql->prepared[name])
		return SQLITE_OK;
	return sqlite3_prepare_v3(sql->db, text_of[name], -1, SQLITE_PREPARE_PERSISTENT,
				  &sql->prepared[name], NULL);
}

int sql_bytes(struct sql *sql, enum sql_name name, int at, struct bytes bytes)
{
	int rc = prepare(sql, name);

	if (rc != SQLITE_OK)
		return rc;
	/* A pointer of NULL would be SQL's NULL. */
	return sqlite3_bind_blob64(sql->prepared[name], at, bytes.length ? bytes.at : "",
				   bytes.length, SQLITE_STATIC);
}

int sql_text(struct sql *sql, enum sql_name name, int at, const char *text)
{
	int rc = prepare(sql, name);

	if (rc != SQLITE_OK)
		return rc;
	return sqlite3_bind_text(sql->prepared[name], at, text, -1, SQLITE_STATIC);
}

/* The statement is left at its first row. */
static int start(struct sql *sql, enum sql_name name, const int64_t *numbers, int count)
{
	int rc = prepare(sql, name);

	for (int i = 0; rc == SQLITE_OK && i < count; i++)
		rc = sqlite3_bind_int64(sql->prepared[name], i + 1, numbers[i]);
	errno = 0; /* after an error it says why: SQLite keeps it of opening alone */
	return rc == SQLITE_OK ? sqlite3_step(sql->prepared[name]) : rc;
}

int sql_run(struct sql *sql, enum sql_name name, const int64_t *numbers, int count)
{
	int rc = start(sql, name, numbers, count);

	while (rc == SQLITE_ROW)
		rc = sqlite3_step(sql->prepared[name]);
	sqlite3_reset(sql->prepared[name]);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int sql_ask(struct sql *sql, enum sql_name name, const int64_t *numbers, int count, int64_t *answer,
	    int columns)
{
	int rc = start(sql, name, numbers, count);

	for (int i = 0; rc == SQLITE_ROW && i < columns; i++)
		answer[i] = sqlite3_column_int64(sql->prepared[name], i);
	sqlite3_reset(sql->prepared[name]);
	return rc;
}
