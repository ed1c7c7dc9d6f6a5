/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * queue.c - rows that wait for the disk
 *
 * One allocation a row, for it and all its texts. What is long is packed before it waits: that is done once however often the
 * row is tried.
 */
#include "store/queue.h"

#include <errno.h>
#include <stdlib.h>

#include "base/limits.h"

#define TEXTS 11

/* The texts of a row, in one order for all. */
static void texts_of(struct store_row *row, struct bytes *texts[TEXTS])
{
	struct bytes *const all[TEXTS] = {
		&row->user,    &row->exe,	   &row->script,    &row->with,
		&row->service, &row->container,	   &row->cgroup,    &row->helo,
		&row->reply,   &row->process_json, &row->rest_json,
	};

	memcpy(texts, all, sizeof(all));
}

static void cut(struct bytes *text)
{
	if (text->length > LIMIT_STORE_TEXT)
		text->length = LIMIT_STORE_TEXT;
}

/* Behind the row, one after another. */
static void copy_texts(struct queued *queued)
{
	struct bytes *texts[TEXTS];
	char *at = (char *)(queued + 1);

	texts_of(&queued->row, texts);
	for (unsigned int i = 0; i < TEXTS; i++) {
		if (texts[i]->length)
			memcpy(at, texts[i]->at, texts[i]->length);
		texts[i]->at = at;
		at += texts[i]->length;
	}
}

/* Cuts what is too long. */
static size_t size_of(struct store_row *row)
{
	size_t size = sizeof(struct queued);
	struct bytes *texts[TEXTS];

	texts_of(row, texts);
	for (unsigned int i = 0; i < TEXTS; i++) {
		if (i < TEXTS - 2)
			cut(texts[i]);
		size += texts[i]->length;
	}
	return size;
}

int queue_add(struct queue *queue, struct pack *pack, const struct store_row *row, int64_t now)
{
	struct store_row ready = *row;
	struct queued *queued;
	size_t size;
	int error;

	if (row->process_json.length > LIMIT_STORE_JSON)
		return -E2BIG;
	/* Before it is packed: what is lost when there is too much to do must not cost the time of what is kept. */
	if (queue->count >= LIMIT_STORE_QUEUE ||
	    queue->bytes + size_of(&ready) > LIMIT_STORE_QUEUE_BYTES)
		return -ENOBUFS;
	error = pack_text(pack, row->rest_json, &ready.rest_json);
	if (error)
		return error;
	size = size_of(&ready);
	queued = malloc(size);
	if (!queued)
		return -ENOMEM;
	*queued = (struct queued){NULL, size, now, ready};
	if (queued->row.start < 0)
		queued->row.start = 0; /* days and hours count from 1970 */
	copy_texts(queued);
	if (queue->first)
		*queue->last = queued;
	else
		queue->first = queued;
	queue->last = &queued->next;
	queue->count++;
	queue->bytes += size;
	return 0;
}

void queue_drop(struct queue *queue, size_t count)
{
	while (count-- && queue->first) {
		struct queued *queued = queue->first;

		queue->first = queued->next;
		queue->count--;
		queue->bytes -= queued->size;
		free(queued);
	}
}
