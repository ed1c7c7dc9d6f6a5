/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * store.c - how fast the store takes rows, and how fast retention takes them away again
 *
 *   store DIRECTORY SECONDS     a JSON object a line: as fast as possible, 2,000 and 20,000 a second, retention
 *
 * On the real clock, and on the disk of the directory, in which one file is made and deleted.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/number.h"
#include "make_rows.h"

#define SECOND UINT64_C(1000000000)
#define ROWS 2048 /* made before, since making them is not what is measured */
#define TICK 10000000 /* ns: how often rows come */
#define TIMES 65536

static char path[512];
static struct made_row *made_rows_ready;
static uint32_t times[TIMES]; /* us, of the calls that committed */
static size_t time_count;

static int64_t unix_now(void)
{
	return (int64_t)clock_ns(CLOCK_REALTIME);
}

static struct store *start(uint64_t bytes)
{
	struct store *store =
		store_open(&(struct store_options){.path = path, .bytes = bytes}, unix_now());

	if (!store)
		exit(1);
	time_count = 0;
	return store;
}

/* With start times of now, and other texts where a real one has others. */
static void add(struct store *store, uint64_t number)
{
	struct made_row *row = &made_rows_ready[number % ROWS];

	row->row.start = unix_now();
	row->row.cookie = number;
	store_add(store, &row->row, row->row.start);
}

static int64_t timed_tick(struct store *store)
{
	uint64_t began = clock_ns(CLOCK_MONOTONIC), took;
	struct store_state before, after;
	int64_t wait;

	store_state(store, &before);
	wait = store_tick(store, unix_now());
	took = (clock_ns(CLOCK_MONOTONIC) - began) / 1000;
	store_state(store, &after);
	if (after.written > before.written && time_count < TIMES)
		times[time_count++] = (uint32_t)took;
	return wait;
}

static int by_size(const void *a, const void *b)
{
	const uint32_t *left = a, *right = b;

	return *left < *right ? -1 : *left > *right;
}

static double cpu_seconds(void)
{
	return (double)clock_ns(CLOCK_PROCESS_CPUTIME_ID) / 1e9;
}

static void report(const char *what, const struct store *store, double seconds, double cpu,
		   uint64_t longest_queue)
{
	struct store_state state;

	store_state(store, &state);
	qsort(times, time_count, sizeof(times[0]), by_size);
	printf("{\"what\":\"%s\",\"rows/s\":%.0f,\"CPU %%\":%.1f,\"lost\":%" PRIu64
	       ",\"longest queue\":%" PRIu64
	       ",\"commits\":%zu,\"median ms\":%.1f,\"longest ms\":%.1f,\"bytes/row\":%.0f}\n",
	       what, (double)state.written / seconds, 100 * cpu / seconds, state.lost,
	       longest_queue, time_count, time_count ? times[time_count / 2] / 1e3 : 0,
	       time_count ? times[time_count - 1] / 1e3 : 0,
	       state.written ? (double)state.bytes / (double)state.written : 0);
	fflush(stdout);
}

static void clean(void)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	char name[600];

	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s%s", path, ends[i]);
		unlink(name);
	}
}

static void flat_out(uint64_t seconds)
{
	struct store *store = start(0);
	uint64_t began = clock_ns(CLOCK_MONOTONIC), count = 0;
	double cpu = cpu_seconds();

	while (clock_ns(CLOCK_MONOTONIC) - began < seconds * SECOND) {
		for (int i = 0; i < LIMIT_STORE_BATCH; i++)
			add(store, count++);
		timed_tick(store);
	}
	report("as fast as possible", store, (double)(clock_ns(CLOCK_MONOTONIC) - began) / 1e9,
	       cpu_seconds() - cpu, LIMIT_STORE_BATCH);
	store_close(store, unix_now());
	clean();
}

static void at_rate(uint64_t rate, uint64_t seconds)
{
	struct store *store = start(0);
	uint64_t began = clock_ns(CLOCK_MONOTONIC), count = 0, longest = 0, passed;
	double cpu = cpu_seconds();
	char what[32];

	while ((passed = clock_ns(CLOCK_MONOTONIC) - began) < seconds * SECOND) {
		struct store_state state;

		while (count < passed / 1000 * rate / 1000000)
			add(store, count++);
		store_state(store, &state);
		if (state.queued > longest)
			longest = state.queued;
		if (timed_tick(store) > 0)
			clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){0, TICK}, NULL);
	}
	snprintf(what, sizeof(what), "%" PRIu64 " a second", rate);
	report(what, store, (double)passed / 1e9, cpu_seconds() - cpu, longest);
	store_close(store, unix_now());
	clean();
}

/* Fills it, opens it again with half the room, and lets retention make that much of it. */
static void retention(uint64_t rows)
{
	struct store *store = start(0);
	uint64_t steps = 0, began, longest = 0, step;
	struct store_state before, after;
	int64_t wait = 0;

	for (uint64_t i = 0; i < rows; i++) {
		add(store, i);
		if (i % LIMIT_STORE_BATCH == LIMIT_STORE_BATCH - 1)
			store_tick(store, unix_now());
	}
	store_close(store, unix_now());
	store = start(0);
	store_tick(store, unix_now());
	store_state(store, &before);
	store_close(store, unix_now());
	store = start(before.bytes / 2);
	began = clock_ns(CLOCK_MONOTONIC);
	for (int64_t now = unix_now(); wait <= (int64_t)SECOND; now += wait, steps++) {
		step = clock_ns(CLOCK_MONOTONIC);
		wait = store_tick(store, now);
		step = clock_ns(CLOCK_MONOTONIC) - step;
		longest = step > longest ? step : longest;
	}
	began = clock_ns(CLOCK_MONOTONIC) - began;
	store_event(store, STORE_EVENT_ENDED, 0, NULL, unix_now());
	store_tick(store, unix_now() + (int64_t)SECOND);
	store_state(store, &after);
	printf("{\"what\":\"retention, half of %" PRIu64
	       " rows\",\"rows/s\":%.0f,\"steps\":%" PRIu64 ",\"median ms\":%.1f,"
	       "\"longest ms\":%.1f,\"bytes left of 100\":%.0f}\n",
	       rows, (double)rows / 2 / ((double)began / 1e9), steps,
	       (double)began / 1e6 / (double)steps, (double)longest / 1e6,
	       100.0 * (double)after.bytes / (double)before.bytes);
	store_close(store, unix_now());
	clean();
}

int main(int argc, char **argv)
{
	struct made_rows made = {1, 500, 20000, 2000};
	uint64_t seconds;

	if (argc != 3 || argv[1][0] != '/' || number_parse(argv[2], 1, 3600, &seconds) != 0) {
		fprintf(stderr, "usage: store DIRECTORY SECONDS\n");
		return 2;
	}
	snprintf(path, sizeof(path), "%s/bench-" STORE_NAME, argv[1]);
	clean();
	made_rows_ready = calloc(ROWS, sizeof(*made_rows_ready));
	if (!made_rows_ready)
		return 1;
	for (int i = 0; i < ROWS; i++)
		make_row(&made, 0, &made_rows_ready[i]);
	flat_out(seconds);
	at_rate(2000, seconds);
	at_rate(20000, seconds);
	retention(seconds * 5000);
	free(made_rows_ready);
	return 0;
}
