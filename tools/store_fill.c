/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * store_fill.c - a store of many synthetic connections, as weeks of collecting would have made it
 *
 *   store_fill [--rows N] [--days D] [--actors A] [--destinations N] [--helos N] [--seed S] [--until UNIX-SECONDS] FILE
 *
 * Spread evenly over the days before --until (now). The same numbers give the same rows, and the store's own code writes them.
 * Prints what that took. Rows are added to a store that is there already.
 */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/number.h"
#include "make_rows.h"

#define SECOND INT64_C(1000000000)
#define DAY (86400 * SECOND)

enum name { ROWS, DAYS, ACTORS, DESTINATIONS, HELOS, SEED, UNTIL, OPTIONS };

static const struct option names[] = {
	[ROWS] = {"rows", required_argument, NULL, ROWS},
	[DAYS] = {"days", required_argument, NULL, DAYS},
	[ACTORS] = {"actors", required_argument, NULL, ACTORS},
	[DESTINATIONS] = {"destinations", required_argument, NULL, DESTINATIONS},
	[HELOS] = {"helos", required_argument, NULL, HELOS},
	[SEED] = {"seed", required_argument, NULL, SEED},
	[UNTIL] = {"until", required_argument, NULL, UNTIL},
	[OPTIONS] = {0},
};

static int usage(void)
{
	fprintf(stderr, "usage: store_fill [--rows N] [--days D] [--actors A] [--destinations N] "
			"[--helos N]"
			" [--seed S] [--until UNIX-SECONDS] FILE\n");
	return 2;
}

/* As many as a batch has, and no time between: the store never waits, so neither does the tool. */
static int fill(struct store *store, const uint64_t given[OPTIONS])
{
	struct made_rows made = {given[SEED], (uint32_t)given[ACTORS],
				 (uint32_t)given[DESTINATIONS], (uint32_t)given[HELOS]};
	int64_t span = (int64_t)given[DAYS] * DAY, begin = (int64_t)given[UNTIL] * SECOND - span;
	int64_t step = span / (int64_t)given[ROWS], now = begin;
	struct store_state state;
	struct made_row row;

	for (uint64_t i = 0; i < given[ROWS]; i++, now += step) {
		make_row(&made, now, &row);
		store_add(store, &row.row, now);
		if (i % LIMIT_STORE_BATCH == LIMIT_STORE_BATCH - 1)
			store_tick(store, now);
	}
	store_tick(store, now + SECOND);
	store_state(store, &state);
	if (state.status == STORE_OK && !state.lost && !state.queued)
		return 0;
	fprintf(stderr, "store_fill: %s\n", store_status_text(state.status));
	return 1;
}

int main(int argc, char **argv)
{
	uint64_t given[OPTIONS] = {
		1000000, 30, 500, 20000, 2000, 1, clock_ns(CLOCK_REALTIME) / (uint64_t)SECOND};
	struct store_options options = {.rollup_days = 36500, .bytes = INT64_MAX};
	uint64_t began = clock_ns(CLOCK_MONOTONIC);
	struct store_state state;
	struct store *store;
	double seconds;
	int name, status;

	while ((name = getopt_long(argc, argv, "", names, NULL)) != -1)
		if (name < 0 || name >= OPTIONS ||
		    number_parse(optarg, name != SEED, UINT32_MAX, &given[name]) != 0)
			return usage();
	if (optind != argc - 1)
		return usage();
	options.path = argv[optind];
	options.days = (uint32_t)given[DAYS] + 1;
	store = store_open(&options, (int64_t)given[UNTIL] * SECOND);
	if (!store)
		return 1;
	status = fill(store, given);
	store_state(store, &state);
	seconds = (double)(clock_ns(CLOCK_MONOTONIC) - began) / 1e9;
	printf("%" PRIu64 " rows in %.1f s, %.0f a second, %" PRIu64 " bytes, %.0f a row\n",
	       state.written, seconds, (double)state.written / seconds, state.bytes,
	       (double)state.bytes / (double)given[ROWS]);
	store_close(store, (int64_t)given[UNTIL] * SECOND);
	return status;
}
