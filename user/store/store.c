/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * store.c - the history on disk, as its writer sees it: what waits, when it is written, what stands in the way
 *
 * A row leaves the queue when the commit that holds it has returned and the file is still the one at its path. What failed
 * is rolled back and tried again with the same rows. Nothing is fatal, and nothing here waits but for the disk itself.
 */
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "store/disk.h"
#include "store/events.h"
#include "store/queue.h"
#include "store/retain.h"
#include "store/writer.h"

#define SECOND INT64_C(1000000000)
#define MILLISECOND INT64_C(1000000)
#define DAY (86400 * SECOND)
#define RETRY (LIMIT_STORE_RETRY_MS * MILLISECOND)

struct store {
	struct disk disk;
	struct writer writer;
	struct pack *pack;
	struct queue queue;
	struct events events;
	struct retain retain;
	struct retain_limits limits;
	enum store_status status;
	bool opened; /* has been, once */
	int64_t failed_at; /* the last try, while the status is not STORE_OK */
	int64_t retained_at, retain_pause; /* the last step, and how long until the next */
	int64_t last_rows; /* of the last batch */
	uint64_t written, lost, bytes;
	int64_t last_commit;
	uint64_t untold; /* of the lost ones: no event says so yet */
	int64_t untold_since;
	enum store_status untold_why;
};

/* Unix time may step either way: a time that lies ahead has passed. */
static int64_t left_of(int64_t now, int64_t since, int64_t pause)
{
	return now < since || now - since >= pause ? 0 : pause - (now - since);
}

const char *store_status_text(enum store_status status)
{
	static const char *const texts[] = {
		[STORE_OK] = "rows came faster than the disk takes them",
		[STORE_FULL] = "the disk is full",
		[STORE_LOCKED] = "another program has locked it",
		[STORE_DAMAGED] = "it is damaged and could not be put aside",
		[STORE_GONE] = "the file or its directory was deleted or replaced",
		[STORE_READONLY] = "it is read-only",
		[STORE_FAILED] = "the file system failed",
		[STORE_NEWER] = "it was made by a newer smtpsnoop",
		[STORE_FOREIGN] = "it is another program's database",
	};

	return texts[status];
}

static void set_status(struct store *store, enum store_status status, int64_t now)
{
	store->status = status;
	store->failed_at = now;
}

static void put_aside(struct store *store, int64_t now)
{
	if (disk_put_aside(&store->disk) == 0)
		events_add(&store->events, STORE_EVENT_DAMAGED, 0, NULL, now);
}

/*
 * What has to happen to the file after something failed. The disk may have room again, and the other program be ready, with the
 * file as it is; all else is looked at again from the start.
 */
static void on_failure(struct store *store, enum store_status status, int64_t now)
{
	if (status == STORE_GONE)
		disk_leave(&store->disk);
	else if (status == STORE_DAMAGED)
		put_aside(store, now);
	else if (status != STORE_FULL && status != STORE_LOCKED)
		disk_close(&store->disk);
	set_status(store, status, now);
}

/* Did the last run that the store knows of come to its end? Asked before this one is noted. */
static void look_at_last_run(struct store *store, int64_t now)
{
	int64_t kind = 0;
	int rc = sql_ask(&store->disk.sql, SQL_EVENT_LAST_RUN,
			 SQL_NUMBERS(STORE_EVENT_STARTED, STORE_EVENT_ENDED), &kind, 1);

	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return; /* what fails now fails when it is written to, and is dealt with there */
	store->opened = true;
	if (kind == STORE_EVENT_STARTED)
		events_add_first(&store->events, STORE_EVENT_UNCLEAN, now);
}

static bool open_disk(struct store *store, int64_t now)
{
	enum store_status status = disk_open(&store->disk, now);

	if (status == STORE_DAMAGED) {
		put_aside(store, now);
		status = disk_open(&store->disk, now);
	}
	set_status(store, status, now);
	if (status != STORE_OK)
		return false;
	writer_forget(&store->writer);
	memset(&store->retain, 0, sizeof(store->retain));
	store->bytes = disk_bytes(&store->disk);
	if (!store->opened)
		look_at_last_run(store, now);
	return true;
}

static void set_limits(struct store *store, const struct store_options *options)
{
	store->limits = (struct retain_limits){
		.days = options->days ? options->days : LIMIT_STORE_DAYS,
		.rollup_days =
			options->rollup_days ? options->rollup_days : LIMIT_STORE_ROLLUP_DAYS,
		.bytes = (int64_t)(options->bytes ? options->bytes : LIMIT_STORE_BYTES),
	};
}

struct store *store_open(const struct store_options *options, int64_t now)
{
	struct store *store = calloc(1, sizeof(*store));

	if (!store)
		return NULL;
	set_limits(store, options);
	store->disk.path = strdup(options->path);
	store->pack = pack_new();
	if (!store->disk.path || !store->pack ||
	    writer_init(&store->writer, &store->disk.sql, store->pack) != 0) {
		pack_free(store->pack);
		free(store->disk.path);
		free(store);
		return NULL;
	}
	open_disk(store, now);
	return store;
}

void store_add(struct store *store, const struct store_row *row, int64_t now)
{
	if (queue_add(&store->queue, store->pack, row, now) == 0)
		return;
	if (!store->untold++) {
		store->untold_since = now;
		store->untold_why = store->status;
	}
	store->lost++;
}

void store_event(struct store *store, enum store_event event, uint64_t number, const char *words,
		 int64_t now)
{
	events_add(&store->events, event, number, words, now);
}

static int tell_lost(struct store *store, int64_t now)
{
	char words[LIMIT_STORE_WORDS], since[32] = "";
	time_t seconds = (time_t)(store->untold_since / SECOND);
	struct tm tm;

	if (!store->untold)
		return SQLITE_OK;
	if (gmtime_r(&seconds, &tm))
		strftime(since, sizeof(since), "%Y-%m-%dT%H:%M:%SZ", &tm);
	snprintf(words, sizeof(words), "%s, since %s", store_status_text(store->untold_why), since);
	return writer_event(&store->writer, now, STORE_EVENT_LOST_STORE, store->untold, words);
}

/* The rows and events of one transaction, up to its commit. *rows says how many of the queue it has. */
static int write_all(struct store *store, int64_t now, size_t *rows)
{
	struct writer *writer = &store->writer;
	int rc = writer_begin(writer);

	*rows = 0;
	for (struct waiting_event *event = store->events.first; event && rc == SQLITE_OK;
	     event = event->next)
		rc = writer_event(writer, event->time, event->event, event->number, event->words);
	if (rc == SQLITE_OK)
		rc = tell_lost(store, now);
	for (struct queued *queued = store->queue.first;
	     queued && *rows < LIMIT_STORE_BATCH && rc == SQLITE_OK; queued = queued->next) {
		rc = writer_row(writer, &queued->row);
		++*rows;
	}
	return rc == SQLITE_OK ? writer_commit(writer) : rc;
}

static void write_batch(struct store *store, int64_t now)
{
	enum store_status status = STORE_GONE;
	size_t rows;
	int rc;

	/* Looked at before, to save the work, and after, since only then it is known where the rows went. */
	if (disk_is_there(&store->disk)) {
		rc = write_all(store, now, &rows);
		status = disk_status(&store->disk, rc);
		if (rc != SQLITE_OK)
			writer_rollback(&store->writer);
		else if (!disk_is_there(&store->disk))
			status = STORE_GONE;
	}
	if (status != STORE_OK) {
		on_failure(store, status, now);
		return;
	}
	queue_drop(&store->queue, rows);
	events_clear(&store->events);
	store->untold = 0;
	store->written += rows;
	store->last_rows = (int64_t)rows;
	store->last_commit = now;
	store->bytes = disk_bytes(&store->disk);
	set_status(store, STORE_OK, now);
}

static bool waits(const struct store *store)
{
	return store->queue.first || store->events.first || store->untold;
}

static void retain_some(struct store *store, int64_t now)
{
	/* As many as came, so that a flood cannot outrun it. */
	int64_t rows = store->last_rows > LIMIT_STORE_STEP ? store->last_rows : LIMIT_STORE_STEP;
	bool done, deleted;
	int rc;

	rc = retain_step(&store->retain, &store->disk.sql, &store->limits, now / DAY, rows, &done,
			 &deleted);
	if (rc != SQLITE_OK) {
		on_failure(store, disk_status(&store->disk, rc), now);
		return;
	}
	if (deleted)
		writer_forget(&store->writer);
	store->retained_at = now;
	store->retain_pause = (done ? LIMIT_STORE_LOOK_MS : LIMIT_STORE_STEP_MS) * MILLISECOND;
	store->last_rows = 0;
	if (!waits(store))
		set_status(store, STORE_OK, now);
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* ns until there is something to write; INT64_MAX = nothing waits. */
static int64_t until_batch(const struct store *store, int64_t now)
{
	int64_t left = INT64_MAX;

	if (store->queue.count >= LIMIT_STORE_BATCH)
		return 0;
	if (store->queue.first)
		left = left_of(now, store->queue.first->added, RETRY);
	if (store->events.first)
		left = sooner(left, left_of(now, store->events.first->time, RETRY));
	if (store->untold)
		left = sooner(left, left_of(now, store->untold_since, RETRY));
	return left;
}

static int64_t until_wanted(const struct store *store, int64_t now)
{
	if (store->status != STORE_OK)
		return left_of(now, store->failed_at, RETRY);
	return sooner(until_batch(store, now),
		      left_of(now, store->retained_at, store->retain_pause));
}

int64_t store_tick(struct store *store, int64_t now)
{
	if (store->status != STORE_OK && left_of(now, store->failed_at, RETRY) > 0)
		return until_wanted(store, now);
	if (!store->disk.sql.db && !open_disk(store, now))
		return until_wanted(store, now);
	/* After a failure at once: whether it works again is found out by trying. */
	if (until_batch(store, now) == 0 || (store->status != STORE_OK && waits(store)))
		write_batch(store, now);
	if (store->disk.sql.db && left_of(now, store->retained_at, store->retain_pause) == 0)
		retain_some(store, now);
	return until_wanted(store, now);
}

void store_close(struct store *store, int64_t now)
{
	if (!store)
		return;
	if (!store->disk.sql.db)
		open_disk(store, now);
	while (store->disk.sql.db && (store->queue.first || store->events.first || store->untold)) {
		write_batch(store, now);
		if (store->status != STORE_OK)
			break;
	}
	disk_close(&store->disk);
	writer_free(&store->writer);
	pack_free(store->pack);
	queue_drop(&store->queue, store->queue.count);
	events_clear(&store->events);
	free(store->disk.path);
	free(store);
}

void store_state(const struct store *store, struct store_state *state)
{
	*state = (struct store_state){
		.status = store->status,
		.queued = store->queue.count,
		.queued_bytes = store->queue.bytes,
		.written = store->written,
		.lost = store->lost,
		.bytes = store->bytes,
		.last_commit = store->last_commit,
		.oldest = store->queue.first ? store->queue.first->added : 0,
	};
}
