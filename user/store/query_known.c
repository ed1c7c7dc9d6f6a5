/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * query_known.c - what a history does not know: when nobody collected, what was lost, what happened to the store
 *
 * Starts and ends become gaps. A collector that was killed says nothing: the next one does, and the gap begins with the last that was
 * heard. The order is that of writing, since clocks step. Without memory the answer is an error, never a part.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "store/query_internal.h"
#include "store/store.h"

struct walk {
	struct query_store *store;
	struct query_known *known;
	int64_t since, until;
	bool open, unclean; /* a gap has begun */
	int64_t begun;
	int64_t heard; /* the event before */
	size_t text_used;
};

static int add_gap(struct walk *walk, int64_t until)
{
	struct query_known *known = walk->known;
	struct query_gap *larger;

	walk->open = false;
	if (walk->begun >= until || until <= walk->since || walk->begun >= walk->until)
		return 0;
	larger = reallocarray(known->gaps, known->gap_count + 1, sizeof(*larger));
	if (!larger)
		return -ENOMEM;
	known->gaps = larger;
	known->gaps[known->gap_count++] = (struct query_gap){walk->begun, until, walk->unclean};
	return 0;
}

/* The last sign of life before `time`. */
static int heard_before(struct walk *walk, int64_t time, int64_t *heard)
{
	sqlite3_stmt *statement;
	int rc = query_prepare(
		walk->store,
		"SELECT max(coalesce((SELECT max(start) FROM connection WHERE start < "
		":time), 0), coalesce((SELECT max(last) FROM hour WHERE hour = "
		"(SELECT max(hour) FROM hour WHERE hour < :hour) AND last < :time), 0))",
		&statement);

	if (rc)
		return rc;
	query_bind_int(statement, ":time", time);
	query_bind_int(statement, ":hour", time / QUERY_HOUR);
	rc = sqlite3_step(statement);
	*heard = rc == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
	rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : query_failed(walk->store, rc);
	sqlite3_finalize(statement);
	if (walk->heard < time && walk->heard > *heard)
		*heard = walk->heard;
	return rc;
}

static int add_event(struct walk *walk, const struct query_event *event)
{
	struct query_known *known = walk->known;
	struct query_event *larger;

	if (event->time < walk->since || event->time >= walk->until)
		return 0;
	larger = reallocarray(known->events, known->count + 1, sizeof(*larger));
	if (!larger)
		return -ENOMEM;
	known->events = larger;
	known->events[known->count] = *event;
	if (event->words.length) {
		/* Where they lie is known once all are there. */
		char *texts = realloc(known->texts, walk->text_used + event->words.length);

		if (!texts)
			return -ENOMEM;
		memcpy(texts + walk->text_used, event->words.at, event->words.length);
		known->texts = texts;
		walk->text_used += event->words.length;
	}
	known->count++;
	return 0;
}

static int take_event(struct walk *walk, const struct query_event *event)
{
	int rc = 0;

	switch (event->kind) {
	case STORE_EVENT_STARTED:
		if (walk->open)
			rc = add_gap(walk, event->time);
		break;
	case STORE_EVENT_ENDED:
		walk->open = true;
		walk->unclean = false;
		walk->begun = event->time;
		break;
	case STORE_EVENT_UNCLEAN:
		walk->open = true;
		walk->unclean = true;
		rc = heard_before(walk, event->time, &walk->begun);
		break;
	default:
		rc = add_event(walk, event);
		break;
	}
	walk->heard = event->time;
	return rc;
}

static int take_events(struct walk *walk)
{
	sqlite3_stmt *statement;
	int step, rc = query_prepare(walk->store,
				     "SELECT time, kind, number, words FROM event ORDER BY seq",
				     &statement);

	if (rc)
		return rc;
	while (!rc && (step = sqlite3_step(statement)) != SQLITE_DONE) {
		struct query_event event;

		if (step != SQLITE_ROW) {
			rc = query_failed(walk->store, step);
			break;
		}
		event.time = sqlite3_column_int64(statement, 0);
		event.kind = sqlite3_column_int(statement, 1);
		event.number = sqlite3_column_int64(statement, 2);
		event.number += event.number == INT64_MIN; /* so that it has a counterpart */
		event.words = query_bytes(statement, 3);
		if (event.words.length > LIMIT_STORE_WORDS)
			event.words.length = LIMIT_STORE_WORDS;
		rc = take_event(walk, &event);
	}
	sqlite3_finalize(statement);
	if (!rc && walk->open)
		rc = add_gap(walk, INT64_MAX);
	return rc;
}

int query_known(struct query_store *store, int64_t since, int64_t until, struct query_known *known)
{
	struct walk walk = {.store = store, .known = known, .since = since, .until = until};
	size_t at = 0;
	int rc;

	memset(known, 0, sizeof(*known));
	rc = take_events(&walk);
	for (unsigned int i = 0; i < known->count && !rc; i++) {
		known->events[i].words.at = known->texts + at;
		at += known->events[i].words.length;
	}
	if (rc == -ENOMEM)
		query_failed(store, SQLITE_NOMEM);
	return rc;
}

void query_known_free(struct query_known *known)
{
	free(known->events);
	free(known->gaps);
	free(known->texts);
	memset(known, 0, sizeof(*known));
}
