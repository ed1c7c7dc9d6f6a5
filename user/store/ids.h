/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ids.h - which row of the store has these bytes: a bounded memory of it
 *
 * Bounded by LIMIT_STORE_CACHE and LIMIT_STORE_CACHE_BYTES; what was asked for longest ago goes first.
 */
#ifndef SMTPSNOOP_IDS_H
#define SMTPSNOOP_IDS_H

#include <stdint.h>

#include "base/bytes.h"
#include "store/schema.h"

#define IDS_WHATS (SCHEMA_REPLY + 1)

/* `day` and the rest are the row's columns, or days on which something is known: -1 = none. */
struct id {
	int64_t id;
	int64_t day, rollup_day;
	int64_t listed
		[IDS_WHATS]; /* the last day that has this value in day_value, by enum schema_what */
};

struct ids;

struct ids *ids_new(void); /* NULL = out of memory */
void ids_free(struct ids *ids);
void ids_clear(struct ids *ids);

/* NULL = not remembered. What is returned lasts until the next call with these ids. */
struct id *ids_find(struct ids *ids, struct bytes key);

/* Remembers what is not yet. NULL = out of memory. */
struct id *ids_put(struct ids *ids, struct bytes key, int64_t id, int64_t day, int64_t rollup_day);

#endif
