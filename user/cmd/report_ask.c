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

struct asking {
	struct report *report;
	struct query_store *store;
	const char *failed; /* the first sentence */
};

static void ask(struct asking *asking, enum report_what what, const struct query *query,
		enum query_by by, unsigned int top)
{
	struct report_part *part = &asking->report->parts[what];
	struct query one = *query;

	one.by = by;
	part->asked = true;
	part->failed = query_table(asking->store, &one, top, &part->table);
	if (!part->failed)
		return;
	snprintf(part->error, sizeof(part->error), "%s", query_error(asking->store));
	if (!asking->failed)
		asking->failed = part->error;
}

/* Where to and what was answered, of those that there are. */
static void ask_values(struct asking *asking, const struct query *query, unsigned int top)
{
	const struct report_part *who = &asking->report->parts[REPORT_ROWS];

	if (!who->failed && !who->table.all.connections)
		return;
	ask(asking, REPORT_DESTINATIONS, query, QUERY_BY_DESTINATION, top);
	ask(asking, REPORT_REPLIES, query, QUERY_BY_REPLY, top);
}

static void overview(struct asking *asking, const struct report_options *options)
{
	struct query query = options->query;

	ask(asking, REPORT_VERDICTS, &query, QUERY_BY_VERDICT, VERDICT_CLASSES);
	if (!options->verdicts)
		query.verdicts &= ROUND;
	ask(asking, REPORT_ROWS, &query, QUERY_BY_WHO, options->top);
	ask_values(asking, &query, options->top_values);
}

/* What a page has beyond that: when, who in other words, and what was as it should be. */
static void page(struct asking *asking, const struct report_options *options)
{
	struct query query = options->query;

	if (options->verdicts) {
		ask(asking, REPORT_HOURS, &query, QUERY_BY_HOUR, LIMIT_REPORT_ROWS);
	} else {
		query.verdicts = options->query.verdicts & ROUND;
		ask(asking, REPORT_HOURS, &query, QUERY_BY_HOUR, LIMIT_REPORT_ROWS);
		query.verdicts = options->query.verdicts & ~ROUND;
		ask(asking, REPORT_OWN, &query, QUERY_BY_WHO, options->top);
		ask(asking, REPORT_OWN_HOURS, &query, QUERY_BY_HOUR, LIMIT_REPORT_ROWS);
		query.verdicts = options->query.verdicts & ROUND;
	}
	if (!asking->report->parts[REPORT_ROWS].table.all.connections)
		return;
	ask(asking, REPORT_USERS, &query, QUERY_BY_USER, options->top);
	ask(asking, REPORT_SERVICES, &query, QUERY_BY_SERVICE, options->top);
}

/* Where they are to go, and how many are there. */
struct taking {
	struct report_connection *to;
	unsigned int count;
};

static void take(void *context, const struct query_connection *from)
{
	struct taking *taking = context;
	struct report_connection *to;

	if (taking->count == LIMIT_REPORT_FIRST)
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
	struct taking taking = {last ? report->last : report->first, 0};

	if (query_connections(asking->store, query, last, LIMIT_REPORT_FIRST, take, &taking) &&
	    !asking->failed)
		asking->failed = query_error(asking->store);
	*(last ? &report->last_count : &report->first_count) = taking.count;
}

static void actor(struct asking *asking, const struct report_options *options)
{
	const struct query *query = &options->query;

	ask(asking, REPORT_ROWS, query, QUERY_BY_WHO, options->top);
	if (!asking->report->parts[REPORT_ROWS].table.all.connections)
		return;
	ask(asking, REPORT_HOURS, query, QUERY_BY_HOUR, LIMIT_REPORT_ROWS);
	ask_values(asking, query, options->top_values);
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
	struct asking asking = {.report = report, .store = store};

	memset(report, 0, sizeof(*report));
	report->kind = options->kind;
	report->query = query;
	report->selected = options->selected;
	report->verdicts = options->verdicts;
	report->now = now;
	report->extent = *query_extent(store);
	ask_host(&asking);
	if (options->kind == REPORT_OVERVIEW) {
		overview(&asking, options);
		if (options->html)
			page(&asking, options);
	} else if (options->kind == REPORT_ACTOR) {
		actor(&asking, options);
	} else {
		ask(&asking, REPORT_ROWS, query, query->by, options->top);
	}
	report->known_failed = query_known(store, query->since,
					   query->until < now ? query->until : now, &report->known);
	if (report->known_failed && !asking.failed)
		asking.failed = query_error(store);
	return asking.failed;
}
