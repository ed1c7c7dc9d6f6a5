/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tally.h - connections counted by verdict and by who, for as long as the collector lives
 *
 * Counters only grow. The label sets are bounded: what is over LIMIT_METRICS_WHO is counted as "other" of its verdict. Names that
 * anybody can bring about (user ids without a name) get half of them at most, so that nobody crowds out the others.
 */
#ifndef SMTPSNOOP_TALLY_H
#define SMTPSNOOP_TALLY_H

#include "store/connection.h"

/* In the order in which they are written. */
enum tally_kind {
	TALLY_CONNECTIONS = 0,
	TALLY_UNANSWERED,
	TALLY_REFUSED,
	TALLY_BLOCKLISTED,
	TALLY_MESSAGES,
	TALLY_MESSAGES_ACCEPTED,
	TALLY_RECIPIENTS,
	TALLY_RECIPIENTS_REFUSED,
	TALLY_BYTES,
	TALLY_KINDS
};

struct tally_counts {
	uint64_t of[TALLY_KINDS];
};

struct tally;

struct tally *tally_new(void); /* NULL = out of memory */
void tally_free(struct tally *tally); /* NULL is fine */

/* A connection that is over. */
void tally_add(struct tally *tally, const struct connection *connection);

const struct tally_counts *tally_verdict(const struct tally *tally, enum verdict_class class);
/* Those of a verdict that are in no label set. */
const struct tally_counts *tally_other(const struct tally *tally, enum verdict_class class);

/* Label sets: `verdict="bypass",user="www-data",service="php8.2-fpm.service"`, escaped, each once. */
typedef void tally_fn(void *context, const char *labels, const struct tally_counts *counts);
void tally_each(const struct tally *tally, tally_fn *fn, void *context);
unsigned int tally_sets(const struct tally *tally);

#endif
