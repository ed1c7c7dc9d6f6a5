/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * events.h - event rows that wait for the disk
 */
#ifndef SMTPSNOOP_EVENTS_H
#define SMTPSNOOP_EVENTS_H

#include "base/limits.h"
#include "store/store.h"

struct waiting_event {
	struct waiting_event *next;
	int64_t time; /* Unix ns */
	enum store_event event;
	uint64_t number;
	char words[LIMIT_STORE_WORDS + 1];
};

/* All zero is an empty one. */
struct events {
	struct waiting_event *first;
	size_t count;
};

/* Behind the others; at the bound, and without memory, the number is added to the last one of its kind. */
void events_add(struct events *events, enum store_event event, uint64_t number, const char *words,
		int64_t now);
void events_add_first(struct events *events, enum store_event event, int64_t now);
void events_clear(struct events *events);

#endif
