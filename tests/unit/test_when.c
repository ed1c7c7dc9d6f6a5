/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_when.c - moments that people write, in the local zone and in UTC, across summer time
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/when.h"

#define S INT64_C(1000000000)
#define NOW (INT64_C(1793635200) * S + 5) /* 2026-11-02T16:00:00Z, 17:00 in Berlin */

static void zone(const char *name)
{
	setenv("TZ", name, 1);
	tzset();
}

static int64_t when(const char *text)
{
	int64_t out = -1;

	if (when_parse(text, NOW, &out))
		fail_msg("refused: \"%s\"", text);
	return out;
}

static void test_ago(void **state)
{
	(void)state;
	assert_int_equal(when("now"), NOW);
	assert_int_equal(when("90m"), NOW - 5400 * S);
	assert_int_equal(when("24h"), NOW - 86400 * S);
	assert_int_equal(when("7d"), NOW - 7 * 86400 * S);
	assert_int_equal(when("2w"), NOW - 14 * 86400 * S);
	assert_int_equal(when("0s"), NOW);
	assert_int_equal(when("15000w"), 0); /* before 1970 */
}

static void test_dates(void **state)
{
	(void)state;
	zone("CET-1CEST,M3.5.0,M10.5.0/3");
	assert_int_equal(when("2026-11-01T12:00Z"), INT64_C(1793534400) * S);
	assert_int_equal(when("2026-11-01T12:00"), INT64_C(1793530800) * S);
	assert_int_equal(when("2026-11-01 12:00:30"), INT64_C(1793530830) * S);
	assert_int_equal(when("2026-07-01"), INT64_C(1782856800) * S); /* 22:00 UTC */
	assert_int_equal(when("2026-07-01Z"), INT64_C(1782864000) * S);
	assert_int_equal(when("2024-02-29Z"), INT64_C(1709164800) * S);
	assert_int_equal(when("today"), INT64_C(1793574000) * S);
	assert_int_equal(when("yesterday"), INT64_C(1793487600) * S);
	zone("UTC");
	assert_int_equal(when("today"), INT64_C(1793577600) * S);
}

/* The last one that there was: today's, or yesterday's where that is still to come. */
static void test_clock(void **state)
{
	(void)state;
	zone("CET-1CEST,M3.5.0,M10.5.0/3");
	assert_int_equal(when("17:00"), NOW - 5);
	assert_int_equal(when("03:00"), NOW - 5 - 14 * 3600 * S);
	assert_int_equal(when("00:00"), when("today"));
	assert_int_equal(when("17:00:01"), NOW - 5 - 86399 * S);
	assert_int_equal(when("19:00"), NOW - 5 - 22 * 3600 * S);
	assert_int_equal(when("15:30Z"), NOW - 5 - 1800 * S);
	assert_int_equal(when("16:30Z"), NOW - 5 - 84600 * S);
	assert_int_equal(when("2026-11-01T12"), INT64_C(1793530800) * S);
	assert_int_equal(when("2026-11-01 12Z"), INT64_C(1793534400) * S);
}

/* The day on which summer time ends has 25 hours. */
static void test_summer_time(void **state)
{
	const int64_t monday = INT64_C(1792998000); /* 2026-10-26T07:00Z */
	int64_t out;

	(void)state;
	zone("CET-1CEST,M3.5.0,M10.5.0/3");
	assert_int_equal(when_parse("yesterday", monday * S, &out), 0);
	assert_int_equal(out, INT64_C(1792879200) * S); /* 2026-10-24T22:00Z */
	assert_int_equal(when_parse("today", monday * S, &out), 0);
	assert_int_equal(out, INT64_C(1792969200) * S); /* 2026-10-25T23:00Z */
}

static void test_refused(void **state)
{
	static const char *const words[] = {
		"",
		"h",
		"24",
		"24x",
		"24hh",
		"-1h",
		"1.5h",
		"2026",
		"2026-11",
		"2026-11-1",
		"2026-13-01",
		"2026-00-01",
		"2026-02-29",
		"2026-11-31",
		"2026-11-01T",
		"0000-01-01",
		"1969-12-31",
		"9999-01-01",
		"2026-11-00",
		"2026-11-01T24:00",
		"now ",
		"2026-11-01ZZ",
		"2026-11-01T1",
		"tomorrow",
		"2026-11-01T12:60",
		" 1h",
		"2026/11/01",
		"99999999999999999999h",
		"2026-11-01T12:00:61",
		"2026-11-01T12:",
		"19",
		"19Z",
		"19:",
		"7:00",
		"24:00",
		"19:60",
		"19:00:",
		"19:00:60",
		"19:00 ",
		"19:00ZZ",
	};
	int64_t out = 77;

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (when_parse(words[i], NOW, &out) == 0)
			fail_msg("taken: \"%s\"", words[i]);
		assert_int_equal(out, 77);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ago),	cmocka_unit_test(test_dates),
		cmocka_unit_test(test_clock),	cmocka_unit_test(test_summer_time),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
