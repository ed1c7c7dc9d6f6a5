/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_query_rows.c - single connections out of the store, and what an answer may cost
 */
#include "history.h"

static int64_t seqs[H_ROWS], starts[H_ROWS];
static int taken;

static void take(void *context, const struct query_connection *connection)
{
	(void)context;
	seqs[taken] = connection->seq;
	starts[taken++] = connection->start;
}

static void test_connections(void **state)
{
	struct query query = h_filtered(2);
	struct query_store *store = h_open();
	int64_t seq, first = INT64_MAX;
	struct bytes json;

	(void)state;
	query.until = INT64_MAX;
	for (int i = 0; i < H_ROWS; i++)
		if (past[i].row.uid == 'w' && past[i].row.start < first)
			first = past[i].row.start;
	taken = 0;
	assert_int_equal(query_connections(store, &query, false, 5, take, NULL), 0);
	assert_int_equal(taken, 5);
	assert_int_equal(starts[0], first);
	assert_true(starts[0] <= starts[1] && starts[3] <= starts[4]);
	assert_int_equal(past[seqs[0] - 1].row.start, first);
	taken = 0;
	assert_int_equal(query_connections(store, &query, true, 5, take, NULL), 0);
	assert_int_equal(taken, 5);
	assert_true(starts[0] <= starts[4]);
	assert_int_equal(query_record(store, seqs[0], &json), 0);
	assert_true(bytes_hold(json, past[seqs[0] - 1].json));
	assert_true(bytes_end(json, ",\"process\":{\"pid\":7}}"));
	assert_int_equal(query_record_by_id(store, "ab-1f", &query, &seq, &json), 0);
	assert_int_equal(seq, 0x1f + 1);
	assert_int_equal(query_record(store, H_ROWS + 1, &json), -ENOENT);
	assert_int_equal(query_record_by_id(store, "ab-ffffff", &query, &seq, &json), -ENOENT);
	assert_int_equal(query_record_by_id(store, "cd-1f", &query, &seq, &json), -ENOENT);
	assert_int_equal(query_record_by_id(store, "ab", &query, &seq, &json), -ENOENT);
	assert_int_equal(query_record_by_id(store, "ab\",\"x", &query, &seq, &json), -ENOENT);
	query_close(store);
}

static bool now_enough(void *context)
{
	return *(bool *)context;
}

static void test_time_limit(void **state)
{
	bool over = false;
	const struct query_options options = {
		.path = h_path, .enough = now_enough, .context = &over};
	struct query query = h_filtered(6);
	struct query_store *store;
	struct query_table table;
	struct bytes json;
	char error[256];
	int64_t seq;

	(void)state;
	store = query_open(&options, error, sizeof(error));
	assert_non_null(store);
	over = true;
	query.by = QUERY_BY_HELO;
	query.until = INT64_MAX;
	assert_int_equal(h_table(store, &query, 5, &table), -ETIME);
	assert_non_null(strstr(query_error(store), "too long"));
	query_table_free(&table);
	assert_int_equal(query_record_by_id(store, "cd-1f", &query, &seq, &json), -ETIME);
	over = false;
	assert_int_equal(h_table(store, &query, 5, &table), 0);
	query_table_free(&table);
	query_close(store);
}

/* The plans of what is asked most: nothing is walked through from end to end, and records in full are not touched. */
static char traced[8][8192];
static unsigned int traced_count;

static int on_trace(unsigned int what, void *context, void *statement, void *text)
{
	const char *sql = sqlite3_sql(statement);

	(void)what;
	(void)context;
	(void)text;
	if ((strstr(sql, "FROM hour h") || strstr(sql, "FROM day_value v") ||
	     strstr(sql, "FROM connection c")) &&
	    traced_count < 8)
		snprintf(traced[traced_count++], sizeof(traced[0]), "EXPLAIN QUERY PLAN %s", sql);
	return 0;
}

static void assert_plan(struct query_store *store, const char *sql)
{
	sqlite3_stmt *plan;
	bool searched = false;

	assert_int_equal(sqlite3_prepare_v2(store->db, sql, -1, &plan, NULL), SQLITE_OK);
	while (sqlite3_step(plan) == SQLITE_ROW) {
		const char *step = (const char *)sqlite3_column_text(plan, 3);

		if (strncmp(step, "SCAN ", 5) == 0 && strncmp(step, "SCAN a", 6) != 0)
			fail_msg("%s in %s", step, sql);
		if (strncmp(step, "SEARCH c ", 9) == 0 && !strstr(step, "COVERING INDEX"))
			fail_msg("%s in %s", step, sql);
		searched = searched || strncmp(step, "SEARCH ", 7) == 0;
	}
	assert_true(searched);
	sqlite3_finalize(plan);
}

static void assert_no_scan(struct query_store *store, const struct query *query)
{
	struct query_table table;

	traced_count = 0;
	sqlite3_trace_v2(store->db, SQLITE_TRACE_STMT, on_trace, NULL);
	assert_int_equal(h_table(store, query, 5, &table), 0);
	query_table_free(&table);
	sqlite3_trace_v2(store->db, 0, NULL, NULL);
	assert_true(traced_count > 0);
	for (unsigned int i = 0; i < traced_count; i++)
		assert_plan(store, traced[i]);
}

static void test_plans(void **state)
{
	struct query_store *store = h_open();

	(void)state;
	for (unsigned int filter = 0; filter < 6; filter++) {
		for (unsigned int by = 0; by < QUERY_BYS; by++) {
			struct query query = h_filtered(filter);

			query.by = (enum query_by)by;
			query.since = H_BEGIN + 1;
			query.until = H_BEGIN + 4 * H_DAY + 1;
			assert_no_scan(store, &query);
			query.actor = 3;
			assert_no_scan(store, &query);
		}
	}
	query_close(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connections),
		cmocka_unit_test(test_time_limit),
		cmocka_unit_test(test_plans),
	};

	return cmocka_run_group_tests(tests, h_make_store, h_remove_store);
}
