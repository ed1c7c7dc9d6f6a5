/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * queue_list.h - what an MTA's own tool says of its queue
 */
#ifndef SMTPSNOOP_QUEUE_LIST_H
#define SMTPSNOOP_QUEUE_LIST_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/frame.h"

#define QUEUE_UNTOLD -1

struct queue_list {
	uint64_t messages;
	int64_t deferred, held; /* of them; QUEUE_UNTOLD = this MTA's list doesn't say */
	int64_t oldest; /* Unix seconds; 0 = not known */
};

/*
 * Reads the output of `postqueue -j`, `exim -bp`, `sendmail -bp` or `smtpctl show queue`, also one that is cut. Times without a year are
 * the last such before `now`, and `zone` seconds east of UTC. No text of it is kept.
 */
void queue_list_read(enum queue_mta mta, struct bytes text, int64_t now, int32_t zone,
		     struct queue_list *list);

#endif
