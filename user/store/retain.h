/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * retain.h - the store kept within its days and its size, in steps of some milliseconds
 */
#ifndef SMTPSNOOP_RETAIN_H
#define SMTPSNOOP_RETAIN_H

#include <stdbool.h>

#include "store/sql.h"

struct retain_limits {
	int64_t days, rollup_days; /* whole UTC days kept before today's */
	int64_t bytes; /* of the file */
};

/* Where retention is. All zero starts a look at everything. */
struct retain {
	int phase;
	int64_t floor, rollup_floor; /* days: what sweeping goes by */
	int64_t swept_floor, swept_rollup_floor; /* of the last sweep that came to its end */
	int64_t cursor; /* last id that was looked at */
};

/*
 * One small transaction of at most `rows` rows (of LIMIT_STORE_STEP, when pages are given back). *done: all was looked at, the next step begins
 * again. *deleted: ids of texts, processes or actors are gone. SQLITE_OK or SQLite's error, after which the step is repeated.
 */
int retain_step(struct retain *retain, struct sql *sql, const struct retain_limits *limits,
		int64_t today, int64_t rows, bool *done, bool *deleted);

#endif
