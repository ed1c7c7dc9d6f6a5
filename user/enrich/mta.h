/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mta.h - is this process a trusted MTA's client?
 *
 * By device and inode of the executable, never by a name. The configured paths are looked up at start, every minute, and when an
 * executable of an MTA's name is not known (a package upgrade gives it another inode), then at most once a second.
 */
#ifndef SMTPSNOOP_MTA_H
#define SMTPSNOOP_MTA_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/frame.h"
#include "enrich/config.h"
#include "event.h"

struct mta_table;

/* What the table is asked about. The texts are the record's: leaf first. */
struct mta_query {
	const struct event_identity *who;
	struct bytes exe, cgroup;
	bool host_mntns, host_pidns;
};

/* The configuration is borrowed. NULL = out of memory. `now` is CLOCK_BOOTTIME in ns, here and below. */
struct mta_table *mta_new(const struct config *config, uint64_t now);
void mta_free(struct mta_table *table);

/* Sets out->mta_flags and out->mta. */
void mta_find(struct mta_table *table, const struct mta_query *query, uint64_t now,
	      struct enrichment *out);

#endif
