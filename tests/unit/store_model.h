/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * store_model.h - all rows that a store was given, in one plain table, and what the store should have made of them
 *
 * The sums are SQLite's own over that table; what differs from the store's, in either direction, is counted.
 */
#ifndef SMTPSNOOP_STORE_MODEL_H
#define SMTPSNOOP_STORE_MODEL_H

#include <arpa/inet.h>

#include "base/address.h"
#include "store_files.h"

struct model {
	sqlite3 *db;
	sqlite3_stmt *add;
	int64_t seq;
};

static inline void run_sql(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
}

/* In a file of its own, so that it does not count as memory. */
static inline void model_open(struct model *model)
{
	char name[112];

	snprintf(name, sizeof(name), "%s/model", directory);
	model->seq = 0;
	assert_int_equal(sqlite3_open(name, &model->db), SQLITE_OK);
	run_sql(model->db, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
			   "CREATE TABLE row(seq INTEGER PRIMARY KEY, start, verdict, "
			   "reasons, port, messages, accepted,"
			   " recipients, refused, attempt_only, refusal, blocklisted, bytes_out, "
			   "uid, user, exe, script, other,"
			   " service, container, cgroup, helo, reply, address); BEGIN");
	assert_int_equal(
		sqlite3_prepare_v2(
			model->db,
			"INSERT INTO row VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
			-1, &model->add, NULL),
		SQLITE_OK);
}

static inline void model_add(struct model *model, const struct store_row *row)
{
	const int64_t numbers[] = {++model->seq,
				   row->start,
				   row->verdict,
				   (int64_t)row->reasons,
				   row->port,
				   row->messages,
				   row->accepted,
				   row->recipients,
				   row->refused,
				   row->attempt_only,
				   row->refusal,
				   row->blocklisted,
				   (int64_t)row->bytes_out,
				   row->uid == STORE_NO_UID ? -1 : (int64_t)row->uid};
	const struct bytes texts[] = {row->user,   row->exe,	 row->script,
				      row->with,   row->service, row->container,
				      row->cgroup, row->helo,	 row->reply};
	const int v4 = address_is_v4(row->address);
	char address[INET6_ADDRSTRLEN];
	int at = 1;

	inet_ntop(v4 ? AF_INET : AF_INET6, row->address + (v4 ? 12 : 0), address, sizeof(address));
	for (unsigned int i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sqlite3_bind_int64(model->add, at++, numbers[i]);
	for (unsigned int i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		sqlite3_bind_blob(model->add, at++, texts[i].length ? texts[i].at : "",
				  (int)texts[i].length, SQLITE_STATIC);
	sqlite3_bind_blob(model->add, at, address, (int)strlen(address), SQLITE_STATIC);
	assert_int_equal(sqlite3_step(model->add), SQLITE_DONE);
	sqlite3_reset(model->add);
}

#define BYTES(id) "coalesce((SELECT bytes FROM store.text WHERE id = " id "), x'')"
#define ACTOR                                                                                      \
	" a.uid, " BYTES("a.user") ", " BYTES("a.exe") ", " BYTES("a.script") ", " BYTES(          \
		"a.other") ", " BYTES("a.service") ", " BYTES("a.container") ", " BYTES("a."       \
											"cgroup")
#define SUMS " sum(messages), sum(accepted), sum(recipients), sum(refused)"

#define SAID(what, value)                                                                          \
	"SELECT *, start / 86400000000000 AS day, " what " AS what, " value " AS value FROM row"

/* What was said on each day, and in which order it was said first: the store lists 2,000 of a day. */
static const char model_said[] =
	"CREATE TABLE said AS SELECT day, what, value, verdict, min(seq) AS seq, count(*) AS "
	"connections,"
	" sum(messages) AS messages, sum(accepted) AS accepted, sum(recipients) AS recipients, "
	"sum(refused) AS refused FROM (" SAID("1", "address") " UNION ALL " SAID(
		"2",
		"helo") " UNION ALL " SAID("3",
					   "reply") ") GROUP BY day, what, value, verdict;"
						    "CREATE TABLE ranked(day, what, value, rank, "
						    "PRIMARY KEY(day, what, value)) WITHOUT ROWID;"
						    "INSERT INTO ranked SELECT day, what, value, "
						    "row_number() OVER (PARTITION BY day, what "
						    "ORDER BY min(seq))"
						    " FROM said WHERE value <> x'' GROUP BY day, "
						    "what, value;";

/* ?1: the first day that the store still has of it. */
static const char *const model_views[][2] = {
	{"SELECT seq, start, verdict, reasons, port, messages, accepted, recipients, refused, uid, "
	 "user, exe, script, other, service,"
	 " container, cgroup, helo, reply FROM row WHERE start >= ?1 * 86400000000000",
	 "SELECT c.seq, c.start, c.verdict, c.reasons, c.port, c.messages, c.accepted, "
	 "c.recipients, c.refused," ACTOR ", " BYTES("c.helo") ", " BYTES(
		 "c.reply") " FROM store.connection c LEFT JOIN store.actor a ON a.id = c.actor"},
	{"SELECT start / 3600000000000, uid, user, exe, script, other, service, container, cgroup, "
	 "verdict, count(*)," SUMS ", sum(attempt_only), sum(refusal), sum(blocklisted), "
	 "sum(bytes_out), min(start), max(start)"
	 " FROM row WHERE start >= ?1 * 86400000000000 GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10",
	 "SELECT h.hour," ACTOR ", h.verdict, h.connections, h.messages, h.accepted, h.recipients, "
	 "h.refused, h.attempts_only,"
	 " h.refusals, h.blocklisted, h.bytes_out, h.first, h.last FROM store.hour h LEFT JOIN "
	 "store.actor a ON a.id = h.actor"},
	{"SELECT day, what, CASE WHEN value = x'' THEN 'none' WHEN rank > 2000 THEN 'others' ELSE "
	 "value END AS shown, verdict,"
	 " sum(connections)," SUMS
	 " FROM said LEFT JOIN ranked USING(day, what, value) WHERE day >= ?1 GROUP BY 1, 2, 3, 4",
	 "SELECT day, what, CASE value WHEN -1 THEN 'none' WHEN 0 THEN 'others' ELSE " BYTES(
		 "value") " END, verdict, connections,"
			  " messages, accepted, recipients, refused FROM store.day_value WHERE "
			  "connections > 0"},
};

static inline int64_t count_of(sqlite3 *db, const char *a, const char *b, int64_t first_day)
{
	char *sql = sqlite3_mprintf(
		"SELECT count(*) FROM (SELECT * FROM (%s) EXCEPT SELECT * FROM (%s))", a, b);
	sqlite3_stmt *statement;
	int64_t count;

	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_bind_int64(statement, 1, first_day);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	count = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_free(sql);
	return count;
}

/* Connections from first_day on and roll-ups from first_rollup_day on are in the store, as they should be, and nothing else is. */
static inline void model_compare(struct model *model, int64_t first_day, int64_t first_rollup_day)
{
	char *attach = sqlite3_mprintf("COMMIT; ATTACH %Q AS store; %s", path, model_said);

	run_sql(model->db, attach);
	sqlite3_free(attach);
	for (int i = 0; i < 3; i++) {
		const int64_t first = i ? first_rollup_day : first_day;

		if (count_of(model->db, model_views[i][0], model_views[i][1], first))
			fail_msg("table %d of the store lacks rows", i);
		if (count_of(model->db, model_views[i][1], model_views[i][0], first))
			fail_msg("table %d of the store has other rows", i);
	}
	run_sql(model->db, "DETACH store; DROP TABLE said; DROP TABLE ranked; BEGIN");
}

static inline void model_close(struct model *model)
{
	sqlite3_finalize(model->add);
	sqlite3_close(model->db);
}

#endif
