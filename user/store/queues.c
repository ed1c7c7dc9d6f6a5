/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * queues.c - the mail side of a snapshot: each MTA's queue, and its connections that are open
 *
 * A listing comes in pieces, one MTA after another, and is read when it is over. Nothing is fatal.
 */
#include "store/queues.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[QUEUE_MTAS] = {
	[QUEUE_POSTFIX] = "postfix",
	[QUEUE_EXIM] = "exim",
	[QUEUE_SENDMAIL] = "sendmail",
	[QUEUE_OPENSMTPD] = "opensmtpd",
};

void queues_free(struct queues *queues)
{
	free(queues->text);
}

/* NULL: there is no room. */
static struct mta_seen *find_or_add(struct queues *queues, const char *name)
{
	for (unsigned int i = 0; i < queues->count; i++)
		if (strcmp(queues->seen[i].name, name) == 0)
			return &queues->seen[i];
	if (queues->count == LIMIT_MTAS)
		return NULL;
	strncpy(queues->seen[queues->count].name, name, ENRICHMENT_NAME_MAX - 1);
	return &queues->seen[queues->count++];
}

static int add_text(struct queues *queues, const char *bytes, size_t size)
{
	if (size > LIMIT_QUEUE_BYTES - queues->used)
		return -EBADMSG;
	if (!queues->text)
		queues->text = malloc(LIMIT_QUEUE_BYTES);
	if (!queues->text)
		return -ENOMEM;
	memcpy(queues->text + queues->used, bytes, size);
	queues->used += size;
	return 0;
}

int queues_frame(struct queues *queues, const void *payload, size_t size, int64_t now)
{
	struct frame_queue queue;
	struct mta_seen *seen;
	int rc;

	if (size < sizeof(queue))
		return -EBADMSG;
	memcpy(&queue, payload, sizeof(queue));
	if (queue.mta >= QUEUE_MTAS || queue.end > TOOL_OVER ||
	    !memchr(queue.said, '\0', sizeof(queue.said)))
		return -EBADMSG;
	rc = add_text(queues, (const char *)payload + sizeof(queue), size - sizeof(queue));
	if (rc || queue.end == TOOL_RUNS)
		return rc;
	seen = find_or_add(queues, names[queue.mta]);
	if (seen) {
		seen->mta = (enum queue_mta)queue.mta;
		seen->end = (enum tool_end)queue.end;
		seen->status = queue.status;
		memcpy(seen->said, queue.said, sizeof(seen->said));
		seen->listed = queue.end == TOOL_DONE || queues->used;
		queue_list_read(seen->mta, (struct bytes){queues->text, queues->used}, now,
				queue.zone, &seen->list);
	}
	queues->used = 0;
	return 0;
}

void queues_count(struct queues *queues, const struct connection *connection)
{
	const struct process *process =
		connection->sender ? connection->sender : connection->opener;
	struct mta_seen *seen;

	if (connection->verdict.class != VERDICT_MTA || connection->closed || !process)
		return;
	seen = find_or_add(queues, process->extra.mta);
	if (seen)
		seen->connections++;
}
