/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * query_cells.c - what tables are made of: rows of roll-ups and connections, summed by what tables can tell apart
 *
 * Rows are many and sums are few: tables that are made together look at these alone.
 */
#include "store/query_cells.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void query_sums_join(struct query_sums *into, const struct query_sums *from)
{
	if (from->first && (!into->first || from->first < into->first))
		into->first = from->first;
	if (from->last > into->last)
		into->last = from->last;
	into->connections += from->connections;
	into->messages += from->messages;
	into->accepted += from->accepted;
	into->recipients += from->recipients;
	into->refused += from->refused;
	into->attempts_only += from->attempts_only;
	into->refusals += from->refusals;
	into->blocklisted += from->blocklisted;
	for (int i = 0; i < VERDICT_CLASSES; i++)
		into->verdicts[i] += from->verdicts[i];
}

enum query_kind query_kind_of(enum query_by by)
{
	switch (by) {
	case QUERY_BY_DESTINATION:
		return QUERY_OF_DESTINATION;
	case QUERY_BY_HELO:
		return QUERY_OF_HELO;
	case QUERY_BY_REPLY:
		return QUERY_OF_REPLY;
	case QUERY_BY_HOUR:
		return QUERY_OF_HOUR;
	default:
		return QUERY_OF_ACTOR;
	}
}

static void key_of(struct query_sum_key *key, enum query_kind kind, const struct query_cell *cell)
{
	memset(key, 0, sizeof(*key));
	key->kind = kind;
	key->verdict = cell->verdict;
	if (kind == QUERY_OF_ACTOR) {
		key->id = cell->actor;
	} else if (kind == QUERY_OF_HOUR) {
		key->id = cell->hour;
	} else if (kind == QUERY_OF_DESTINATION &&
		   (cell->address.length == 4 || cell->address.length == 16)) {
		key->length = cell->address.length;
		memcpy(key->address, cell->address.at, key->length);
	} else {
		key->id = cell->values[kind];
	}
}

/* Roll-ups of values do not know the rest, so a part of an answer must not. */
static struct query_sums of_value(const struct query_sums *sums)
{
	return (struct query_sums){.connections = sums->connections,
				   .messages = sums->messages,
				   .accepted = sums->accepted,
				   .recipients = sums->recipients,
				   .refused = sums->refused};
}

static int add(struct query_cells *cells, enum query_kind kind, const struct query_cell *cell)
{
	const bool value = kind != QUERY_OF_ACTOR && kind != QUERY_OF_HOUR;
	const struct query_sums sums = value ? of_value(&cell->sums) : cell->sums;
	struct query_sum_key key;
	struct query_sum *sum;

	key_of(&key, kind, cell);
	HASH_FIND(hh, cells->first, &key, sizeof(key), sum);
	if (!sum) {
		sum = calloc(1, sizeof(*sum));
		if (!sum)
			return -ENOMEM;
		sum->key = key;
		HASH_ADD(hh, cells->first, key, sizeof(sum->key), sum);
		if (!sum->hh.tbl) {
			free(sum);
			return -ENOMEM;
		}
	}
	query_sums_join(&sum->sums, &sums);
	return 0;
}

int query_cells_add(struct query_cells *cells, const struct query_cell *cell)
{
	int rc = 0;

	for (enum query_kind kind = 0; kind < QUERY_KINDS && !rc; kind++)
		if (cells->wanted[kind] && (!cell->what || (int)cell->what == (int)kind))
			rc = add(cells, kind, cell);
	return rc;
}

void query_cells_free(struct query_cells *cells)
{
	HASH_FREE(cells->first);
}
