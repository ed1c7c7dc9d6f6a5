/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_rows.c - rows of the live view among others: equal ones are counted, a proxy is named
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "make_connection.h"
#include "present/present.h"

#define MILLISECOND UINT64_C(1000000)

static char *shown;
static size_t shown_size;
static FILE *out;
static struct present *present;
static struct made_connection made;

static void begin(unsigned int width, bool colour, bool json)
{
	struct present_options options = {
		.width = width, .colour = colour, .json = json, .verdicts = ~0u};

	setenv("TZ", "UTC", 1);
	out = open_memstream(&shown, &shown_size);
	options.out = out;
	present = present_new(&options);
	assert_non_null(present);
	make_connection(&made, VERDICT_BYPASS);
	make_opener(&made);
}

static void end(void)
{
	present_free(present);
	fclose(out);
	make_free(&made);
}

/* As the one before, that many milliseconds after the first second. */
static void row(uint64_t ms)
{
	made.connection.closed = 101 * MAKE_SECOND + ms * MILLISECOND;
	present_connection(present, &made.connection, MAKE_WALL);
}

static unsigned int count(const char *text)
{
	unsigned int found = 0;

	for (const char *at = shown; (at = strstr(at, text)); at++)
		found++;
	return found;
}

#define MORE(number) " ... and " number " more like it\n"

static void equal_rows_are_counted(void **state)
{
	struct frame_end frame = {.counters = {.attempts = 1}};

	(void)state;
	for (int colour = 0; colour < 2; colour++) {
		begin(100, colour, false);
		for (uint64_t i = 0; i < 313; i++)
			row(i);
		row(250); /* a little out of order */
		made.connection.ends.remote[15]++;
		row(320);
		row(321);
		present_end(present, &frame, NULL, 0, 0, 0, 161 * MAKE_SECOND, MAKE_WALL);
		end();
		assert_int_equal(count("BYPASS"), 2);
		assert_int_equal(count(MORE("313")), 1);
		assert_int_equal(count(MORE("1") "\nRound the MTA"), 1);
		free(shown);
	}
}

static void a_second_later_they_are_shown_again(void **state)
{
	(void)state;
	begin(80, false, false);
	for (uint64_t ms = 0; ms < 3000; ms += 500)
		row(ms);
	end();
	assert_int_equal(count("BYPASS"), 3);
	assert_int_equal(count(MORE("1")), 2);
	free(shown);
	begin(80, false, false);
	for (uint64_t ms = 0; ms < 5000; ms += 1000)
		row(ms);
	end();
	assert_int_equal(count("BYPASS"), 5);
	assert_int_equal(count("more like it"), 0);
	free(shown);
}

static void other_lines_end_the_count(void **state)
{
	struct event_counters counters = {.attempts = 3, .delivered = 2, .counted_only = 1};

	(void)state;
	begin(80, false, false);
	row(0);
	row(1);
	present_loss(present, &counters, 101 * MAKE_SECOND, MAKE_WALL);
	row(2);
	row(3);
	present_step(present, &made.connection, 101 * MAKE_SECOND, "closed", NULL, 0, MAKE_WALL);
	row(4);
	row(5);
	made.connection.verdict.reasons = 1ull << REASON_NO_QUIT; /* another detail */
	row(6);
	end();
	assert_int_equal(count("BYPASS"), 4);
	assert_int_equal(count(MORE("1")), 3);
	free(shown);
}

static void json_has_all(void **state)
{
	(void)state;
	begin(80, false, true);
	for (uint64_t i = 0; i < 10; i++)
		row(i);
	end();
	assert_int_equal(count("\n"), 10);
	free(shown);
}

static void a_proxy_is_named(void **state)
{
	static char target[] = "mx.example.net:25";

	(void)state;
	for (unsigned int width = 80; width <= 300; width += 20) {
		begin(width, false, false);
		make_ends(&made.connection.ends, "192.0.2.10", 4, "192.0.2.1", 3128);
		made.connection.target = target;
		made.connection.target_length = strlen(target);
		row(0);
		end();
		assert_int_equal(count("mx.example.net:25"), 1);
		assert_int_equal(count("via proxy 192.0.2.1:3128"), 1);
		assert_int_equal(count("mx.example.net:25 via 192.0.2.1:3128"), width >= 180);
		free(shown);
	}
}

static void what_was_open_before_is_not_connecting(void **state)
{
	(void)state;
	begin(80, false, false);
	made.connection.flags |= EVENT_F_EXISTING;
	present_step(present, &made.connection, 101 * MAKE_SECOND, "open", NULL, 0, MAKE_WALL);
	end();
	assert_int_equal(count("open before the trace\n"), 1);
	assert_int_equal(count("connecting"), 0);
	free(shown);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_rows_are_counted),
		cmocka_unit_test(a_second_later_they_are_shown_again),
		cmocka_unit_test(other_lines_end_the_count),
		cmocka_unit_test(json_has_all),
		cmocka_unit_test(a_proxy_is_named),
		cmocka_unit_test(what_was_open_before_is_not_connecting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
