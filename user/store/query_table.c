/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * query_table.c - connections, messages, recipients and refusals, by one thing or another
 *
 * Roll-ups, and the connections at their ends, are read once for all tables that are asked for together. The first rows are kept, all are
 * summed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "store/query_groups.h"

static const char *const names[QUERY_BYS] = {
	[QUERY_BY_WHO] = "who",		[QUERY_BY_USER] = "user",
	[QUERY_BY_EXE] = "exe",		[QUERY_BY_SCRIPT] = "script",
	[QUERY_BY_SERVICE] = "service", [QUERY_BY_CONTAINER] = "container",
	[QUERY_BY_CGROUP] = "cgroup",	[QUERY_BY_DESTINATION] = "destination",
	[QUERY_BY_HELO] = "helo",	[QUERY_BY_REPLY] = "reply",
	[QUERY_BY_VERDICT] = "verdict", [QUERY_BY_HOUR] = "hour",
};

const char *query_by_name(enum query_by by)
{
	return names[by];
}

int query_by_named(const char *name)
{
	for (int by = 0; by < QUERY_BYS; by++)
		if (strcmp(name, names[by]) == 0)
			return by;
	return -1;
}

uint64_t query_round(const struct query_sums *sums)
{
	return sums->verdicts[VERDICT_BYPASS] + sums->verdicts[VERDICT_IMPOSTOR];
}

/* Tables that are made from the same rows. */
struct making {
	struct query_store *store;
	const struct query *query;
	struct query_cells cells;
};

/* One that there is not is none that anybody can rely on. */
static enum verdict_class verdict_of(sqlite3_stmt *statement, int column)
{
	int64_t verdict = sqlite3_column_int64(statement, column);

	return verdict >= 0 && verdict < VERDICT_CLASSES ? (enum verdict_class)verdict
							 : VERDICT_UNKNOWN;
}

static void take_counts(struct query_cell *cell, sqlite3_stmt *statement, int column)
{
	struct query_sums *sums = &cell->sums;
	uint64_t *const counts[] = {&sums->messages, &sums->accepted, &sums->recipients,
				    &sums->refused};

	for (int i = 0; i < 4; i++)
		*counts[i] = (uint64_t)sqlite3_column_int64(statement, column + i);
}

/* The columns of each kind of row stand in the statement that takes them. */
static bool take_hour(struct query_cell *cell, sqlite3_stmt *statement)
{
	struct query_sums *sums = &cell->sums;
	uint64_t *const counts[] = {&sums->attempts_only, &sums->refusals, &sums->blocklisted};

	cell->verdict = verdict_of(statement, 2);
	cell->hour = sqlite3_column_int64(statement, 0);
	if (cell->hour > INT64_MAX / QUERY_HOUR) /* no writer's clock shows that */
		return false;
	cell->actor = sqlite3_column_int64(statement, 1);
	sums->connections = (uint64_t)sqlite3_column_int64(statement, 3);
	take_counts(cell, statement, 4);
	for (int i = 0; i < 3; i++)
		*counts[i] = (uint64_t)sqlite3_column_int64(statement, 8 + i);
	sums->first = sqlite3_column_int64(statement, 11);
	sums->last = sqlite3_column_int64(statement, 12);
	return true;
}

static bool take_value(struct query_cell *cell, sqlite3_stmt *statement)
{
	int64_t what = sqlite3_column_int64(statement, 0);

	if (what < SCHEMA_DESTINATION || what >= QUERY_WHATS)
		return false;
	cell->verdict = verdict_of(statement, 2);
	cell->what = (enum schema_what)what;
	cell->values[what] = sqlite3_column_int64(statement, 1);
	cell->sums.connections = (uint64_t)sqlite3_column_int64(statement, 3);
	take_counts(cell, statement, 4);
	return true;
}

static int64_t value_of(sqlite3_stmt *statement, int column)
{
	int64_t id = sqlite3_column_int64(statement, column);

	return id ? id : SCHEMA_NONE;
}

static bool take_connection(struct query_cell *cell, sqlite3_stmt *statement)
{
	int64_t start = sqlite3_column_int64(statement, 0);
	uint64_t reasons = (uint64_t)sqlite3_column_int64(statement, 3);
	struct query_sums *sums = &cell->sums;

	cell->verdict = verdict_of(statement, 2);
	cell->hour = start / QUERY_HOUR;
	cell->actor = sqlite3_column_int64(statement, 1);
	cell->address = query_bytes(statement, 8);
	cell->values[SCHEMA_DESTINATION] = SCHEMA_NONE;
	cell->values[SCHEMA_HELO] = value_of(statement, 9);
	cell->values[SCHEMA_REPLY] = value_of(statement, 10);
	sums->connections = 1;
	take_counts(cell, statement, 4);
	sums->attempts_only = reasons >> REASON_ATTEMPT_ONLY & 1;
	sums->refusals = reasons >> REASON_REFUSED & 1;
	sums->blocklisted = reasons >> REASON_BLOCKLISTED & 1;
	sums->first = sums->last = start;
	return true;
}

static const char hours[] =
	"SELECT h.hour, h.actor, h.verdict, h.connections, h.messages, h.accepted, h.recipients, "
	"h.refused, h.attempts_only, h.refusals, h.blocklisted, h.first, h.last "
	"FROM hour h WHERE h.hour >= :since AND h.hour < :until";
static const char days[] =
	"SELECT v.what, v.value, v.verdict, v.connections, v.messages, v.accepted, v.recipients, "
	"v.refused FROM day_value v WHERE v.day >= :since AND v.day < :until "
	"AND ((:whats >> v.what) & 1) AND ((:verdicts >> v.verdict) & 1)";
static const char connections[] =
	"SELECT c.start, c.actor, c.verdict, c.reasons, c.messages, c.accepted, c.recipients, "
	"c.refused, c.address, c.helo, c.reply "
	"FROM connection c WHERE c.start >= :since AND c.start < :until";

/* 1 << enum schema_what */
static int64_t whats_of(const struct making *making)
{
	int64_t whats = 0;

	for (int what = SCHEMA_DESTINATION; what < QUERY_WHATS; what++)
		whats |= (int64_t)making->cells.wanted[what] << what;
	return whats;
}

/* Since and until are in the units of the statement's table. */
static int read_cells(struct making *making, const struct query_sql *sql, int64_t since,
		      int64_t until, bool (*take)(struct query_cell *, sqlite3_stmt *))
{
	sqlite3_stmt *statement;
	struct query_cell cell;
	int step, rc = query_prepare(making->store, sql->text, &statement);

	if (rc)
		return rc;
	query_filter_bind(statement, making->query);
	query_bind_int(statement, ":since", since);
	query_bind_int(statement, ":until", until);
	query_bind_int(statement, ":whats", whats_of(making));
	while (!rc && (step = sqlite3_step(statement)) != SQLITE_DONE) {
		memset(&cell, 0, sizeof(cell));
		if (step != SQLITE_ROW)
			rc = query_failed(making->store, step);
		else if (take(&cell, statement))
			rc = query_cells_add(&making->cells, &cell);
	}
	sqlite3_finalize(statement);
	return rc;
}

static int read_rolled(struct making *making, const struct query_plan *plan)
{
	struct query_sql sql = {.length = 0};

	if (!plan->unit || plan->from >= plan->to)
		return 0;
	if (plan->unit == QUERY_DAY) {
		query_sql_add(&sql, days);
		return read_cells(making, &sql, plan->from, plan->to, take_value);
	}
	query_sql_add(&sql, hours);
	query_filter_hours(&sql, making->query);
	return read_cells(making, &sql, plan->from, plan->to, take_hour);
}

static int read_details(struct making *making, const struct query_span *span)
{
	struct query_sql sql = {.length = 0};

	if (span->since >= span->until)
		return 0;
	query_sql_add(&sql, connections);
	query_filter_details(&sql, making->query);
	return read_cells(making, &sql, span->since, span->until, take_connection);
}

static int name_value(struct query_store *store, struct query_texts *texts,
		      const struct query_group *group, struct query_row *row)
{
	struct bytes address = query_group_address(group);

	if (!address.length)
		return group->key[0] == SCHEMA_NONE
			       ? 0
			       : query_text(store, texts, group->key[0], &row->texts, &row->value);
	row->texts = malloc(48);
	if (!row->texts)
		return -ENOMEM;
	if (query_address(row->texts, address))
		row->value = bytes_of(row->texts);
	return 0;
}

static int name_row(struct query_store *store, struct query_texts *texts, enum query_by by,
		    const struct query_group *group, struct query_row *row)
{
	row->actors = group->ids;
	if (query_by_value(by))
		return name_value(store, texts, group, row);
	if (by == QUERY_BY_HOUR)
		row->hour = group->key[0] * QUERY_HOUR;
	else if (by == QUERY_BY_VERDICT)
		row->verdict = (enum verdict_class)group->key[0];
	else
		return query_actor_texts(store, texts, group->last, &row->actor, &row->texts);
	return 0;
}

static int take_row(struct query_store *store, struct query_texts *texts,
		    const struct query_group *group, unsigned int top, struct query_table *table)
{
	struct query_row *row;

	query_sums_join(&table->all, &group->sums);
	if (query_by_value(table->by) && group->key[0] == SCHEMA_OTHERS) {
		query_sums_join(&table->others, &group->sums);
		return 0;
	}
	table->groups++;
	if (table->count == top) {
		query_sums_join(&table->rest, &group->sums);
		return 0;
	}
	row = &table->rows[table->count++];
	row->sums = group->sums;
	return name_row(store, texts, table->by, group, row);
}

static int take_rows(struct query_store *store, const struct query_groups *groups, unsigned int top,
		     struct query_table *table)
{
	struct query_texts texts;
	int rc;

	if (top > LIMIT_REPORT_ROWS)
		top = LIMIT_REPORT_ROWS;
	table->rows = calloc(top + 1, sizeof(*table->rows));
	if (!table->rows)
		return -ENOMEM;
	rc = query_texts_begin(store, &texts);
	if (rc)
		return rc;
	for (const struct query_group *group = groups->first; group && !rc; group = group->hh.next)
		rc = take_row(store, &texts, group, top, table);
	query_texts_end(&texts);
	return rc;
}

static int make_table(const struct making *making, const struct query_want *want)
{
	const enum query_kind kind = query_kind_of(want->by);
	struct query_groups groups = {.by = want->by};
	int rc = 0;

	for (const struct query_sum *sum = making->cells.first; sum && !rc; sum = sum->hh.next)
		if (sum->key.kind == kind && want->verdicts >> sum->key.verdict & 1)
			rc = query_groups_add(&groups, sum);
	if (!rc)
		rc = query_groups_settle(&groups, making->store);
	if (!rc)
		rc = take_rows(making->store, &groups, want->top, want->table);
	query_groups_free(&groups);
	return rc;
}

int query_tables(struct query_store *store, const struct query *query,
		 const struct query_want *wants, unsigned int count)
{
	const bool values = query_by_value(wants[0].by);
	const int64_t unit = query_needs_details(query, values) ? 0
			     : values				? QUERY_DAY
								: QUERY_HOUR;
	const struct query_plan plan =
		query_plan(query->since, query->until, unit, store->extent.details_since);
	struct query asked = *query;
	struct making making = {.store = store, .query = &asked};
	int rc;

	asked.verdicts = 0;
	for (unsigned int i = 0; i < count; i++) {
		memset(wants[i].table, 0, sizeof(*wants[i].table));
		wants[i].table->by = wants[i].by;
		wants[i].table->plan = plan;
		asked.verdicts |= wants[i].verdicts;
		making.cells.wanted[query_kind_of(wants[i].by)] = true;
	}
	if (store->options.begin)
		store->options.begin(store->options.context);
	rc = read_rolled(&making, &plan);
	for (int i = 0; i < 2 && !rc; i++)
		rc = read_details(&making, &plan.details[i]);
	for (unsigned int i = 0; i < count && !rc; i++)
		rc = make_table(&making, &wants[i]);
	query_cells_free(&making.cells);
	return rc == -ENOMEM ? query_failed(store, SQLITE_NOMEM) : rc;
}

void query_table_free(struct query_table *table)
{
	for (unsigned int i = 0; i < table->count; i++)
		free(table->rows[i].texts);
	free(table->rows);
	memset(table, 0, sizeof(*table));
}
