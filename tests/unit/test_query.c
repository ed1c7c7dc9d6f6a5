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
		add_word(key, row->with);
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
		add_word(key, row->with);
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
		.with = answer->actor.with,
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
	       holds(row->exe, query->exe) &&
	       (holds(row->script, query->script) || holds(row->with, query->script)) &&
	       holds(row->service, query->service) && holds(row->helo, query->helo) &&
	       (!query->who || holds(row->exe, query->who) || holds(row->script, query->who) ||
		holds(row->with, query->who) || holds(row->user, query->who) ||
		holds(row->service, query->who) || holds(row->container, query->who) ||
		holds(row->cgroup, query->who)) &&
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

	if (h_table(store, query, LIMIT_REPORT_ROWS, &table))
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

#define FILTERS 11

static void answers_equal(bool moves)
{
	struct query_store *store = h_open();

	for (unsigned int filter = 0; filter < FILTERS; filter++) {
		for (unsigned int by = 0; by < QUERY_BYS; by++) {
			for (unsigned int i = filter % 2; i < SPANS; i += filter ? 2 : 1) {
				struct query query = h_filtered(filter);

				query.by = (enum query_by)by;
				query.since = spans[i][0];
				query.until = spans[i][1];
				assert_answer(store, &query, moves);
			}
		}
	}
	query_close(store);
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
	struct query query = h_filtered(0);
	struct query_store *store = h_open();
	struct query_table table;

	(void)state;
	query.by = QUERY_BY_WHO;
	query.until = INT64_MAX;
	assert_int_equal(h_table(store, &query, 3, &table), 0);
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
	struct query query = h_filtered(0);
	struct query_store *store = h_open();
	struct query_table all, one;

	(void)state;
	query.by = QUERY_BY_WHO;
	query.since = H_BEGIN + 600 * H_SECOND;
	query.until = INT64_MAX;
	assert_int_equal(h_table(store, &query, 50, &all), 0);
	for (unsigned int i = 0; i < 50; i++) {
		query.actor = all.rows[i].actor.id;
		assert_int_equal(h_table(store, &query, 50, &one), 0);
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
		assert_int_equal(h_table(store, &query, wants[i].top, &alone), 0);
		assert_true(alone.all.connections > 0);
		assert_same(&together[i], &alone);
		query_table_free(&alone);
		query_table_free(&together[i]);
	}
}

static void test_together(void **state)
{
	struct query query = h_filtered(0);
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

/* The store forgets connections older than two days: whole hours and days are left of them. */
static void test_after_retention(void **state)
{
	const struct store_options options = {.path = h_path, .days = 2};
	struct store *writer = store_open(&options, H_NOW);
	const int64_t floor = H_BEGIN + (H_DAYS - 2) * H_DAY;
	int64_t clock = H_NOW;
	struct query_store *store;
	struct query query = h_filtered(0);
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
	assert_int_equal(h_table(store, &query, 5, &table), 0);
	assert_true(table.plan.since_moved && table.plan.until_moved);
	assert_int_equal(table.plan.since, H_BEGIN + 50 * H_HOUR);
	assert_int_equal(table.plan.until, H_BEGIN + 52 * H_HOUR);
	query_table_free(&table);
	query.by = QUERY_BY_REPLY;
	query.until = INT64_MAX;
	assert_int_equal(h_table(store, &query, 5, &table), 0);
	assert_int_equal(table.plan.since, H_BEGIN + 2 * H_DAY);
	query_table_free(&table);
	query.helo = "local";
	assert_int_equal(h_table(store, &query, 5, &table), 0);
	assert_int_equal(table.plan.since, query_extent(store)->details_since);
	assert_true(table.plan.since_moved);
	query_table_free(&table);
	query_close(store);
	answers_equal(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_answers),	cmocka_unit_test(test_top),
		cmocka_unit_test(test_together),	cmocka_unit_test(test_actor),
		cmocka_unit_test(test_after_retention),
	};

	return cmocka_run_group_tests(tests, h_make_store, h_remove_store);
}
