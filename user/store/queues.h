/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * queues.h - the mail side of a snapshot: each MTA's queue, and its connections that are open
 */
#ifndef SMTPSNOOP_QUEUES_H
#define SMTPSNOOP_QUEUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/frame.h"
#include "base/limits.h"
#include "store/connection.h"
#include "store/queue_list.h"

struct mta_seen {
	char name[ENRICHMENT_NAME_MAX]; /* as the configuration has it: "postfix" */
	uint64_t connections; /* open, of those that were shown */
	enum tool_end end; /* how asking for its queue ended; TOOL_RUNS = it was not asked for */
	enum queue_mta mta; /* if it was asked for */
	int status;
	char said[FRAME_SAID_MAX]; /* by the tool, about an error; foreign bytes */
	bool listed; /* there is a list, if perhaps not to its end */
	struct queue_list list;
};

struct queues {
	struct mta_seen seen[LIMIT_MTAS]; /* those that find no room are not told */
	unsigned int count;
	char *text; /* of the queue in work */
	size_t used;
};

void queues_free(struct queues *queues); /* what it points to; zeros are fine */

/* FRAME_QUEUE. `now`: Unix seconds. 0, -EBADMSG: a size or text that is wrong, -ENOMEM. */
int queues_frame(struct queues *queues, const void *payload, size_t size, int64_t now);

/* Counts one of an MTA that is open. */
void queues_count(struct queues *queues, const struct connection *connection);

#endif
