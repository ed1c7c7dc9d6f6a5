/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * queue_ask.h - asks this host's MTAs for their queues, beside the rest of a snapshot
 */
#ifndef SMTPSNOOP_QUEUE_ASK_H
#define SMTPSNOOP_QUEUE_ASK_H

#include "cmd/evidence.h"
#include "enrich/enrich.h"
#include "pass/channel.h"
#include "pass/rights.h"

struct queue_ask;

/*
 * Starts to ask, in a process of its own; `user` is who an MTA's tool runs as if that is enough for it. To be called while the rights to
 * become others are still there. NULL: there is no memory or no process for it, and the message is out.
 */
struct queue_ask *queue_ask_start(const struct enrich *enrich, const struct rights_user *user);

/*
 * Waits until all have answered or have had their time, and tells the other half, in FRAME_QUEUEs, and the evidence, if there is some. With
 * `writer` NULL it only waits. Frees it and makes it NULL, which is fine, too. 0, or what channel_write() returned.
 */
int queue_ask_end(struct queue_ask **asked, struct channel_writer *writer,
		  struct evidence *evidence);

#endif
