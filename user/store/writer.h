/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * writer.h - one transaction: rows, their texts and actors, the roll-ups and the next seq, so that they cannot disagree
 *
 * All but writer_rollback() give SQLITE_OK or SQLite's error, after which only writer_rollback() makes sense.
 */
#ifndef SMTPSNOOP_WRITER_H
#define SMTPSNOOP_WRITER_H

#include "store/ids.h"
#include "store/pack.h"
#include "store/rollup.h"
#include "store/sql.h"
#include "store/store.h"

#define WRITER_USERS 64 /* whose actors are counted without asking the store */
#define WRITER_DAYS 4 /* a batch has connections that began today, and some that began before */

struct writer {
	struct sql *sql; /* of the caller */
	struct pack *pack; /* of the caller */
	struct ids *texts, *processes, *actors;
	struct rollup rollup;
	struct values_of_day {
		int64_t day; /* -1 = not used */
		int64_t count[IDS_WHATS]; /* -1 = not counted yet */
	} values[WRITER_DAYS];
	unsigned int values_next; /* the one that is given up next */
	struct actors_of_user {
		int64_t uid, day; /* day -1 = not used */
		int64_t count; /* that were used on this day or later */
	} users[WRITER_USERS]; /* by uid */
	int64_t next_seq;
};

int writer_init(struct writer *writer, struct sql *sql, struct pack *pack); /* 0 or -ENOMEM */
void writer_free(struct writer *writer);

int writer_begin(struct writer *writer);
int writer_row(struct writer *writer, const struct store_row *row); /* with rest_json packed */
int writer_event(struct writer *writer, int64_t time, enum store_event event, uint64_t number,
		 const char *words);
int writer_commit(struct writer *writer);
void writer_rollback(struct writer *writer);

/* What is remembered of the store may not hold any more: rows were deleted, or it is another one. */
void writer_forget(struct writer *writer);

#endif
