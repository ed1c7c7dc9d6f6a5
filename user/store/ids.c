/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ids.c - which row of the store has these bytes: a bounded memory of it
 *
 * uthash keeps insertion order: what is found goes to the end, what is at the front was asked for longest ago. Keys are compared
 * in full, since they are written by the attacker.
 */
#include "store/ids.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/limits.h"

struct entry {
	struct id id; /* first: callers get it, and it is the entry */
	UT_hash_handle hh;
	size_t length;
	char key[];
};

struct ids {
	struct entry *all;
	size_t bytes;
};

struct ids *ids_new(void)
{
	return calloc(1, sizeof(struct ids));
}

static void drop(struct ids *ids, struct entry *entry)
{
	HASH_DEL(ids->all, entry);
	ids->bytes -= entry->length;
	free(entry);
}

void ids_clear(struct ids *ids)
{
	while (ids->all)
		drop(ids, ids->all);
}

void ids_free(struct ids *ids)
{
	if (!ids)
		return;
	ids_clear(ids);
	free(ids);
}

/* False: there was no memory, and the entry is not in the table. */
static bool append(struct ids *ids, struct entry *entry)
{
	HASH_ADD_KEYPTR(hh, ids->all, entry->key, entry->length, entry);
	return entry->hh.tbl != NULL;
}

struct id *ids_find(struct ids *ids, struct bytes key)
{
	struct entry *entry;

	HASH_FIND(hh, ids->all, key.at, key.length, entry);
	if (!entry)
		return NULL;
	if (entry->hh.next) {
		HASH_DEL(ids->all, entry);
		if (!append(ids, entry)) {
			ids->bytes -= entry->length;
			free(entry);
			return NULL;
		}
	}
	return &entry->id;
}

struct id *ids_put(struct ids *ids, struct bytes key, int64_t id, int64_t day, int64_t rollup_day)
{
	struct entry *entry;

	while (ids->all && (HASH_COUNT(ids->all) >= LIMIT_STORE_CACHE ||
			    ids->bytes + key.length > LIMIT_STORE_CACHE_BYTES))
		drop(ids, ids->all);
	entry = calloc(1, sizeof(*entry) + key.length);
	if (!entry)
		return NULL;
	entry->id = (struct id){id, day, rollup_day, {-1, -1, -1, -1}};
	entry->length = key.length;
	memcpy(entry->key, key.at, key.length);
	if (!append(ids, entry)) {
		free(entry);
		return NULL;
	}
	ids->bytes += key.length;
	return &entry->id;
}
