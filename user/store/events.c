/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * events.c - event rows that wait for the disk
 */
#include "store/events.h"

#include <stdlib.h>
#include <string.h>

static struct waiting_event *event_new(enum store_event event, uint64_t number, const char *words,
				       int64_t now)
{
	struct waiting_event *fresh = calloc(1, sizeof(*fresh));

	if (!fresh)
		return NULL;
	fresh->time = now;
	fresh->event = event;
	fresh->number = number;
	if (words)
		memcpy(fresh->words, words, strnlen(words, LIMIT_STORE_WORDS));
	return fresh;
}

void events_add(struct events *events, enum store_event event, uint64_t number, const char *words,
		int64_t now)
{
	struct waiting_event **end = &events->first, *same = NULL, *fresh = NULL;

	for (; *end; end = &(*end)->next)
		if ((*end)->event == event)
			same = *end;
	if (!same || events->count < LIMIT_STORE_EVENTS)
		fresh = event_new(event, number, words, now);
	if (fresh) {
		*end = fresh;
		events->count++;
	} else if (same) {
		same->number += number;
		same->time = now;
	}
}

void events_add_first(struct events *events, enum store_event event, int64_t now)
{
	struct waiting_event *fresh = event_new(event, 0, NULL, now);

	if (!fresh)
		return;
	fresh->next = events->first;
	events->first = fresh;
	events->count++;
}

void events_clear(struct events *events)
{
	while (events->first) {
		struct waiting_event *next = events->first->next;

		free(events->first);
		events->first = next;
	}
	events->count = 0;
}
