/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * query_groups.h - sums by what a table has a row for
 *
 * Summed here and not by SQL: SQLite sorts all rows to group them, which takes several times as long as reading them.
 */
#ifndef SMTPSNOOP_QUERY_GROUPS_H
#define SMTPSNOOP_QUERY_GROUPS_H

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "store/query_internal.h"
#include "store/schema.h"

#define QUERY_WHATS (SCHEMA_REPLY + 1)

/* One row of a roll-up, or one connection: sums.verdicts is not set, all of it has the one verdict. */
struct query_cell {
	enum verdict_class verdict;
	int64_t hour, actor;
	/* By enum schema_what: ids of texts, SCHEMA_OTHERS or SCHEMA_NONE; 0 below `what` = this row is not about it. */
	int64_t values[QUERY_WHATS];
	enum schema_what what; /* the only one that the row is about; 0 = all of them */
	struct bytes
		address; /* of a connection, in place of the destination's id; until the next one */
	struct query_sums sums;
};

struct query_group {
	int64_t key[6];
	int64_t last; /* the largest id that was put together here, and how many there are */
	uint64_t ids;
	struct query_sums sums;
	UT_hash_handle hh;
};

struct query_groups {
	enum query_by by;
	struct query_group *first; /* sorted by query_groups_settle() */
};

/* 0 or -ENOMEM. */
int query_groups_add(struct query_groups *groups, const struct query_cell *cell);

/*
 * After the last cell: actors that are one row are put together, addresses get their ids, and those that went round the MTA most come
 * first; hours come in their order. -errno.
 */
int query_groups_settle(struct query_groups *groups, struct query_store *store);
void query_groups_free(struct query_groups *groups);

/* The address of a destination that no text of the store has; length 0 = a text has it, key[0] is its id. */
struct bytes query_group_address(const struct query_group *group);

void query_sums_join(struct query_sums *into, const struct query_sums *from);

#endif
