/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * retain.c - the store kept within its days and its size, in steps of some milliseconds
 *
 * In this order: what is older than its days; if the file is too large, the oldest connections, then the oldest values of days, then the
 * oldest hours; then actors, processes and texts that nothing left can use, which is told by the days of their last use, and
 * actors first: a text's id may be given to another. Free pages are used again, and given back when they are many.
 *
 * When nothing is to be done, a step costs a look at the start of an index.
 */
#include "store/retain.h"

#include "base/limits.h"

#define HOUR INT64_C(3600000000000)
#define DAY (24 * HOUR)

/* The file is kept this much below its bound: a part of it, so that a burst does not go over it. */
#define MARGIN 32
/* More free pages than a part of all are given back. */
#define FREE_PART 8

enum phase {
	CONNECTIONS = 0,
	VALUES,
	HOURS,
	EVENTS,
	SIZE,
	FLOORS,
	ACTORS,
	PROCESSES,
	TEXTS,
	VACUUM,
	PHASES
};

struct step {
	struct retain *retain;
	struct sql *sql;
	const struct retain_limits *limits;
	int64_t today, rows;
	bool deleted;
};

/* *more: as many were deleted as a step may. */
static int expire(const struct step *step, enum sql_name name, int64_t before, bool *more)
{
	int rc = sql_run(step->sql, name, SQL_NUMBERS(step->rows, before));

	*more = rc == SQLITE_OK && sqlite3_changes(step->sql->db) >= step->rows;
	return rc;
}

static int pages(const struct step *step, int64_t *used, int64_t *unused, int64_t *size)
{
	int64_t all;
	int rc = sql_ask(step->sql, SQL_PAGES, SQL_NOTHING, &all, 1);

	if (rc == SQLITE_ROW)
		rc = sql_ask(step->sql, SQL_PAGES_FREE, SQL_NOTHING, unused, 1);
	if (rc == SQLITE_ROW)
		rc = sql_ask(step->sql, SQL_PAGE_SIZE, SQL_NOTHING, size, 1);
	if (rc != SQLITE_ROW)
		return rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
	*used = all - *unused;
	return SQLITE_OK;
}

/* The oldest of the first kind that has any; when nothing is left, there is nothing more to do. */
static int expire_oldest(const struct step *step, bool *more)
{
	static const enum sql_name kinds[] = {SQL_CONNECTION_EXPIRE, SQL_VALUE_EXPIRE,
					      SQL_HOUR_EXPIRE};
	int rc;

	*more = false;
	for (unsigned int i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		rc = sql_run(step->sql, kinds[i], SQL_NUMBERS(step->rows, INT64_MAX));
		if (rc != SQLITE_OK)
			return rc;
		*more = sqlite3_changes(step->sql->db) > 0;
		if (*more)
			break;
	}
	return SQLITE_OK;
}

static int keep_size(const struct step *step, bool *more)
{
	int64_t used, unused, size;
	int rc = pages(step, &used, &unused, &size);

	*more = false;
	if (rc != SQLITE_OK || used * size <= step->limits->bytes - step->limits->bytes / MARGIN)
		return rc;
	return expire_oldest(step, more);
}

static int lower(const struct step *step, enum sql_name name, int64_t unit, int64_t *floor)
{
	int64_t oldest;
	int rc = sql_ask(step->sql, name, SQL_NOTHING, &oldest, 1);

	if (rc == SQLITE_ROW && oldest / unit < *floor)
		*floor = oldest / unit;
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Down to the oldest row that is there now, never up: actors and texts of one sweep go by the same. */
static int lower_floors(const struct step *step)
{
	struct retain *retain = step->retain;
	int rc = lower(step, SQL_CONNECTION_OLDEST, DAY, &retain->floor);

	if (rc == SQLITE_OK)
		rc = lower(step, SQL_VALUE_OLDEST, 1, &retain->rollup_floor);
	if (rc == SQLITE_OK)
		rc = lower(step, SQL_HOUR_OLDEST, 24, &retain->rollup_floor);
	return rc;
}

static int set_floors(const struct step *step, bool *more)
{
	struct retain *retain = step->retain;
	int rc;

	*more = false;
	retain->floor = retain->rollup_floor = step->today;
	retain->cursor = 0;
	rc = lower_floors(step);
	if (rc == SQLITE_OK && retain->floor == retain->swept_floor &&
	    retain->rollup_floor == retain->swept_rollup_floor)
		retain->phase = TEXTS; /* nothing can have become unused */
	return rc;
}

static int sweep(struct step *step, enum sql_name piece, enum sql_name delete, int floors,
		 bool *more)
{
	struct retain *retain = step->retain;
	int64_t end = 0;
	int rc = sql_ask(step->sql, piece, SQL_NUMBERS(step->rows, retain->cursor), &end, 1);

	*more = rc == SQLITE_ROW && end > 0;
	if (rc != SQLITE_ROW)
		return rc == SQLITE_DONE ? SQLITE_OK : rc;
	if (!*more) {
		retain->cursor = 0;
		return SQLITE_OK;
	}
	rc = lower_floors(step);
	if (rc == SQLITE_OK)
		rc = sql_run(
			step->sql, delete,
			(const int64_t[]){retain->cursor, end, retain->floor, retain->rollup_floor},
			2 + floors);
	if (rc != SQLITE_OK)
		return rc;
	step->deleted |= sqlite3_changes(step->sql->db) > 0;
	retain->cursor = end;
	return SQLITE_OK;
}

static int sweep_texts(struct step *step, bool *more)
{
	int rc = sweep(step, SQL_TEXT_PIECE, SQL_TEXT_SWEEP, 2, more);

	if (rc == SQLITE_OK && !*more) {
		step->retain->swept_floor = step->retain->floor;
		step->retain->swept_rollup_floor = step->retain->rollup_floor;
	}
	return rc;
}

static int vacuum(const struct step *step, bool *more)
{
	int64_t used, unused, size, left;
	int rc = pages(step, &used, &unused, &size);

	*more = rc == SQLITE_OK && unused > 0 &&
		(unused > (used + unused) / FREE_PART ||
		 (used + unused) * size > step->limits->bytes);
	if (!*more)
		return rc;
	rc = sql_run(step->sql, SQL_VACUUM, SQL_NOTHING);
	if (rc == SQLITE_OK)
		rc = pages(step, &used, &left, &size);
	/* An administrator's VACUUM can have made it a file that cannot shrink. */
	*more = rc == SQLITE_OK && left < unused;
	return rc;
}

static int run_phase(struct step *step, bool *more)
{
	const struct retain_limits *limits = step->limits;
	int64_t day = step->today - limits->days, rollup_day = step->today - limits->rollup_days;

	switch ((enum phase)step->retain->phase) {
	case CONNECTIONS:
		return expire(step, SQL_CONNECTION_EXPIRE, day * DAY, more);
	case VALUES:
		return expire(step, SQL_VALUE_EXPIRE, rollup_day, more);
	case HOURS:
		return expire(step, SQL_HOUR_EXPIRE, rollup_day * 24, more);
	case EVENTS:
		return expire(step, SQL_EVENT_EXPIRE, LIMIT_STORE_EVENT_ROWS, more);
	case SIZE:
		return keep_size(step, more);
	case FLOORS:
		return set_floors(step, more);
	case ACTORS:
		return sweep(step, SQL_ACTOR_PIECE, SQL_ACTOR_SWEEP, 2, more);
	case PROCESSES:
		return sweep(step, SQL_PROCESS_PIECE, SQL_PROCESS_SWEEP, 1, more);
	case TEXTS:
		return sweep_texts(step, more);
	case VACUUM:
		return vacuum(step, more);
	default:
		return SQLITE_OK;
	}
}

int retain_step(struct retain *retain, struct sql *sql, const struct retain_limits *limits,
		int64_t today, int64_t rows, bool *done, bool *deleted)
{
	struct step step = {retain, sql, limits, today, rows, false};
	struct retain before = *retain;
	bool more = false;
	int rc = sql_run(sql, SQL_BEGIN, SQL_NOTHING);

	*done = *deleted = false;
	/* Phases in which there is nothing to do cost little: on to one that has. */
	while (rc == SQLITE_OK && !more && retain->phase < PHASES) {
		rc = run_phase(&step, &more);
		if (rc == SQLITE_OK && !more)
			retain->phase++;
	}
	if (rc == SQLITE_OK)
		rc = sql_run(sql, SQL_COMMIT, SQL_NOTHING);
	if (rc != SQLITE_OK) {
		if (!sqlite3_get_autocommit(sql->db))
			sql_run(sql, SQL_ROLLBACK, SQL_NOTHING);
		*retain = before;
		return rc;
	}
	*deleted = step.deleted;
	*done = retain->phase == PHASES;
	if (*done)
		retain->phase = CONNECTIONS;
	return SQLITE_OK;
}
