/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_report_missing.c - what a report does not know, in sentences
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <time.h>

#include "make_report.h"

static void test_missing(void **state)
{
	struct report *report = with_losses();

	(void)state;
	report->extent.created = report->extent.first = NOW - 10 * HOUR;
	text(report, 300);
	assert_has("The store begins at 2026-11-02 06:00: nothing is known of before.");
	assert_has("not running from 2026-11-02 07:00 to 2026-11-02 09:00 (2 h)");
	assert_has("ended without a word: nothing is known from 2026-11-02 11:00, when it was last "
		   "heard of, to 2026-11-02 11:01 (90 s)");
	assert_has("has not been running since 2026-11-02 15:00 (60 min of this time)");
	assert_has(
		"42 connections were counted by the kernel, but their details were lost (2 times "
		"from 2026-11-02 08:00 to 2026-11-02 10:00)");
	assert_has("1000 connections could not be stored (at 2026-11-02 10:00; disk\\x1b[2J full)");
	assert_has("set back by 2 h at");
	assert_has("store.db.damaged");
	assert_has("3 connections were open before the collector was");
	assert_has("1 event of a kind that this version does not know");
	assert_has_not("Nothing is known to be missing");
	report_free(report);
}

static void test_many_gaps(void **state)
{
	struct report *report = make(REPORT_TABLE, QUERY_BY_USER);

	(void)state;
	for (int i = 0; i < 30; i++)
		add_gap(report, NOW - 20 * HOUR + i * 1000 * SECOND,
			NOW - 20 * HOUR + i * 1000 * SECOND + (i + 1) * SECOND, false);
	text(report, 300);
	/* 1 + 2 + ... + 20 s */
	assert_has("20 more times it was not running, for shorter, together 3 min (--json).");
	report_free(report);
}

/* Two moments of one minute are told apart. */
static void test_seconds(void **state)
{
	const struct query before = query;
	struct report *report = make(REPORT_TABLE, QUERY_BY_USER);

	(void)state;
	query.since = NOW - 20 * SECOND;
	report->now = NOW - 10 * SECOND;
	add_gap(report, NOW - 16 * SECOND, NOW - 12 * SECOND, false);
	add_event(report, NOW - 14 * SECOND, STORE_EVENT_LOST_KERNEL, 1, "");
	add_event(report, NOW - 13 * SECOND, STORE_EVENT_LOST_KERNEL, 1, "");
	text(report, 300);
	assert_has("2026-11-02 15:59:40 to 2026-11-02 15:59:50, now (10 s)");
	assert_has("not running from 2026-11-02 15:59:44 to 2026-11-02 15:59:48 (4 s)");
	assert_has("(2 times from 2026-11-02 15:59:46 to 2026-11-02 15:59:47)");
	query = before;
	report_free(report);
}

static void test_one(void **state)
{
	struct report *report = make(REPORT_TABLE, QUERY_BY_USER);

	(void)state;
	add_event(report, NOW - HOUR, STORE_EVENT_LOST_KERNEL, 1, "");
	add_event(report, NOW - HOUR, STORE_EVENT_LOST_STORE, 1, "");
	add_event(report, NOW - HOUR, STORE_EVENT_ADOPTED, 1, "");
	for (int i = 0; i < 11; i++)
		add_gap(report, NOW - 20 * HOUR + i * 1000 * SECOND,
			NOW - 20 * HOUR + i * 1000 * SECOND + SECOND, false);
	text(report, 300);
	assert_has("  1 connection was counted by the kernel, but its details were lost (at");
	assert_has("  1 connection could not be stored (at");
	assert_has("  1 connection was open before the collector was: what it did before is not");
	assert_has("  1 more time it was not running, for shorter, together 1 s");
	report_free(report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_many_gaps),
		cmocka_unit_test(test_seconds),
		cmocka_unit_test(test_one),
	};

	return cmocka_run_group_tests(tests, set_zone, free_shown);
}
