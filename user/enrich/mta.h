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

/*
 * The configuration is borrowed. A configured path that leads to nothing is a warning. NULL = out of memory. `now` is CLOCK_BOOTTIME in
 * ns, here and below.
 */
struct mta_table *mta_new(const struct config *config, uint64_t now);
void mta_free(struct mta_table *table);

/*
 * Walks over the MTAs that are there on the host itself: an executable, and a user of this host with it. Begin with *at = 0; NULL =
 * no more. *safe: the file belongs to root and nobody else may write it, else it is not trusted. Each executable is named once a user.
 */
const struct config_mta *mta_next(const struct mta_table *table, size_t *at, bool *safe);

/* Sets out->mta_flags and out->mta. */
void mta_find(struct mta_table *table, const struct mta_query *query, uint64_t now,
	      struct enrichment *out);

#endif
