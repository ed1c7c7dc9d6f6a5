/* SPDX-License-Identifier: GPL-2.0-only */
/* How many in the last seconds: never more than there were, and less by a sixteenth of the window's time at most. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "judge/window.h"

#define SECOND UINT64_C(1000000000)
#define WIDTH (60 * SECOND)
#define START (1000 * SECOND)

static struct window window;

static int setup(void **state)
{
	(void)state;
	memset(&window, 0, sizeof(window));
	return 0;
}

static uint64_t add(uint64_t count, uint64_t now)
{
	return window_add(&window, count, now, WIDTH);
}

static void what_is_older_than_the_window_is_not_counted(void **state)
{
	(void)state;
	assert_int_equal(add(40, START + 33 * SECOND), 40);
	assert_int_equal(add(1, START + 108 * SECOND), 1);
}

static void a_burst_alone_is_counted_for_as_long_as_a_window_is(void **state)
{
	(void)state;
	assert_int_equal(add(1, START), 1);
	assert_int_equal(add(1, START + WIDTH - 1), 2);
	assert_int_equal(add(1, START + WIDTH), 2);
	assert_int_equal(add(0, START + 3 * WIDTH), 0);
	assert_int_equal(add(1, START + 3 * WIDTH + 7), 1);
	assert_int_equal(add(1, START + 4 * WIDTH - 1), 2);
}

/* Against the times themselves. */
static void it_is_a_lower_bound_and_not_far_from_the_number(void **state)
{
	static uint64_t times[20000];
	uint64_t now = START, chance = 7;

	(void)state;
	for (size_t i = 0; i < 20000; i++) {
		uint64_t told, most = 0, least = 0;

		chance = chance * UINT64_C(6364136223846793005) + 1442695040888963407u;
		now += (chance >> 33) % (i % 1000 < 10 ? 2 * WIDTH : WIDTH / 50);
		times[i] = now;
		told = add(1, now);
		for (size_t j = i + 1; j-- > 0 && now - times[j] < WIDTH;) {
			most++;
			least += now - times[j] <= WIDTH - WIDTH / WINDOW_SLOTS;
		}
		assert_in_range(told, least, most);
	}
}

static void records_that_come_late_are_counted(void **state)
{
	(void)state;
	assert_int_equal(add(1, START), 1);
	assert_int_equal(add(1, START - 5 * SECOND), 2);
	assert_int_equal(add(1, START + 30 * SECOND), 3);
	assert_int_equal(add(1, START), 4);
}

static void another_width_begins_anew(void **state)
{
	(void)state;
	assert_int_equal(add(5, START), 5);
	assert_int_equal(window_add(&window, 1, START + 2 * SECOND, SECOND), 1);
	assert_int_equal(window_add(&window, 1, START + 2 * SECOND, WIDTH), 1);
}

static void numbers_stop_at_their_greatest(void **state)
{
	(void)state;
	assert_int_equal(add(UINT64_MAX, START), UINT32_MAX);
	assert_int_equal(add(7, START), UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_is_older_than_the_window_is_not_counted, setup),
		cmocka_unit_test_setup(a_burst_alone_is_counted_for_as_long_as_a_window_is, setup),
		cmocka_unit_test_setup(it_is_a_lower_bound_and_not_far_from_the_number, setup),
		cmocka_unit_test_setup(records_that_come_late_are_counted, setup),
		cmocka_unit_test_setup(another_width_begins_anew, setup),
		cmocka_unit_test_setup(numbers_stop_at_their_greatest, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
