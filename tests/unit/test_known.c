/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_known.c - what a history does not know: gaps between runs, and events
 */
#include "history.h"

/* A run of the collector from one time to another; `clean`: it says that it ends. */
static void run(int64_t from, int64_t to, bool clean, unsigned int rows)
{
	const struct store_options options = {.path = h_path};
	struct store *store = store_open(&options, from);
	int64_t clock = from;

	assert_non_null(store);
	store_event(store, STORE_EVENT_STARTED, 0, "smtpsnoop, a test", from);
	store_event(store, STORE_EVENT_LOST_KERNEL, 7, "lost\n", from + H_SECOND);
	for (unsigned int i = 0; i < rows; i++) {
		struct past one;

		h_make(&one, to - (int64_t)(rows - i) * H_SECOND);
		store_add(store, &one.row, to);
	}
	while (store_tick(store, clock) == 0)
		clock += H_SECOND;
	if (clean)
		store_event(store, STORE_EVENT_ENDED, 0, NULL, to);
	store_close(store, to);
}

static struct query_known known(int64_t since, int64_t until)
{
	struct query_store *store = h_open();
	struct query_known found;

	assert_int_equal(query_known(store, since, until, &found), 0);
	query_close(store);
	return found;
}

static void test_gaps(void **state)
{
	struct query_known found;

	(void)state;
	run(H_BEGIN, H_BEGIN + H_HOUR, true, 3);
	run(H_BEGIN + 3 * H_HOUR, H_BEGIN + 4 * H_HOUR, false, 3); /* killed */
	run(H_BEGIN + 6 * H_HOUR, H_BEGIN + 7 * H_HOUR, true, 3);
	found = known(H_BEGIN, H_BEGIN + H_DAY);
	assert_int_equal(found.gap_count, 3);
	assert_true(found.gaps[0].since == H_BEGIN + H_HOUR);
	assert_true(found.gaps[0].until == H_BEGIN + 3 * H_HOUR);
	assert_false(found.gaps[0].unclean);
	/* From the last that was heard of it. */
	assert_true(found.gaps[1].since >= H_BEGIN + 4 * H_HOUR - H_SECOND);
	assert_true(found.gaps[1].since < H_BEGIN + 5 * H_HOUR);
	assert_true(found.gaps[1].until == H_BEGIN + 6 * H_HOUR);
	assert_true(found.gaps[1].unclean);
	assert_true(found.gaps[2].since == H_BEGIN + 7 * H_HOUR);
	assert_true(found.gaps[2].until == INT64_MAX);
	assert_int_equal(found.count, 3);
	for (unsigned int i = 0; i < found.count; i++) {
		assert_int_equal(found.events[i].kind, STORE_EVENT_LOST_KERNEL);
		assert_int_equal(found.events[i].number, 7);
		assert_true(bytes_are(found.events[i].words, "lost\n"));
	}
	query_known_free(&found);
	assert_null(found.events);
}

/* What lies outside of the time that is asked for is not told. */
static void test_part(void **state)
{
	struct query_known found = known(H_BEGIN + 2 * H_HOUR, H_BEGIN + 3 * H_HOUR);

	(void)state;
	assert_int_equal(found.gap_count, 1);
	assert_int_equal(found.count, 0);
	query_known_free(&found);
	found = known(H_BEGIN + H_HOUR / 2, H_BEGIN + H_HOUR);
	assert_int_equal(found.gap_count, 0);
	query_known_free(&found);
	found = known(H_BEGIN + 6 * H_HOUR, H_BEGIN + 6 * H_HOUR + 2 * H_SECOND);
	assert_int_equal(found.gap_count, 0);
	assert_int_equal(found.count, 1);
	query_known_free(&found);
}

static int begin(void **state)
{
	(void)state;
	h_directory_make();
	return 0;
}

static int end(void **state)
{
	(void)state;
	h_directory_remove();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gaps),
		cmocka_unit_test(test_part),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
