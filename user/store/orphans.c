/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * orphans.c - records kept until the OPEN of their connection comes
 *
 * The kernel reads an identity in process context; a segment may pass before. What waits is kept as it came and replayed in
 * order, so that the dialogue and its steps are complete. uthash keeps insertion order, and with it the age. Where uthash
 * itself finds no memory the record is refused with -ENOMEM; nothing here is fatal.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/limits.h"
#include "store/orphans.h"

#define SECOND UINT64_C(1000000000)

struct orphan_key {
	uint64_t cookie;
	uint64_t generation; /* wide: no padding in a hashed key */
};

struct orphan {
	struct orphan_key key;
	uint64_t since;
	size_t bytes;
	struct orphan_record *first, **last;
	UT_hash_handle hh;
};

struct orphans {
	struct orphan *all;
	size_t bytes;
	uint64_t dropped;
};

struct orphans *orphans_new(void)
{
	return calloc(1, sizeof(struct orphans));
}

static struct orphan_record *detach(struct orphans *orphans, struct orphan *orphan)
{
	struct orphan_record *records = orphan->first;

	orphans->bytes -= orphan->bytes;
	HASH_DEL(orphans->all, orphan);
	free(orphan);
	return records;
}

static void drop(struct orphans *orphans, struct orphan *orphan)
{
	struct orphan_record *record = detach(orphans, orphan);

	while (record) {
		struct orphan_record *next = record->next;

		free(record);
		record = next;
	}
	orphans->dropped++;
}

void orphans_free(struct orphans *orphans)
{
	if (!orphans)
		return;
	while (orphans->all)
		drop(orphans, orphans->all);
	free(orphans);
}

static struct orphan *find(struct orphans *orphans, uint64_t cookie, uint32_t generation)
{
	struct orphan_key key = {cookie, generation};
	struct orphan *orphan;

	HASH_FIND(hh, orphans->all, &key, sizeof(key), orphan);
	return orphan;
}

static struct orphan *add(struct orphans *orphans, uint64_t cookie, uint32_t generation,
			  uint64_t now)
{
	struct orphan *orphan = calloc(1, sizeof(*orphan));

	if (!orphan)
		return NULL;
	orphan->key = (struct orphan_key){cookie, generation};
	orphan->since = now;
	orphan->bytes = sizeof(*orphan);
	orphan->last = &orphan->first;
	HASH_ADD(hh, orphans->all, key, sizeof(orphan->key), orphan);
	if (!orphan->hh.tbl) {
		free(orphan);
		return NULL;
	}
	orphans->bytes += orphan->bytes;
	return orphan;
}

int orphans_keep(struct orphans *orphans, uint64_t cookie, uint32_t generation, uint64_t now,
		 uint16_t kind, const void *payload, size_t size)
{
	struct orphan *orphan = find(orphans, cookie, generation);
	struct orphan_record *record = malloc(sizeof(*record) + size);

	if (record && !orphan)
		orphan = add(orphans, cookie, generation, now);
	if (!record || !orphan) {
		free(record);
		return -ENOMEM;
	}
	record->next = NULL;
	record->size = size;
	record->kind = kind;
	memcpy(record->payload, payload, size);
	*orphan->last = record;
	orphan->last = &record->next;
	orphan->bytes += sizeof(*record) + size;
	orphans->bytes += sizeof(*record) + size;
	while (orphans->bytes > LIMIT_ORPHAN_BYTES)
		drop(orphans, orphans->all);
	return 0;
}

struct orphan_record *orphans_take(struct orphans *orphans, uint64_t cookie, uint32_t generation)
{
	struct orphan *orphan = find(orphans, cookie, generation);

	return orphan ? detach(orphans, orphan) : NULL;
}

uint64_t orphans_expire(struct orphans *orphans, uint64_t now)
{
	while (orphans->all) {
		uint64_t due = orphans->all->since + LIMIT_ORPHAN_SECONDS * SECOND;

		if (due > now)
			return due - now;
		drop(orphans, orphans->all);
	}
	return UINT64_MAX;
}

uint64_t orphans_dropped(const struct orphans *orphans)
{
	return orphans->dropped;
}

uint64_t orphans_waiting(const struct orphans *orphans)
{
	return HASH_COUNT(orphans->all);
}
