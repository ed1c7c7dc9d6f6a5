/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * queue.h - rows that wait for the disk
 */
#ifndef SMTPSNOOP_QUEUE_H
#define SMTPSNOOP_QUEUE_H

#include "store/pack.h"
#include "store/store.h"

struct queued {
	struct queued *next;
	size_t size; /* of this, with the texts behind it */
	int64_t added; /* Unix ns */
	struct store_row row; /* its texts are behind it; rest_json is packed */
};

/* All zero is an empty one. */
struct queue {
	struct queued *first, **last;
	size_t count, bytes;
};

/* Copies the row, with its texts cut at LIMIT_STORE_TEXT. 0, -ENOBUFS: no room, or -ENOMEM, -E2BIG. */
int queue_add(struct queue *queue, struct pack *pack, const struct store_row *row, int64_t now);
void queue_drop(struct queue *queue, size_t count); /* the first ones */

#endif
