/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kept.h - a connection as a row of the store
 */
#ifndef SMTPSNOOP_KEPT_H
#define SMTPSNOOP_KEPT_H

#include <stddef.h>
#include <stdint.h>

#include "enrich/script_file.h"
#include "present/record.h"
#include "store/store.h"

#define KEPT_REPLY 80 /* a code and the longest name of a blocklist */

/* The memory of one row, used again for the next. */
struct kept {
	struct record_origin origin;
	int64_t wall_minus_boot; /* what times are told by */
	int64_t seen; /* the last batch's; 0 = none yet */
	struct json json;
	struct kept_text {
		FILE *out;
		char *bytes;
		size_t size;
	} process, rest;
	struct script_file script, other;
	char reply[KEPT_REPLY];
};

/* 0, or -ENOMEM: then kept_free() it. */
int kept_init(struct kept *kept);
void kept_free(struct kept *kept);

/*
 * The wall clock as a batch found it. It is read anew for each batch, so it differs by microseconds: a smaller difference than
 * LIMIT_CLOCK_NOISE is not followed, or no two records of a process would say the same of it. Returns the nanoseconds of a step (more than
 * LIMIT_CLOCK_STEP since the last batch), else 0: who is slewed never steps.
 */
int64_t kept_clock(struct kept *kept, int64_t wall_minus_boot);

/* What it points to lasts until the next call. 0, or -ENOMEM. */
int kept_row(struct kept *kept, const struct connection *connection, struct store_row *row);

#endif
