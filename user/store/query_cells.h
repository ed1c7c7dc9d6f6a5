/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * query_cells.h - what tables are made of: rows of roll-ups and connections, summed by what tables can tell apart
 */
#ifndef SMTPSNOOP_QUERY_CELLS_H
#define SMTPSNOOP_QUERY_CELLS_H

#include <stdbool.h>

#include "base/hash.h"
#include "store/query_internal.h"
#include "store/schema.h"

#define QUERY_WHATS (SCHEMA_REPLY + 1)

/* One row, or several that were added up: sums.verdicts is not set, all of it has the one verdict. */
struct query_cell {
	enum verdict_class verdict;
	int64_t hour, actor;
	int64_t values
		[QUERY_WHATS]; /* by enum schema_what: ids of texts, SCHEMA_OTHERS or SCHEMA_NONE */
	enum schema_what
		what; /* the only value that a roll-up is about; 0 = a connection has all of them */
	struct bytes
		address; /* of a connection, in place of the destination's id; until the next one */
	struct query_sums sums;
};

/* What a sum is of. */
enum query_kind {
	QUERY_OF_ACTOR,
	QUERY_OF_DESTINATION = SCHEMA_DESTINATION,
	QUERY_OF_HELO = SCHEMA_HELO,
	QUERY_OF_REPLY = SCHEMA_REPLY,
	QUERY_OF_HOUR,
	QUERY_KINDS
};
enum query_kind query_kind_of(enum query_by by);

struct query_sum {
	struct query_sum_key {
		uint32_t kind, verdict; /* enum query_kind, enum verdict_class */
		uint64_t length; /* of the address; 0 = it has an id */
		union {
			int64_t id;
			uint8_t address[16]; /* of a destination that came by it */
		};
	} key;
	struct query_sums sums;
	UT_hash_handle hh;
};

struct query_cells {
	bool wanted[QUERY_KINDS];
	struct query_sum *first; /* hh.next leads to the others */
};

int query_cells_add(struct query_cells *cells, const struct query_cell *cell); /* 0 or -ENOMEM */
void query_cells_free(struct query_cells *cells);

void query_sums_join(struct query_sums *into, const struct query_sums *from);

#endif
