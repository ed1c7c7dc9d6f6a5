/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_query.c - every answer of the store equals a plain count over all connections, whichever part of it roll-ups give
 */
#include "history.h"

#define KEY 512

struct expected {
	char key[KEY];
	struct query_sums sums;
};

static struct expected expected[H_ROWS];
static unsigned int expected_count;

static void add_word(char *key, struct bytes word)
{
	size_t used = strlen(key);

	snprintf(key + used, KEY - used, "%.*s|", (int)word.length, word.at);
}

static void key_of_row(char *key, enum query_by by, const struct store_row *row,
		       const char *address)
{
	char number[32];

	key[0] = '\0';
	snprintf(number, sizeof(number), "%u", row->uid);
	switch (by) {
	case QUERY_BY_WHO:
		add_word(key, bytes_of(number));
		add_word(key, row->user);
		add_word(key, row->script.length ? row->script : row->exe);
		add_word(key, row->service);
		add_word(key, row->container);
		break;
	case QUERY_BY_USER:
		add_word(key, bytes_of(number));
		add_word(key, row->user);
		break;
	case QUERY_BY_EXE:
		add_word(key, row->exe);
		break;
	case QUERY_BY_SCRIPT:
		add_word(key, row->script);
		break;
	case QUERY_BY_SERVICE:
		add_word(key, row->service);
		break;
	case QUERY_BY_CONTAINER:
		add_word(key, row->container);
		break;
	case QUERY_BY_CGROUP:
		add_word(key, row->cgroup);
		break;
	case QUERY_BY_DESTINATION:
		add_word(key, bytes_of(address));
		break;
	case QUERY_BY_HELO:
		add_word(key, row->helo);
		break;
	case QUERY_BY_REPLY:
		add_word(key, row->reply);
		break;
	case QUERY_BY_VERDICT:
		snprintf(key, KEY, "%d", row->verdict);
		break;
	default:
		snprintf(key, KEY, "%lld", (long long)(row->start / H_HOUR * H_HOUR));
		break;
	}
}

/* A row of an answer as the connection that it stands for. */
static void key_of_answer(char *key, enum query_by by, const struct query_row *answer)
{
	struct store_row row = {
		.uid = answer->actor.uid,
		.user = answer->actor.user,
		.exe = answer->actor.exe,
		.script = answer->actor.script,
		.service = answer->actor.service,
		.container = answer->actor.container,
		.cgroup = answer->actor.cgroup,
		.helo = answer->value,
		.reply = answer->value,
		.verdict = answer->verdict,
		.start = answer->hour,
	};
	char address[64];

	snprintf(address, sizeof(address), "%.*s", (int)answer->value.length, answer->value.at);
	key_of_row(key, by, &row, address);
}

static bool holds(struct bytes text, const char *part)
{
	return !part || (text.length && memmem(text.at, text.length, part, strlen(part)));
}

static bool below(struct bytes path, const char *cgroup)
{
	size_t length = cgroup ? strlen(cgroup) : 0;

	return !cgroup || (path.length >= length && memcmp(path.at, cgroup, length) == 0 &&
			   (path.length == length || path.at[length] == '/'));
}

static bool asked_for(const struct query *query, const struct past *one)
{
	const struct store_row *row = &one->row;
	bool port = !query->port_count;

	for (unsigned int i = 0; i < query->port_count; i++)
		port = port || query->ports[i] == row->port;
	return port && query->verdicts >> row->verdict & 1 &&
	       (!query->has_uid || query->uid == row->uid) && below(row->cgroup, query->cgroup) &&
	       holds(row->exe, query->exe) && holds(row->script, query->script) &&
	       holds(row->service, query->service) && holds(row->helo, query->helo) &&
	       (!query->who || holds(row->exe, query->who) || holds(row->script, query->who) ||
		holds(row->user, query->who) || holds(row->service, query->who) ||
		holds(row->container, query->who) || holds(row->cgroup, query->who)) &&
	       (!query->has_net || memcmp(row->address, query->net, query->prefix / 8) == 0);
}

static void count_row(const char *key, const struct store_row *row)
{
	struct query_sums *sums;
	unsigned int i;

	for (i = 0; i < expected_count && strcmp(expected[i].key, key) != 0; i++)
		;
	if (i == expected_count) {
		memset(&expected[i], 0, sizeof(expected[i]));
		strcpy(expected[i].key, key);
		expected_count++;
	}
	sums = &expected[i].sums;
	sums->connections++;
	sums->messages += row->messages;
	sums->accepted += row->accepted;
	sums->recipients += row->recipients;
	sums->refused += row->refused;
	sums->attempts_only += row->attempt_only;
	sums->refusals += row->refusal;
	sums->blocklisted += row->blocklisted;
	sums->verdicts[row->verdict]++;
	if (!sums->first || row->start < sums->first)
		sums->first = row->start;
	if (row->start > sums->last)
		sums->last = row->start;
}

static void count_again(const struct query *query, int64_t since, int64_t until)
{
	char key[KEY];

	expected_count = 0;
	for (int i = 0; i < H_ROWS; i++) {
		if (past[i].row.start < since || past[i].row.start >= until ||
		    !asked_for(query, &past[i]))
			continue;
		key_of_row(key, query->by, &past[i].row, past[i].address);
		count_row(key, &past[i].row);
	}
}

static void assert_row(enum query_by by, const struct query_row *row)
{
	struct query_sums sums = row->sums;
	const struct expected *wanted = NULL;
	char key[KEY];

	key_of_answer(key, by, row);
	for (unsigned int i = 0; i < expected_count; i++)
		if (strcmp(expected[i].key, key) == 0)
			wanted = &expected[i];
	if (!wanted)
		fail_msg("by %s there should be no \"%s\"", query_by_name(by), key);
	if (query_by_value(by)) {
		assert_int_equal(sums.first, 0);
		assert_int_equal(sums.attempts_only, 0);
		sums = wanted->sums;
		sums.connections = row->sums.connections;
		sums.messages = row->sums.messages;
		sums.accepted = row->sums.accepted;
		sums.recipients = row->sums.recipients;
		sums.refused = row->sums.refused;
		memcpy(sums.verdicts, row->sums.verdicts, sizeof(sums.verdicts));
	} else {
	}
	if (memcmp(&sums, &wanted->sums, sizeof(sums)) != 0)
		fail_msg("by %s, %s: %llu connections and not %llu, or other sums",
			 query_by_name(by), key, (unsigned long long)sums.connections,
			 (unsigned long long)wanted->sums.connections);
}

/* The answer, with all of its rows, against a count over what its plan says that it is of. */
static void assert_answer(struct query_store *store, const struct query *query, bool moves)
{
	struct query_table table;
	uint64_t connections = 0;

	if (query_table(store, query, LIMIT_REPORT_ROWS, &table))
		fail_msg("%s", query_error(store));
	if (!moves) {
		assert_int_equal(table.plan.since, query->since);
		assert_int_equal(table.plan.until, query->until);
	}
	count_again(query, table.plan.since, table.plan.until);
	assert_int_equal(table.groups, expected_count);
	assert_int_equal(table.count, expected_count);
	assert_int_equal(table.rest.connections, 0);
	assert_int_equal(table.others.connections, 0);
	for (unsigned int i = 0; i < table.count; i++) {
		assert_row(query->by, &table.rows[i]);
		connections += table.rows[i].sums.connections;
		if (i && query->by == QUERY_BY_HOUR)
			assert_true(table.rows[i].hour > table.rows[i - 1].hour);
		else if (i)
			assert_true(query_round(&table.rows[i].sums) <=
				    query_round(&table.rows[i - 1].sums));
	}
	assert_int_equal(table.all.connections, connections);
	query_table_free(&table);
}

static const int64_t spans[][2] = {
	{0, INT64_MAX},
	{H_BEGIN, H_BEGIN + 3 * H_DAY},
	{H_BEGIN + 20 * H_HOUR + 1, H_BEGIN + 4 * H_DAY + 17},
	{H_BEGIN + 50 * H_HOUR + 600 * H_SECOND, H_BEGIN + 50 * H_HOUR + 1200 * H_SECOND},
	{H_BEGIN + 50 * H_HOUR + 600 * H_SECOND, H_BEGIN + 51 * H_HOUR + 1200 * H_SECOND},
	{H_BEGIN + 50 * H_HOUR, H_BEGIN + 50 * H_HOUR + 1},
	{H_BEGIN + 50 * H_HOUR + 600 * H_SECOND, INT64_MAX},
	{H_BEGIN + 9 * H_DAY, INT64_MAX},
};
#define SPANS (sizeof(spans) / sizeof(spans[0]))

/* One filter at a time. */
static struct query filtered(unsigned int filter)
{
	static const uint16_t ports[] = {587, 2525};
	struct query query = {.verdicts = (1u << VERDICT_CLASSES) - 1};

	switch (filter) {
	case 1:
		query.verdicts = 1u << VERDICT_BYPASS | 1u << VERDICT_UNKNOWN;
		break;
	case 2:
		query.has_uid = true;
		query.uid = 'w';
		break;
	case 3:
		query.cgroup = "/system.slice";
		break;
	case 4:
		query.script = "mailer";
		query.exe = "php";
		break;
	case 5:
		query.service = "postfix@";
		break;
	case 6:
		query.helo = "example";
		break;
	case 7:
		query.ports = ports;
		query.port_count = 2;
		break;
	case 8:
		query.has_net = true;
		query.prefix = 120;
		memcpy(query.net, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc6\x33\x64\0", 16);
		break;
	case 9:
		query.has_net = true;
		query.prefix = 32;
		memcpy(query.net, "\x20\x01\x0d\xb8", 4);
		break;
	case 10:
		query.who = "bob";
		break;
	default:
		break;
	}
	return query;
}
#define FILTERS 11

static void answers_equal(bool moves)
{
	struct query_store *store = h_open();

	for (unsigned int filter = 0; filter < FILTERS; filter++) {
		for (unsigned int by = 0; by < QUERY_BYS; by++) {
			for (unsigned int i = filter % 2; i < SPANS; i += filter ? 2 : 1) {
				struct query query = filtered(filter);

				query.by = (enum query_by)by;
				query.since = spans[i][0];
				query.until = spans[i][1];
				assert_answer(store, &query, moves);
			}
		}
	}
	query_close(store);
}

static int make_store(void **state)
{
	(void)state;
	h_directory_make();
	h_fill(&(struct store_options){.path = h_path});
	return 0;
}

static int remove_store(void **state)
{
	(void)state;
	h_directory_remove();
	return 0;
}

static void test_all_answers(void **state)
{
	struct query_store *store = h_open();

	(void)state;
	assert_int_equal(query_extent(store)->details_since, 0);
	query_close(store);
	answers_equal(false);
}

static void test_top(void **state)
{
	struct query query = filtered(0);
	struct query_store *store = h_open();
	struct query_table table;

	(void)state;
	query.by = QUERY_BY_WHO;
	query.until = INT64_MAX;
	assert_int_equal(query_table(store, &query, 3, &table), 0);
	assert_int_equal(table.count, 3);
	assert_true(table.groups > 20);
	assert_int_equal(table.all.connections, H_ROWS);
	assert_int_equal(table.rest.connections + table.rows[0].sums.connections +
				 table.rows[1].sums.connections + table.rows[2].sums.connections,
			 H_ROWS);
	query_table_free(&table);
	query_close(store);
}

/* An actor's number stands for all that belong together, and for nobody else. */
static void test_actor(void **state)
{
	struct query query = filtered(0);
	struct query_store *store = h_open();
	struct query_table all, one;

	(void)state;
	query.by = QUERY_BY_WHO;
	query.since = H_BEGIN + 600 * H_SECOND;
	query.until = INT64_MAX;
	assert_int_equal(query_table(store, &query, 50, &all), 0);
	for (unsigned int i = 0; i < 50; i++) {
		query.actor = all.rows[i].actor.id;
		assert_int_equal(query_table(store, &query, 50, &one), 0);
		assert_int_equal(one.count, 1);
		assert_memory_equal(&one.rows[0].sums, &all.rows[i].sums, sizeof(one.rows[0].sums));
		query_table_free(&one);
	}
	query_table_free(&all);
	query_close(store);
}

static void assert_same(const struct query_table *left, const struct query_table *right)
{
	assert_int_equal(left->count, right->count);
	assert_int_equal(left->groups, right->groups);
	assert_memory_equal(&left->all, &right->all, sizeof(left->all));
	assert_memory_equal(&left->rest, &right->rest, sizeof(left->rest));
	for (unsigned int i = 0; i < left->count; i++) {
		const struct query_row *a = &left->rows[i], *b = &right->rows[i];

		assert_memory_equal(&a->sums, &b->sums, sizeof(a->sums));
		assert_int_equal(a->actor.id, b->actor.id);
		assert_int_equal(a->hour, b->hour);
		assert_int_equal(a->verdict, b->verdict);
		assert_int_equal(a->value.length, b->value.length);
		if (a->value.length)
			assert_memory_equal(a->value.at, b->value.at, a->value.length);
	}
}

/* Tables that are made in one go are those that are made one by one, each with its own verdicts. */
static void assert_together(struct query_store *store, struct query query, enum query_by first,
			    enum query_by last)
{
	struct query_table together[QUERY_BYS], alone;
	struct query_want wants[QUERY_BYS];
	unsigned int count = 0;

	memset(wants, 0, sizeof(wants));
	for (enum query_by by = first; by <= last; by++, count++)
		wants[count] = (struct query_want){by, count % 2 ? 1u << VERDICT_BYPASS : ~0u,
						   3 + count, &together[count]};
	assert_int_equal(query_tables(store, &query, wants, count), 0);
	for (unsigned int i = 0; i < count; i++) {
		query.by = wants[i].by;
		query.verdicts = wants[i].verdicts;
		assert_int_equal(query_table(store, &query, wants[i].top, &alone), 0);
		assert_true(alone.all.connections > 0);
		assert_same(&together[i], &alone);
		query_table_free(&alone);
		query_table_free(&together[i]);
	}
}

static void test_together(void **state)
{
	struct query query = filtered(0);
	struct query_store *store = h_open();

	(void)state;
	query.since = H_BEGIN + 600 * H_SECOND;
	query.until = H_BEGIN + 3 * H_DAY + 7 * H_HOUR + 5;
	assert_together(store, query, QUERY_BY_WHO, QUERY_BY_CGROUP);
	assert_together(store, query, QUERY_BY_VERDICT, QUERY_BY_HOUR);
	assert_together(store, query, QUERY_BY_DESTINATION, QUERY_BY_REPLY);
	query.actor = 3;
	assert_together(store, query, QUERY_BY_DESTINATION, QUERY_BY_REPLY);
	query_close(store);
}

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
	struct query query = filtered(2);
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
	struct query query = filtered(6);
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
	assert_int_equal(query_table(store, &query, 5, &table), -ETIME);
	assert_non_null(strstr(query_error(store), "too long"));
	query_table_free(&table);
	assert_int_equal(query_record_by_id(store, "cd-1f", &query, &seq, &json), -ETIME);
	over = false;
	assert_int_equal(query_table(store, &query, 5, &table), 0);
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
	assert_int_equal(query_table(store, query, 5, &table), 0);
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
			struct query query = filtered(filter);

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

/* The store forgets connections older than two days: whole hours and days are left of them. */
static void test_after_retention(void **state)
{
	const struct store_options options = {.path = h_path, .days = 2};
	struct store *writer = store_open(&options, H_NOW);
	const int64_t floor = H_BEGIN + (H_DAYS - 2) * H_DAY;
	int64_t clock = H_NOW;
	struct query_store *store;
	struct query query = filtered(0);
	struct query_table table;

	(void)state;
	for (int i = 0; i < 500; i++) {
		clock += 61 * H_SECOND;
		store_tick(writer, clock);
	}
	store_close(writer, clock);
	store = h_open();
	assert_true(query_extent(store)->details_since >= floor);
	assert_true(query_extent(store)->details_since < floor + 2 * H_HOUR);
	query.by = QUERY_BY_USER;
	query.since = H_BEGIN + 50 * H_HOUR + 600 * H_SECOND;
	query.until = H_BEGIN + 51 * H_HOUR + 600 * H_SECOND;
	assert_int_equal(query_table(store, &query, 5, &table), 0);
	assert_true(table.plan.since_moved && table.plan.until_moved);
	assert_int_equal(table.plan.since, H_BEGIN + 50 * H_HOUR);
	assert_int_equal(table.plan.until, H_BEGIN + 52 * H_HOUR);
	query_table_free(&table);
	query.by = QUERY_BY_REPLY;
	query.until = INT64_MAX;
	assert_int_equal(query_table(store, &query, 5, &table), 0);
	assert_int_equal(table.plan.since, H_BEGIN + 2 * H_DAY);
	query_table_free(&table);
	query.helo = "local";
	assert_int_equal(query_table(store, &query, 5, &table), 0);
	assert_int_equal(table.plan.since, query_extent(store)->details_since);
	assert_true(table.plan.since_moved);
	query_table_free(&table);
	query_close(store);
	answers_equal(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_answers), cmocka_unit_test(test_top),
		cmocka_unit_test(test_together),    cmocka_unit_test(test_actor),
		cmocka_unit_test(test_connections), cmocka_unit_test(test_time_limit),
		cmocka_unit_test(test_plans),	    cmocka_unit_test(test_after_retention),
	};

	return cmocka_run_group_tests(tests, make_store, remove_store);
}
