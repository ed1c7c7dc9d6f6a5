/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A week, and what is left of it: days and size are kept at every boundary, nothing grows. 30,000 rows; with FULL=1 in the
 * environment a million, which takes some minutes.
 */
#include "store_model.h"

#define HOUR (3600 * SECOND)
#define DAYS 3
#define ROLLUP_DAYS 5

static struct made_rows made = {17, 200, 3000, 800};

static int rows_of_an_hour(void)
{
	return getenv("FULL") ? 5000 : 240;
}

/* Under the address sanitizer it is not known: that keeps what was freed. */
static uint64_t resident(void)
{
	unsigned long size = 0, pages = 0;
#ifndef __SANITIZE_ADDRESS__
	FILE *file = fopen("/proc/self/statm", "r");

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%lu %lu", &size, &pages), 2);
	fclose(file);
#endif
	(void)size;
	return (uint64_t)pages * 4096;
}

static int descriptors(void)
{
	DIR *all = opendir("/proc/self/fd");
	int count = 0;

	assert_non_null(all);
	while (readdir(all))
		count++;
	closedir(all);
	return count;
}

/* A burst of some seconds, in which connections end that began up to two hours before; then quiet. Nothing at night. */
static void an_hour(struct store *store, struct model *model)
{
	int64_t end = (now / HOUR + 1) * HOUR;
	int rows =
		now % DAY / HOUR < 6 ? 0 : (int)made_number(&made, 3 * (uint64_t)rows_of_an_hour());
	struct made_row row;

	now += (int64_t)made_number(&made, 3000) * SECOND;
	for (int i = 0; i < rows; i++) {
		make_row(&made,
			 now - (made_number(&made, 9) ? 0 : (int64_t)made_number(&made, 2 * HOUR)),
			 &row);
		if (model)
			model_add(model, &row.row);
		store_add(store, &row.row, now);
		now += SECOND / (1 + rows / 2);
		store_tick(store, now);
	}
	let_write(store);
	let_retain(store);
	if (now < end)
		now = end;
	store_tick(store, now);
	assert_int_equal(state_of(store).lost, 0);
	assert_int_equal(state_of(store).status, STORE_OK);
}

static const char unneeded_texts[] =
	"SELECT count(*) FROM text WHERE id NOT IN (SELECT user FROM "
	"actor UNION SELECT exe FROM actor UNION"
	" SELECT script FROM actor UNION SELECT other FROM actor UNION SELECT service FROM actor "
	"UNION SELECT container FROM actor UNION"
	" SELECT cgroup FROM actor UNION SELECT helo FROM connection "
	"UNION SELECT reply FROM connection UNION"
	" SELECT value FROM day_value)";
static const char unneeded_actors[] = "SELECT count(*) FROM actor WHERE id NOT IN (SELECT actor "
				      "FROM connection UNION SELECT actor FROM hour)";
static const char unneeded_processes[] =
	"SELECT count(*) FROM process WHERE id NOT IN (SELECT process FROM connection)";

static void a_boundary(struct store *store, struct model *model)
{
	int64_t today = now / DAY;

	let_retain(store);
	model_compare(model, today - DAYS, today - ROLLUP_DAYS);
	assert_int_equal(ask(unneeded_texts), 0);
	assert_int_equal(ask(unneeded_actors), 0);
	assert_int_equal(ask(unneeded_processes), 0);
	assert_int_equal(ask(HEALTHY), 1);
}

static void days_are_kept(void **state)
{
	struct store *store = store_open(
		&(struct store_options){.path = path, .days = DAYS, .rollup_days = ROLLUP_DAYS},
		now);
	uint64_t memory = 0;
	struct model model;
	int files = 0;

	(void)state;
	model_open(&model);
	now = now / DAY * DAY;
	for (int hour = 0; hour < 8 * 24; hour++) {
		an_hour(store, &model);
		if (hour % 24 != 23)
			continue;
		a_boundary(store, &model);
		if (hour / 24 == 3) {
			memory = resident();
			files = descriptors();
		}
	}
	assert_int_equal(descriptors(), files);
	assert_true(resident() < memory + (8 << 20));
	assert_true(ask("SELECT min(seq) FROM connection") > 1);
	/* Nothing came for years. */
	now += 1000 * DAY;
	let_retain(store);
	for (int i = 0; i < 6; i++) {
		static const char *const tables[] = {"text",	   "actor", "process",
						     "connection", "hour",  "day_value"};
		char sql[64];

		snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", tables[i]);
		assert_int_equal(ask(sql), 0);
	}
	assert_true(ask("PRAGMA page_count") < 100);
	store_close(store, now);
	model_close(&model);
}

static void size_is_kept(void **state)
{
	const int64_t bytes = (int64_t)rows_of_an_hour() * 24576;
	struct store *store =
		store_open(&(struct store_options){.path = path, .bytes = (uint64_t)bytes}, now);
	int64_t rows = 0;

	(void)state;
	now = now / DAY * DAY;
	for (int hour = 0; hour < 7 * 24; hour++) {
		an_hour(store, NULL);
		assert_true(ask("PRAGMA page_count") * 4096 <= bytes);
	}
	rows = (int64_t)state_of(store).written;
	assert_int_equal(ask("SELECT max(seq) FROM connection"), rows);
	assert_true(ask("SELECT count(*) FROM connection") < rows);
	assert_true(ask("SELECT count(*) FROM connection") > rows / 20);
	/* Roll-ups outlive what they were made of. */
	assert_int_equal(ask("SELECT sum(connections) FROM hour"), rows);
	assert_int_equal(ask("SELECT sum(connections) FROM day_value WHERE what = 3"), rows);
	assert_int_equal(ask(HEALTHY), 1);
	store_close(store, now);
	/* And go as well when there is no other way. */
	store = store_open(&(struct store_options){.path = path, .bytes = 200000}, now);
	let_retain(store);
	assert_true(ask("PRAGMA page_count") * 4096 <= 200000);
	assert_int_equal(ask("SELECT count(*) FROM connection"), 0);
	store_close(store, now);
}

/* A second that is cut short by kill -9 or a power cut is all that may be lost: what is older was committed. */
static void nothing_waits_for_more_than_a_second(void **state)
{
	struct store *store = open_store();
	int64_t wait;

	(void)state;
	for (int i = 0; i < 200; i++) {
		add_rows(store, &made, 1);
		wait = store_tick(store, now);
		assert_true(wait <= SECOND || !state_of(store).queued);
		now += wait < SECOND / 7 ? wait : SECOND / 7;
		if (state_of(store).queued)
			assert_true(now - state_of(store).oldest <= SECOND);
	}
	store_close(store, now);
	assert_int_equal(ask("SELECT count(*) FROM connection"), 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(days_are_kept, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(size_is_kept, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(nothing_waits_for_more_than_a_second,
						make_directory, remove_directory),
	};

	return cmocka_run_group_tests_name("store_week", tests, NULL, NULL);
}
