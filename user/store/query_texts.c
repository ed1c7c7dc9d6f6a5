/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * query_texts.c - what the ids in a store stand for
 *
 * An id that stands for nothing any more gives nothing: a text that retention took, or a store that somebody wrote into. Without memory
 * the answer is an error.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/query_internal.h"

int query_texts_begin(struct query_store *store, struct query_texts *texts)
{
	int rc;

	memset(texts, 0, sizeof(*texts));
	rc = query_prepare(
		store,
		"SELECT uid, u.bytes, e.bytes, s.bytes, w.bytes, v.bytes, n.bytes, g.bytes "
		"FROM actor a LEFT JOIN text u ON u.id = a.user "
		"LEFT JOIN text e ON e.id = a.exe LEFT JOIN text s ON s.id = a.script "
		"LEFT JOIN text w ON w.id = a.other "
		"LEFT JOIN text v ON v.id = a.service "
		"LEFT JOIN text n ON n.id = a.container "
		"LEFT JOIN text g ON g.id = a.cgroup WHERE a.id = :id",
		&texts->actor);
	if (!rc)
		rc = query_prepare(store, "SELECT bytes FROM text WHERE id = :id", &texts->text);
	if (rc)
		query_texts_end(texts);
	return rc;
}

void query_texts_end(struct query_texts *texts)
{
	sqlite3_finalize(texts->actor);
	sqlite3_finalize(texts->text);
	memset(texts, 0, sizeof(*texts));
}

/* 1 = there is a row. */
static int look_up(struct query_store *store, sqlite3_stmt *statement, int64_t id)
{
	int rc;

	sqlite3_reset(statement);
	query_bind_int(statement, ":id", id);
	rc = sqlite3_step(statement);
	if (rc == SQLITE_ROW)
		return 1;
	return rc == SQLITE_DONE ? 0 : query_failed(store, rc);
}

int query_actor_texts(struct query_store *store, struct query_texts *texts, int64_t id,
		      struct query_actor *actor, char **memory)
{
	struct bytes *const all[] = {&actor->user,  &actor->exe,     &actor->script,
				     &actor->with,  &actor->service, &actor->container,
				     &actor->cgroup};
	const int count = sizeof(all) / sizeof(all[0]);
	int64_t uid;
	size_t size = 1;
	char *at;
	int rc;

	memset(actor, 0, sizeof(*actor));
	actor->id = id;
	actor->uid = QUERY_NO_UID;
	rc = look_up(store, texts->actor, id);
	if (rc != 1)
		return rc;
	uid = sqlite3_column_int64(texts->actor, 0);
	if (uid >= 0 && uid < QUERY_NO_UID)
		actor->uid = (uint32_t)uid;
	for (int i = 0; i < count; i++)
		size += query_bytes(texts->actor, 1 + i).length;
	at = *memory = malloc(size);
	if (!at)
		return -ENOMEM;
	for (int i = 0; i < count; i++) {
		struct bytes text = query_bytes(texts->actor, 1 + i);

		if (text.length)
			memcpy(at, text.at, text.length);
		*all[i] = (struct bytes){at, text.length};
		at += text.length;
	}
	return 0;
}

int query_text(struct query_store *store, struct query_texts *texts, int64_t id, char **memory,
	       struct bytes *text)
{
	struct bytes found;
	int rc = look_up(store, texts->text, id);

	*text = (struct bytes){NULL, 0};
	if (rc != 1)
		return rc;
	found = query_bytes(texts->text, 0);
	*memory = malloc(found.length + 1);
	if (!*memory)
		return -ENOMEM;
	if (found.length)
		memcpy(*memory, found.at, found.length);
	*text = (struct bytes){*memory, found.length};
	return 0;
}
