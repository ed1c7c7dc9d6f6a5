/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * query_table.c - connections, messages, recipients and refusals, by one thing or another
 *
 * One statement: roll-ups and the connections at their ends are summed apart, put together, and sorted; the first rows are kept, all are
 * summed. What SQLite sorts lies in memory, within the process's limit. Without memory the answer is an error, never a part.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "store/query_internal.h"
#include "store/schema.h"

#define HOUR_TEXT "3600000000000"

/*
 * k: what is grouped by in the halves, over the roll-ups `h` and over the connections `c`. group: what they are put together by; `a` is
 * the actor that k is the id of.
 */
static const struct by {
	const char *name, *rolled, *detailed, *group;
	enum schema_what what;
} bys[QUERY_BYS] = {
	[QUERY_BY_WHO] = {"who", "h.actor", "c.actor",
			  "a.uid, a.user, CASE a.script WHEN 0 THEN a.exe ELSE a.script END, "
			  "a.script = 0, a.service, a.container",
			  0},
	[QUERY_BY_USER] = {"user", "h.actor", "c.actor", "a.uid, a.user", 0},
	[QUERY_BY_EXE] = {"exe", "h.actor", "c.actor", "a.exe", 0},
	[QUERY_BY_SCRIPT] = {"script", "h.actor", "c.actor", "a.script", 0},
	[QUERY_BY_SERVICE] = {"service", "h.actor", "c.actor", "a.service", 0},
	[QUERY_BY_CONTAINER] = {"container", "h.actor", "c.actor", "a.container", 0},
	[QUERY_BY_CGROUP] = {"cgroup", "h.actor", "c.actor", "a.cgroup", 0},
	[QUERY_BY_DESTINATION] = {"destination", "h.value", "c.address", "k", SCHEMA_DESTINATION},
	[QUERY_BY_HELO] = {"helo", "h.value", "CASE c.helo WHEN 0 THEN -1 ELSE c.helo END", "k",
			   SCHEMA_HELO},
	[QUERY_BY_REPLY] = {"reply", "h.value", "CASE c.reply WHEN 0 THEN -1 ELSE c.reply END", "k",
			    SCHEMA_REPLY},
	[QUERY_BY_VERDICT] = {"verdict", "h.verdict", "c.verdict", "k", 0},
	[QUERY_BY_HOUR] = {"hour", "h.hour", "c.start / " HOUR_TEXT, "k", 0},
};

const char *query_by_name(enum query_by by)
{
	return bys[by].name;
}

int query_by_named(const char *name)
{
	for (int by = 0; by < QUERY_BYS; by++)
		if (strcmp(name, bys[by].name) == 0)
			return by;
	return -1;
}

uint64_t query_round(const struct query_sums *sums)
{
	return sums->verdicts[VERDICT_BYPASS] + sums->verdicts[VERDICT_IMPOSTOR];
}

/* An address as its value is written, so that both halves agree. */
static void destination(sqlite3_context *context, int count, sqlite3_value **values)
{
	const char *at = sqlite3_value_blob(values[0]);
	int length = sqlite3_value_bytes(values[0]);
	char text[48];

	(void)count;
	if (at && query_address(text, (struct bytes){at, (size_t)length}))
		sqlite3_result_blob(context, text, (int)strlen(text), SQLITE_TRANSIENT);
}

/* Values of both halves are compared as they are written; each is looked up once, after it was grouped. */
static void begin_named(struct query_sql *sql, const struct by *by, const char *name)
{
	if (by->what != SCHEMA_DESTINATION)
		return;
	query_sql_add(sql, "SELECT ");
	query_sql_add(sql, name);
	query_sql_add(sql, " AS k, v, n, me, ac, re, rf, ao, rs, bl, f, l FROM (");
}

static void end_named(struct query_sql *sql, const struct by *by)
{
	if (by->what == SCHEMA_DESTINATION)
		query_sql_add(sql, ")");
}

static void add_rolled(struct query_sql *sql, const struct query *query, const struct by *by)
{
	begin_named(sql, by, "(SELECT bytes FROM text WHERE id = k)");
	query_sql_add(sql, "SELECT ");
	query_sql_add(sql, by->rolled);
	query_sql_add(sql,
		      " AS k, h.verdict AS v, sum(h.connections) AS n, sum(h.messages) AS me, "
		      "sum(h.accepted) AS ac, sum(h.recipients) AS re, sum(h.refused) AS rf, ");
	if (by->what)
		query_sql_add(sql, "0 AS ao, 0 AS rs, 0 AS bl, NULL AS f, NULL AS l "
				   "FROM day_value h WHERE h.day >= :from AND h.day < :to "
				   "AND h.what = :what AND ((:verdicts >> h.verdict) & 1)");
	else
		query_sql_add(sql, "sum(h.attempts_only) AS ao, sum(h.refusals) AS rs, "
				   "sum(h.blocklisted) AS bl, min(h.first) AS f, max(h.last) AS l "
				   "FROM hour h WHERE h.hour >= :from AND h.hour < :to");
	if (!by->what)
		query_filter_hours(sql, query);
	query_sql_add(sql, " GROUP BY 1, 2");
	end_named(sql, by);
}

static void add_detailed(struct query_sql *sql, const struct query *query, const struct by *by,
			 const char *span)
{
	begin_named(sql, by, "destination(k)");
	query_sql_add(sql, "SELECT ");
	query_sql_add(sql, by->detailed);
	query_sql_add(sql,
		      " AS k, c.verdict AS v, count(*) AS n, sum(c.messages) AS me, "
		      "sum(c.accepted) AS ac, sum(c.recipients) AS re, sum(c.refused) AS rf, ");
	if (by->what)
		query_sql_add(sql, "0 AS ao, 0 AS rs, 0 AS bl, NULL AS f, NULL AS l");
	else
		query_sql_add(sql, "sum((c.reasons & :attempt_only) != 0) AS ao, "
				   "sum((c.reasons & :refused) != 0) AS rs, "
				   "sum((c.reasons & :blocklisted) != 0) AS bl, "
				   "min(c.start) AS f, max(c.start) AS l");
	query_sql_add(sql, " FROM connection c WHERE ");
	query_sql_add(sql, span);
	query_filter_details(sql, query);
	query_sql_add(sql, " GROUP BY 1, 2");
	end_named(sql, by);
}

/* Those that went round the MTA come first: that is what is looked for. */
static void add_outer(struct query_sql *sql, const struct by *by)
{
	query_sql_add(sql, ") u");
	if (by->group[0] == 'a')
		query_sql_add(sql, " LEFT JOIN actor a ON a.id = u.k");
	query_sql_add(sql, " GROUP BY ");
	query_sql_add(sql, by->group);
	if (by - bys == QUERY_BY_HOUR)
		query_sql_add(sql, " ORDER BY k");
	else
		query_sql_add(sql, " ORDER BY sum(n * (v IN (4, 5))) DESC, sum(n) DESC, max(k)");
}

_Static_assert(VERDICT_BYPASS == 4 && VERDICT_IMPOSTOR == 5 && VERDICT_CLASSES == 6,
	       "verdicts stand in the statement");

static void build(struct query_sql *sql, const struct query *query, const struct query_plan *plan)
{
	static const char *const spans[] = {
		"c.start >= :since0 AND c.start < :until0",
		"c.start >= :since1 AND c.start < :until1",
	};
	const struct by *by = &bys[query->by];
	bool first = plan->unit == 0;

	query_sql_add(sql, "SELECT max(k), count(DISTINCT k), sum(n), sum(me), sum(ac), sum(re), "
			   "sum(rf), sum(ao), sum(rs), sum(bl), min(f), max(l), sum(n * (v = 0)), "
			   "sum(n * (v = 1)), sum(n * (v = 2)), sum(n * (v = 3)), "
			   "sum(n * (v = 4)), sum(n * (v = 5)) FROM (");
	if (plan->unit)
		add_rolled(sql, query, by);
	for (int i = 0; i < 2; i++) {
		if (!first && plan->details[i].since >= plan->details[i].until)
			continue;
		if (!first)
			query_sql_add(sql, " UNION ALL ");
		add_detailed(sql, query, by, spans[i]);
		if (first)
			break;
	}
	add_outer(sql, by);
}

static void bind(sqlite3_stmt *statement, const struct query *query, const struct query_plan *plan)
{
	query_filter_bind(statement, query);
	query_bind_int(statement, ":from", plan->from);
	query_bind_int(statement, ":to", plan->to);
	query_bind_int(statement, ":what", bys[query->by].what);
	query_bind_int(statement, ":since0", plan->details[0].since);
	query_bind_int(statement, ":until0", plan->details[0].until);
	query_bind_int(statement, ":since1", plan->details[1].since);
	query_bind_int(statement, ":until1", plan->details[1].until);
	query_bind_int(statement, ":attempt_only", INT64_C(1) << REASON_ATTEMPT_ONLY);
	query_bind_int(statement, ":refused", INT64_C(1) << REASON_REFUSED);
	query_bind_int(statement, ":blocklisted", INT64_C(1) << REASON_BLOCKLISTED);
}

static void read_sums(sqlite3_stmt *statement, struct query_sums *sums)
{
	uint64_t *const counts[] = {&sums->connections, &sums->messages,   &sums->accepted,
				    &sums->recipients,	&sums->refused,	   &sums->attempts_only,
				    &sums->refusals,	&sums->blocklisted};
	const int fixed = sizeof(counts) / sizeof(counts[0]);

	for (int i = 0; i < fixed; i++)
		*counts[i] = (uint64_t)sqlite3_column_int64(statement, 2 + i);
	sums->first = sqlite3_column_int64(statement, 2 + fixed);
	sums->last = sqlite3_column_int64(statement, 3 + fixed);
	for (int i = 0; i < VERDICT_CLASSES; i++)
		sums->verdicts[i] = (uint64_t)sqlite3_column_int64(statement, 4 + fixed + i);
}

static void join_sums(struct query_sums *into, const struct query_sums *from)
{
	if (from->first && (!into->first || from->first < into->first))
		into->first = from->first;
	if (from->last > into->last)
		into->last = from->last;
	into->connections += from->connections;
	into->messages += from->messages;
	into->accepted += from->accepted;
	into->recipients += from->recipients;
	into->refused += from->refused;
	into->attempts_only += from->attempts_only;
	into->refusals += from->refusals;
	into->blocklisted += from->blocklisted;
	for (int i = 0; i < VERDICT_CLASSES; i++)
		into->verdicts[i] += from->verdicts[i];
}

/* Ids of values are texts' once none of the two that are no texts is meant. */
static int name_value(struct query_store *store, struct query_texts *texts, sqlite3_stmt *statement,
		      struct query_row *row)
{
	struct bytes value = query_bytes(statement, 0);

	if (sqlite3_column_type(statement, 0) == SQLITE_INTEGER) {
		int64_t id = sqlite3_column_int64(statement, 0);

		return id == SCHEMA_NONE ? 0
					 : query_text(store, texts, id, &row->texts, &row->value);
	}
	row->texts = malloc(value.length + 1);
	if (!row->texts)
		return -ENOMEM;
	memcpy(row->texts, value.at, value.length);
	row->value = (struct bytes){row->texts, value.length};
	return 0;
}

static int name_row(struct query_store *store, struct query_texts *texts, sqlite3_stmt *statement,
		    enum query_by by, struct query_row *row)
{
	int64_t key = sqlite3_column_int64(statement, 0);

	row->actors = (uint64_t)sqlite3_column_int64(statement, 1);
	if (query_by_value(by))
		return name_value(store, texts, statement, row);
	if (by == QUERY_BY_HOUR)
		row->hour = key * QUERY_HOUR;
	else if (by == QUERY_BY_VERDICT)
		row->verdict = key >= 0 && key < VERDICT_CLASSES ? (enum verdict_class)key
								 : VERDICT_UNKNOWN;
	else
		return query_actor_texts(store, texts, key, &row->actor, &row->texts);
	return 0;
}

/* Destinations have texts for keys, and none where the others are. */
static bool is_others(sqlite3_stmt *statement, enum query_by by)
{
	if (by == QUERY_BY_DESTINATION)
		return sqlite3_column_type(statement, 0) == SQLITE_NULL;
	return query_by_value(by) && sqlite3_column_int64(statement, 0) == SCHEMA_OTHERS;
}

static int take_row(struct query_store *store, struct query_texts *texts, sqlite3_stmt *statement,
		    unsigned int top, struct query_table *table)
{
	struct query_row row;
	int rc = 0;

	memset(&row, 0, sizeof(row));
	read_sums(statement, &row.sums);
	join_sums(&table->all, &row.sums);
	if (is_others(statement, table->by)) {
		join_sums(&table->others, &row.sums);
		return 0;
	}
	table->groups++;
	if (table->count == top) {
		join_sums(&table->rest, &row.sums);
		return 0;
	}
	rc = name_row(store, texts, statement, table->by, &row);
	table->rows[table->count++] = row;
	return rc;
}

static int take_rows(struct query_store *store, sqlite3_stmt *statement, unsigned int top,
		     struct query_table *table)
{
	struct query_texts texts;
	int step, rc = query_texts_begin(store, &texts);

	if (rc)
		return rc;
	while (!rc && (step = sqlite3_step(statement)) != SQLITE_DONE)
		rc = step == SQLITE_ROW ? take_row(store, &texts, statement, top, table)
					: query_failed(store, step);
	query_texts_end(&texts);
	return rc;
}

static int no_memory(struct query_store *store, int rc)
{
	if (rc == -ENOMEM)
		query_failed(store, SQLITE_NOMEM);
	return rc;
}

int query_table(struct query_store *store, const struct query *query, unsigned int top,
		struct query_table *table)
{
	const int64_t unit = query_needs_details(query)	 ? 0
			     : query_by_value(query->by) ? QUERY_DAY
							 : QUERY_HOUR;
	struct query_sql sql = {.length = 0};
	sqlite3_stmt *statement = NULL;
	int rc;

	memset(table, 0, sizeof(*table));
	table->by = query->by;
	if (top > LIMIT_REPORT_ROWS)
		top = LIMIT_REPORT_ROWS;
	table->plan = query_plan(query->since, query->until, unit, store->extent.details_since);
	table->rows = calloc(top + 1, sizeof(*table->rows));
	if (!table->rows)
		return no_memory(store, -ENOMEM);
	build(&sql, query, &table->plan);
	if (store->options.begin)
		store->options.begin(store->options.context);
	rc = sqlite3_create_function(store->db, "destination", 1,
				     SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, NULL,
				     destination, NULL, NULL);
	rc = rc ? query_failed(store, rc) : query_prepare(store, sql.text, &statement);
	if (!rc) {
		bind(statement, query, &table->plan);
		rc = take_rows(store, statement, top, table);
	}
	sqlite3_finalize(statement);
	return no_memory(store, rc);
}

void query_table_free(struct query_table *table)
{
	for (unsigned int i = 0; i < table->count; i++)
		free(table->rows[i].texts);
	free(table->rows);
	memset(table, 0, sizeof(*table));
}
