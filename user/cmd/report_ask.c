/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report_ask.c - the questions that a report is made of
 *
 * One that takes too long does not take the answers of others with it.
 */
#include "cmd/report_ask.h"

#include <stdio.h>
#include <string.h>

#include "base/escape.h"
#include "present/json_read.h"

/* Those that an administrator looks for; where evidence is missing, one of them may be hidden. */
#define ROUND (1u << VERDICT_BYPASS | 1u << VERDICT_IMPOSTOR | 1u << VERDICT_UNKNOWN)

#define TABLES 8 /* at most, in one go */

struct asking {
	struct report *report;
	struct query_store *store;
	const struct report_options *options;
	struct query_want wants[TABLES];
	struct report_part *parts[TABLES]; /* that they are for */
	unsigned int count;
	const char *failed; /* the first sentence */
};

static void want(struct asking *asking, enum report_what what, enum query_by by, uint32_t verdicts,
		 unsigned int top)
{
	struct report_part *part = &asking->report->parts[what];

	part->asked = true;
	asking->parts[asking->count] = part;
	asking->wants[asking->count++] = (struct query_want){by, verdicts, top, &part->table};
}

/* What is wanted, in one go: the rows that all of them are made of are read once. */
static void ask(struct asking *asking)
{
	int rc = query_tables(asking->store, &asking->options->query, asking->wants, asking->count);

	for (unsigned int i = 0; i < asking->count && rc; i++) {
		struct report_part *part = asking->parts[i];

		part->failed = rc;
		snprintf(part->error, sizeof(part->error), "%s", query_error(asking->store));
		if (!asking->failed)
			asking->failed = part->error;
	}
	asking->count = 0;
}

/* Where to and what was answered, of those that there are. */
static void ask_values(struct asking *asking, uint32_t verdicts)
{
	const struct report_part *who = &asking->report->parts[REPORT_ROWS];
	const unsigned int top = asking->options->top_values;

	if (!who->failed && !who->table.all.connections)
		return;
	want(asking, REPORT_DESTINATIONS, QUERY_BY_DESTINATION, verdicts, top);
	want(asking, REPORT_REPLIES, QUERY_BY_REPLY, verdicts, top);
	ask(asking);
}

/* What a page has beyond an overview: when, who in other words, and what was as it should be. */
static void want_page(struct asking *asking, uint32_t verdicts)
{
	const struct report_options *options = asking->options;
	const uint32_t own = options->query.verdicts & ~ROUND;

	want(asking, REPORT_HOURS, QUERY_BY_HOUR, verdicts, LIMIT_REPORT_ROWS);
	want(asking, REPORT_USERS, QUERY_BY_USER, verdicts, options->top);
	want(asking, REPORT_SERVICES, QUERY_BY_SERVICE, verdicts, options->top);
	if (options->verdicts)
		return;
	want(asking, REPORT_OWN, QUERY_BY_WHO, own, options->top);
	want(asking, REPORT_OWN_HOURS, QUERY_BY_HOUR, own, LIMIT_REPORT_ROWS);
}

static void overview(struct asking *asking)
{
	const struct report_options *options = asking->options;
	uint32_t verdicts = options->query.verdicts;

	want(asking, REPORT_VERDICTS, QUERY_BY_VERDICT, verdicts, VERDICT_CLASSES);
	if (!options->verdicts)
		verdicts &= ROUND;
	want(asking, REPORT_ROWS, QUERY_BY_WHO, verdicts, options->top);
	if (options->html)
		want_page(asking, verdicts);
	ask(asking);
	if (!asking->report->parts[REPORT_ROWS].failed &&
	    !asking->report->parts[REPORT_ROWS].table.all.connections)
		asking->report->parts[REPORT_USERS].asked =
			asking->report->parts[REPORT_SERVICES].asked = false;
	ask_values(asking, verdicts);
}

/* Where they are to go, and how many are there. */
struct taking {
	const struct report *report; /* has the first ones: no last one is one of them */
	struct report_connection *to;
	unsigned int count;
};

static bool is_first(const struct report *report, int64_t seq)
{
	for (unsigned int i = 0; i < report->first_count; i++)
		if (report->first[i].seq == seq)
			return true;
	return false;
}

static void take(void *context, const struct query_connection *from)
{
	struct taking *taking = context;
	struct report_connection *to;

	if (taking->count == LIMIT_REPORT_FIRST || is_first(taking->report, from->seq))
		return;
	to = &taking->to[taking->count++];
	to->seq = from->seq;
	to->start = from->start;
	to->verdict = from->verdict;
	snprintf(to->destination, sizeof(to->destination),
		 strchr(from->destination, ':') ? "[%s]:%u" : "%s:%u", from->destination,
		 from->port);
	to->messages = from->messages;
	to->accepted = from->accepted;
	to->recipients = from->recipients;
	to->refused = from->refused;
	escape_text(to->helo, sizeof(to->helo), from->helo.at, from->helo.length, NULL);
	escape_text(to->reply, sizeof(to->reply), from->reply.at, from->reply.length, NULL);
}

static void ask_connections(struct asking *asking, const struct query *query, bool last)
{
	struct report *report = asking->report;
	struct taking taking = {report, last ? report->last : report->first, 0};

	if (query_connections(asking->store, query, last, LIMIT_REPORT_FIRST, take, &taking) &&
	    !asking->failed)
		asking->failed = query_error(asking->store);
	*(last ? &report->last_count : &report->first_count) = taking.count;
}

static void actor(struct asking *asking)
{
	const struct report_options *options = asking->options;
	const struct query *query = &options->query;

	want(asking, REPORT_ROWS, QUERY_BY_WHO, query->verdicts, options->top);
	want(asking, REPORT_HOURS, QUERY_BY_HOUR, query->verdicts, LIMIT_REPORT_ROWS);
	ask(asking);
	if (!asking->report->parts[REPORT_ROWS].table.all.connections)
		return;
	ask_values(asking, query->verdicts);
	ask_connections(asking, query, false);
	ask_connections(asking, query, true);
}

static void take_seq(void *context, const struct query_connection *connection)
{
	*(int64_t *)context = connection->seq;
}

static void take_host(void *context, const struct json_item *item)
{
	struct report *report = context;

	if (item->kind == JSON_IS_STRING && strcmp(item->path, "host.name") == 0)
		escape_text(report->host, sizeof(report->host), item->value.at, item->value.length,
			    NULL);
}

/* The store's host, which need not be this one: the last record says it. Without a record nobody knows. */
static void ask_host(struct asking *asking)
{
	const struct query any = {.verdicts = ~0u, .until = INT64_MAX};
	int64_t seq = 0;
	struct bytes json;

	if (!query_connections(asking->store, &any, true, 1, take_seq, &seq) && seq &&
	    !query_record(asking->store, seq, &json))
		json_read(json, take_host, asking->report);
}

const char *report_ask(struct report *report, struct query_store *store,
		       const struct report_options *options, int64_t now)
{
	const struct query *query = &options->query;
	struct asking asking = {.report = report, .store = store, .options = options};

	memset(report, 0, sizeof(*report));
	report->kind = options->kind;
	report->query = query;
	report->selected = options->selected;
	report->verdicts = options->verdicts;
	report->now = now;
	report->extent = *query_extent(store);
	ask_host(&asking);
	if (options->kind == REPORT_OVERVIEW) {
		overview(&asking);
	} else if (options->kind == REPORT_ACTOR) {
		actor(&asking);
	} else {
		want(&asking, REPORT_ROWS, query->by, query->verdicts, options->top);
		ask(&asking);
	}
	report->known_failed = query_known(store, query->since,
					   query->until < now ? query->until : now, &report->known);
	if (report->known_failed && !asking.failed)
		asking.failed = query_error(store);
	return asking.failed;
}
