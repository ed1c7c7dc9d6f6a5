/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * orphans.h - records kept, bounded in bytes and time, until the OPEN of their connection comes
 */
#ifndef SMTPSNOOP_ORPHANS_H
#define SMTPSNOOP_ORPHANS_H

#include <stddef.h>
#include <stdint.h>

#include "base/frame.h"

struct orphans;

/* One kept record, as it came; `next` is in the order of arrival. */
struct orphan_record {
	struct orphan_record *next;
	size_t size;
	uint16_t kind; /* enum frame_kind */
	_Alignas(8) uint8_t payload[];
};

struct orphans *orphans_new(void); /* NULL = out of memory */
void orphans_free(struct orphans *orphans);

/* Keeps a copy. 0 or -ENOMEM. Over LIMIT_ORPHAN_BYTES the connections that wait longest are dropped. */
int orphans_keep(struct orphans *orphans, uint64_t cookie, uint32_t generation, uint64_t now,
		 uint16_t kind, const void *payload, size_t size);

/* Gives up the records of one connection: the caller frees each. NULL = none wait. */
struct orphan_record *orphans_take(struct orphans *orphans, uint64_t cookie, uint32_t generation);

/* Drops what waited longer than LIMIT_ORPHAN_SECONDS. Returns ns until the next is due, or UINT64_MAX. */
uint64_t orphans_expire(struct orphans *orphans, uint64_t now);

/* Connections dropped so far, and those that still wait. */
uint64_t orphans_dropped(const struct orphans *orphans);
uint64_t orphans_waiting(const struct orphans *orphans);

#endif
