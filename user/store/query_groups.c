/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * query_groups.c - sums by what a table has a row for
 *
 * First by ids, whatever the verdict; then by what the ids stand for. Memory is bounded by the process's limit: without it
 * the answer is an error, never a part.
 */
#include "store/query_groups.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* key[0] of an address that has no id: key[1] is its length, the bytes are behind it. No id of a text, an actor or an hour. */
#define ADDRESS INT64_MIN

struct bytes query_group_address(const struct query_group *group)
{
	if (group->key[0] != ADDRESS)
		return (struct bytes){NULL, 0};
	return (struct bytes){(const char *)&group->key[2], (size_t)group->key[1]};
}

static void key_of(int64_t key[6], enum query_by by, const struct query_sum *sum)
{
	memset(key, 0, 6 * sizeof(key[0]));
	if (by == QUERY_BY_VERDICT) {
		key[0] = sum->key.verdict;
	} else if (sum->key.length) {
		key[0] = ADDRESS;
		key[1] = (int64_t)sum->key.length;
		memcpy(&key[2], sum->key.address, sizeof(sum->key.address));
	} else {
		key[0] = sum->key.id;
	}
}

static struct query_group *find(struct query_group *first, const int64_t key[6])
{
	struct query_group *group;

	HASH_FIND(hh, first, key, sizeof(group->key), group);
	return group;
}

static int insert(struct query_group **first, struct query_group *group)
{
	HASH_ADD(hh, *first, key, sizeof(group->key), group);
	return group->hh.tbl ? 0 : -ENOMEM;
}

int query_groups_add(struct query_groups *groups, const struct query_sum *sum)
{
	struct query_group *group;
	int64_t key[6];

	key_of(key, groups->by, sum);
	group = find(groups->first, key);
	if (!group) {
		group = calloc(1, sizeof(*group));
		if (!group)
			return -ENOMEM;
		memcpy(group->key, key, sizeof(key));
		group->last = key[0];
		group->ids = 1;
		if (insert(&groups->first, group)) {
			free(group);
			return -ENOMEM;
		}
	}
	query_sums_join(&group->sums, &sum->sums);
	group->sums.verdicts[sum->key.verdict] += sum->sums.connections;
	return 0;
}

/* What makes actors one row. Those that the store does not know any more are one. */
static void actor_key(int64_t key[6], enum query_by by, sqlite3_stmt *actor)
{
	enum { UID, USER, EXE, SCRIPT, OTHER, SERVICE, CONTAINER, CGROUP, COLUMNS };
	int64_t is[COLUMNS];

	for (int i = 0; i < COLUMNS; i++)
		is[i] = sqlite3_column_int64(actor, i);
	switch (by) {
	case QUERY_BY_WHO:
		key[0] = is[UID];
		key[1] = is[USER];
		key[2] = is[SCRIPT] ? is[SCRIPT] : is[EXE];
		key[3] = is[SCRIPT] ? is[OTHER] : -1;
		key[4] = is[SERVICE];
		key[5] = is[CONTAINER];
		return;
	case QUERY_BY_USER:
		key[0] = is[UID];
		key[1] = is[USER];
		return;
	case QUERY_BY_EXE:
		key[0] = is[EXE];
		return;
	case QUERY_BY_SCRIPT:
		key[0] = is[SCRIPT];
		key[1] = is[OTHER];
		return;
	case QUERY_BY_SERVICE:
		key[0] = is[SERVICE];
		return;
	case QUERY_BY_CONTAINER:
		key[0] = is[CONTAINER];
		return;
	default:
		key[0] = is[CGROUP];
		return;
	}
}

/* What the store knows of it; SQLITE_ROW, or SQLITE_DONE: nothing. Another step is an error of the store's. */
static int look_up(struct query_store *store, sqlite3_stmt *known)
{
	int rc = sqlite3_step(known);

	return rc == SQLITE_ROW || rc == SQLITE_DONE ? rc : query_failed(store, rc);
}

static int final_actor(int64_t key[6], enum query_by by, struct query_store *store,
		       sqlite3_stmt *known, const struct query_group *group)
{
	int rc;

	query_bind_int(known, ":id", group->key[0]);
	rc = look_up(store, known);
	if (rc < 0)
		return rc;
	memset(key, 0, sizeof(group->key));
	if (rc == SQLITE_ROW)
		actor_key(key, by, known);
	else
		key[5] = ADDRESS;
	return 0;
}

/* An address gets the id of its text, if there is one. */
static int final_destination(int64_t key[6], struct query_store *store, sqlite3_stmt *known,
			     const struct query_group *group)
{
	struct bytes address = query_group_address(group);
	char text[48];
	int rc;

	memcpy(key, group->key, sizeof(group->key));
	if (!address.length || !query_address(text, address))
		return 0;
	query_bind_bytes(known, ":text", bytes_of(text));
	rc = look_up(store, known);
	if (rc != SQLITE_ROW)
		return rc < 0 ? rc : 0;
	memset(key, 0, sizeof(group->key));
	key[0] = sqlite3_column_int64(known, 0);
	return 0;
}

/* Into the groups of `first`, which has no two of one key. The group is gone, whatever comes of it. */
static int move(struct query_group **first, struct query_group *group, const int64_t key[6])
{
	struct query_group *there = find(*first, key);
	int rc = 0;

	if (!there) {
		memcpy(group->key, key, sizeof(group->key));
		rc = insert(first, group);
		if (rc)
			free(group);
		return rc;
	}
	query_sums_join(&there->sums, &group->sums);
	there->ids += group->ids;
	if (group->last > there->last)
		there->last = group->last;
	free(group);
	return 0;
}

static int put_together(struct query_groups *groups, struct query_store *store, sqlite3_stmt *known)
{
	struct query_group *from = groups->first, *group;
	int64_t key[6];
	int rc = 0;

	groups->first = NULL;
	while ((group = from) && !rc) {
		sqlite3_reset(known);
		rc = groups->by == QUERY_BY_DESTINATION
			     ? final_destination(key, store, known, group)
			     : final_actor(key, groups->by, store, known, group);
		if (rc)
			break;
		HASH_DEL(from, group);
		rc = move(&groups->first, group, key);
	}
	HASH_FREE(from);
	return rc;
}

static int by_number(const struct query_group *left, const struct query_group *right)
{
	return memcmp(left->key, right->key, sizeof(left->key)) == 0 ? 0
	       : left->key[0] < right->key[0]			     ? -1
								     : 1;
}

/* Those that went round the MTA first: that is what is looked for. */
static int by_round(const struct query_group *left, const struct query_group *right)
{
	uint64_t a = query_round(&left->sums), b = query_round(&right->sums);

	if (a == b) {
		a = left->sums.connections;
		b = right->sums.connections;
	}
	if (a != b)
		return a > b ? -1 : 1;
	return left->last < right->last ? -1 : left->last > right->last;
}

int query_groups_settle(struct query_groups *groups, struct query_store *store)
{
	const bool actor = query_by_actor(groups->by);
	sqlite3_stmt *known = NULL;
	int rc = 0;

	if (actor)
		rc = query_prepare(
			store,
			"SELECT uid, user, exe, script, other, service, container, cgroup "
			"FROM actor WHERE id = :id",
			&known);
	else if (groups->by == QUERY_BY_DESTINATION)
		rc = query_prepare(store, "SELECT id FROM text WHERE bytes = :text", &known);
	if (!rc && known)
		rc = put_together(groups, store, known);
	sqlite3_finalize(known);
	if (groups->by == QUERY_BY_HOUR)
		HASH_SORT(groups->first, by_number);
	else
		HASH_SORT(groups->first, by_round);
	return rc;
}

void query_groups_free(struct query_groups *groups)
{
	HASH_FREE(groups->first);
}
