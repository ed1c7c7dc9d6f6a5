/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rollup.h - a batch's sums by hour and actor and by day and value, before they are added to the store's
 */
#ifndef SMTPSNOOP_ROLLUP_H
#define SMTPSNOOP_ROLLUP_H

#include "store/sql.h"
#include "store/store.h"

/* All zero is an empty one. */
struct rollup {
	struct rollup_sum *sums;
};

/* SQLITE_OK, or SQLITE_NOMEM. `what` and `value` as in day_value. */
int rollup_hour(struct rollup *rollup, int64_t hour, int64_t actor, const struct store_row *row);
int rollup_value(struct rollup *rollup, int64_t day, int64_t what, int64_t value,
		 const struct store_row *row);

/* Adds all of them to the store's, in the caller's transaction; they stay until rollup_clear(). SQLITE_OK or SQLite's error. */
int rollup_write(const struct rollup *rollup, struct sql *sql);
void rollup_clear(struct rollup *rollup);

#endif
