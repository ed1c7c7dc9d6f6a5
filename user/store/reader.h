/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * reader.h - the store for those who read it, while it is written to
 *
 * SQL on the tables of store/schema.c, by the reader's own statements; the packed columns go through here.
 */
#ifndef SMTPSNOOP_READER_H
#define SMTPSNOOP_READER_H

#include <sqlite3.h>

#include "base/bytes.h"

struct reader;

/* NULL: it is no store that can be read; `why` has the sentence, without "smtpsnoop: " and full stop. */
struct reader *store_read_open(const char *path, char *why, size_t size);
void store_read_close(
	struct reader *reader); /* the reader's statements must be finalised; NULL is fine */

sqlite3 *store_read_db(struct reader *reader); /* read-only; remains the reader's */

/*
 * The record of a connection as `trace --json` prints it, without a newline; it lasts until the next call with this reader.
 * 1; 0: there is none; -EBADMSG: it is damaged; -ENOMEM, -EIO.
 */
int store_record(struct reader *reader, int64_t seq, struct bytes *json);

/* Likewise, of columns that the caller has selected: connection.rest and, of the process, process.json; length 0 = none. */
int store_record_of(struct reader *reader, struct bytes rest, struct bytes process,
		    struct bytes *json);

#endif
