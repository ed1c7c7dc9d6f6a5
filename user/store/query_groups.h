/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * query_groups.h - sums by what a table has a row for
 *
 * Put together here and not by SQL: SQLite sorts all rows to group them, which takes several times as long as reading them.
 */
#ifndef SMTPSNOOP_QUERY_GROUPS_H
#define SMTPSNOOP_QUERY_GROUPS_H

#include "store/query_cells.h"

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

/* A sum of the kind that the table is of. 0 or -ENOMEM. */
int query_groups_add(struct query_groups *groups, const struct query_sum *sum);

/*
 * After the last sum: actors that are one row are put together, addresses get their ids, and those that went round the MTA most come
 * first; hours come in their order. -errno.
 */
int query_groups_settle(struct query_groups *groups, struct query_store *store);
void query_groups_free(struct query_groups *groups);

/* The address of a destination that no text of the store has; length 0 = a text has it, key[0] is its id. */
struct bytes query_group_address(const struct query_group *group);

#endif
