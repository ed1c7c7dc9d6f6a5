/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * text_queue.h - the queues of this host's MTAs in words
 */
#ifndef SMTPSNOOP_TEXT_QUEUE_H
#define SMTPSNOOP_TEXT_QUEUE_H

#include "present/text.h"
#include "store/queues.h"

/* Why it is not known, or not whole; not escaped. "" = it is whole. */
#define QUEUE_WHY (FRAME_SAID_MAX + 64)
void queue_why(char *out, size_t size, const struct mta_seen *mta);

/* "Postfix's queue: 3 messages, the oldest since 2026-11-28 03:12:11 (2 h), 1 deferred.", a line for each that was asked. */
void queues_print(const struct queues *queues, const struct text *text, int64_t unix_now);

#endif
