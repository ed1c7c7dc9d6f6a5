/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hear.h - the unprivileged half of a live mode: reads the channel, parses, judges, and hands on
 */
#ifndef SMTPSNOOP_HEAR_H
#define SMTPSNOOP_HEAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/frame.h"
#include "cmd/trace_options.h"
#include "store/connection.h"

/* What is made of it. NULL: the mode has none of that. */
struct hear_to {
	void (*start)(void *context, const struct frame_start *start);
	void (*loss)(void *context, const struct event_counters *counters);
	/* A frame of one mode's own. 0 or -EBADMSG. */
	int (*frame)(void *context, uint16_t kind, const void *payload, size_t size);
	/* Every connection was handed on. The status to exit with. */
	int (*end)(void *context, const struct frame_end *end, const struct frame_loss_row *rows,
		   size_t count);
	/* Before it waits: ns until it wants to be called again, UINT64_MAX = any time. */
	uint64_t (*tick)(void *context);
	bool (*round)(
		void *context); /* after it has waited, and read what came. False: it can't go on */
};

struct hear {
	const struct hear_to *to;
	void *context;
	struct judge *judge;
	struct table *table;
	/* As the last batch has it. */
	uint64_t now;
	int64_t wall_minus_boot;
	bool started, ended;
	bool quiet; /* nothing came */
	int status; /* once it has ended */
	/* Of a configuration that was read again. */
	struct config *config; /* NULL = it was not */
	char *text;
	uint32_t text_used, text_size;
};

/* table: its judge is set here. 0, or -ENOMEM: then hear_free() it. */
int hear_init(struct hear *hear, const struct config *config, const struct hear_to *to,
	      void *context, struct table_options *table);
void hear_free(struct hear *hear);

/* Signals that stop the trace are for the other half, and so is the end of whom we write to: before rights are given up. */
void hear_no_signals(void);

/* Until the other half has ended; then no connection is in the table any more. The status to exit with; messages are out. */
int hear_run(struct hear *hear, int channel);

#endif
