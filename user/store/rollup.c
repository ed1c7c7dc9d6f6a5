/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rollup.c - a batch's sums by hour and actor and by day and value, before they are added to the store's
 *
 * A flood of one actor's connections is one row to change and not thousands. Both kinds are in one table: `what` 0 is an hour.
 */
#include "store/rollup.h"

#include "base/hash.h"

/* A sum must not overflow: SQLite would make a floating number of it. */
#define BYTES_OF_ONE (INT64_C(1) << 40)

struct key {
	int64_t period, what, value, verdict; /* hour or day; 0 or what; actor or value */
};

struct rollup_sum {
	struct key key;
	int64_t connections, messages, accepted, recipients, refused;
	int64_t attempts_only, refusals, blocklisted, bytes_out, first, last;
	UT_hash_handle hh;
};

static struct rollup_sum *sum_of(struct rollup *rollup, const struct key *key)
{
	struct rollup_sum *sum;

	HASH_FIND(hh, rollup->sums, key, sizeof(*key), sum);
	if (sum)
		return sum;
	sum = calloc(1, sizeof(*sum));
	if (!sum)
		return NULL;
	sum->key = *key;
	sum->first = INT64_MAX;
	sum->last = INT64_MIN;
	HASH_ADD(hh, rollup->sums, key, sizeof(sum->key), sum);
	if (!sum->hh.tbl) {
		free(sum);
		return NULL;
	}
	return sum;
}

static int add(struct rollup *rollup, const struct key *key, const struct store_row *row)
{
	struct rollup_sum *sum = sum_of(rollup, key);

	if (!sum)
		return SQLITE_NOMEM;
	sum->connections++;
	sum->messages += row->messages;
	sum->accepted += row->accepted;
	sum->recipients += row->recipients;
	sum->refused += row->refused;
	sum->attempts_only += row->attempt_only;
	sum->refusals += row->refusal;
	sum->blocklisted += row->blocklisted;
	sum->bytes_out += row->bytes_out < BYTES_OF_ONE ? (int64_t)row->bytes_out : BYTES_OF_ONE;
	if (row->start < sum->first)
		sum->first = row->start;
	if (row->start > sum->last)
		sum->last = row->start;
	return SQLITE_OK;
}

int rollup_hour(struct rollup *rollup, int64_t hour, int64_t actor, const struct store_row *row)
{
	return add(rollup, &(struct key){hour, 0, actor, row->verdict}, row);
}

int rollup_value(struct rollup *rollup, int64_t day, int64_t what, int64_t value,
		 const struct store_row *row)
{
	return add(rollup, &(struct key){day, what, value, row->verdict}, row);
}

static int write_sum(const struct rollup_sum *sum, struct sql *sql)
{
	const struct key *key = &sum->key;

	if (key->what)
		return sql_run(sql, SQL_VALUE_ADD,
			       SQL_NUMBERS(key->period, key->what, key->value, key->verdict,
					   sum->connections, sum->messages, sum->accepted,
					   sum->recipients, sum->refused));
	return sql_run(sql, SQL_HOUR_ADD,
		       SQL_NUMBERS(key->period, key->value, key->verdict, sum->connections,
				   sum->messages, sum->accepted, sum->recipients, sum->refused,
				   sum->attempts_only, sum->refusals, sum->blocklisted,
				   sum->bytes_out, sum->first, sum->last));
}

int rollup_write(const struct rollup *rollup, struct sql *sql)
{
	int rc = SQLITE_OK;

	for (const struct rollup_sum *sum = rollup->sums; sum && rc == SQLITE_OK;
	     sum = sum->hh.next)
		rc = write_sum(sum, sql);
	return rc;
}

void rollup_clear(struct rollup *rollup)
{
	HASH_FREE(rollup->sums);
}
