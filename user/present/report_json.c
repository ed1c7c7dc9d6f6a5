/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report_json.c - a report as one JSON object on one line; and one connection's record
 *
 * Absent is what is not known, as in records. A record out of the store is written anew, and not handed on: what lies there is not
 * trusted to be escaped. Nothing is fatal.
 */
#include <errno.h>
#include <string.h>

#include "base/number.h"
#include "present/json_read.h"
#include "present/record.h"
#include "present/report.h"
#include "store/store.h"

static void json_sums(struct json *json, enum query_by by, const struct query_sums *sums)
{
	json_number(json, "connections", sums->connections);
	json_open_object(json, "verdicts");
	for (int i = 0; i < VERDICT_CLASSES; i++)
		if (sums->verdicts[i])
			json_number(json, verdict_name((enum verdict_class)i), sums->verdicts[i]);
	json_close(json);
	json_number(json, "messages", sums->messages);
	json_number(json, "accepted", sums->accepted);
	json_number(json, "recipients", sums->recipients);
	json_number(json, "refused", sums->refused);
	if (query_by_value(by))
		return;
	json_number(json, "attempts_only", sums->attempts_only);
	json_number(json, "refusals", sums->refusals);
	json_number(json, "blocklisted", sums->blocklisted);
	if (sums->first)
		json_time(json, "first", sums->first);
	if (sums->last)
		json_time(json, "last", sums->last);
}

static void known_text(struct json *json, const char *key, struct bytes text)
{
	if (text.length)
		json_bytes(json, key, text.at, text.length);
}

static void json_user(struct json *json, const struct query_actor *actor)
{
	if (actor->uid != QUERY_NO_UID)
		json_number(json, "uid", actor->uid);
	known_text(json, "user", actor->user);
}

static void json_key(struct json *json, enum query_by by, const struct query_row *row)
{
	const struct query_actor *actor = &row->actor;

	switch (by) {
	case QUERY_BY_WHO:
		json_number(json, "actor", (uint64_t)actor->id);
		json_user(json, actor);
		known_text(json, "script", actor->script);
		known_text(json, "with", actor->with);
		known_text(json, "exe", actor->exe);
		known_text(json, "service", actor->service);
		known_text(json, "container", actor->container);
		break;
	case QUERY_BY_USER:
		json_user(json, actor);
		break;
	case QUERY_BY_EXE:
		known_text(json, "exe", actor->exe);
		break;
	case QUERY_BY_SCRIPT:
		known_text(json, "script", actor->script);
		known_text(json, "with", actor->with);
		break;
	case QUERY_BY_SERVICE:
		known_text(json, "service", actor->service);
		break;
	case QUERY_BY_CONTAINER:
		known_text(json, "container", actor->container);
		break;
	case QUERY_BY_CGROUP:
		known_text(json, "cgroup", actor->cgroup);
		break;
	case QUERY_BY_VERDICT:
		json_text(json, "verdict", verdict_name(row->verdict));
		break;
	case QUERY_BY_HOUR:
		json_time(json, "hour", row->hour);
		break;
	default:
		known_text(json, query_by_name(by), row->value);
		break;
	}
}

static void json_rest(struct json *json, const char *key, enum query_by by,
		      const struct query_sums *sums)
{
	if (!sums->connections)
		return;
	json_open_object(json, key);
	json_sums(json, by, sums);
	json_close(json);
}

static void json_part(struct json *json, const char *key, const struct report_part *part)
{
	const struct query_table *table = &part->table;

	if (!part->asked)
		return;
	json_open_object(json, key);
	json_text(json, "by", query_by_name(table->by));
	if (part->failed) {
		json_text(json, "error", part->error);
		json_close(json);
		return;
	}
	json_time(json, "since", table->plan.since);
	if (table->plan.until != INT64_MAX)
		json_time(json, "until", table->plan.until);
	json_number(json, "groups", table->groups);
	json_open_array(json, "rows");
	json_keep(json);
	for (unsigned int i = 0; i < table->count; i++) {
		json_open_object(json, NULL);
		json_key(json, table->by, &table->rows[i]);
		json_sums(json, table->by, &table->rows[i].sums);
		json_close(json);
	}
	json_close(json);
	json_rest(json, "rest", table->by, &table->rest);
	json_rest(json, "others", table->by, &table->others);
	json_rest(json, "all", table->by, &table->all);
	json_close(json);
}

static void json_gaps(struct json *json, const struct query_known *known)
{
	json_open_array(json, "gaps");
	json_keep(json);
	for (unsigned int i = 0; i < known->gap_count; i++) {
		const struct query_gap *gap = &known->gaps[i];

		json_open_object(json, NULL);
		json_time(json, "since", gap->since);
		if (gap->until != INT64_MAX)
			json_time(json, "until", gap->until);
		json_bool(json, "unclean", gap->unclean);
		json_close(json);
	}
	json_close(json);
}

static const char *event_name(int kind)
{
	static const char *const names[] = {
		[STORE_EVENT_STARTED] = "started",
		[STORE_EVENT_ENDED] = "ended",
		[STORE_EVENT_LOST_KERNEL] = "lost-kernel",
		[STORE_EVENT_LOST_STORE] = "lost-store",
		[STORE_EVENT_CLOCK] = "clock",
		[STORE_EVENT_ADOPTED] = "adopted",
		[STORE_EVENT_UNCLEAN] = "unclean",
		[STORE_EVENT_DAMAGED] = "damaged",
	};
	const int count = sizeof(names) / sizeof(names[0]);

	return kind > 0 && kind < count ? names[kind] : "unknown";
}

static void json_events(struct json *json, const struct query_known *known)
{
	json_open_array(json, "events");
	json_keep(json);
	for (unsigned int i = 0; i < known->count; i++) {
		const struct query_event *event = &known->events[i];

		json_open_object(json, NULL);
		json_time(json, "time", event->time);
		json_text(json, "kind", event_name(event->kind));
		if (event->kind == STORE_EVENT_CLOCK && event->number < 0)
			json_number(json, "back_ns", -(uint64_t)event->number);
		else if (event->kind == STORE_EVENT_CLOCK)
			json_number(json, "ahead_ns", (uint64_t)event->number);
		else
			json_number(json, "number", (uint64_t)event->number);
		known_text(json, "words", event->words);
		json_close(json);
	}
	json_close(json);
}

static void json_extent(struct json *json, const struct query_extent *extent)
{
	json_open_object(json, "store");
	if (extent->created)
		json_time(json, "created", extent->created);
	if (extent->first)
		json_time(json, "first", extent->first);
	if (extent->last)
		json_time(json, "last", extent->last);
	if (extent->details_since)
		json_time(json, "details_since", extent->details_since);
	if (extent->days_since)
		json_time(json, "values_since", extent->days_since);
	json_close(json);
}

static void json_connections(struct json *json, const char *key,
			     const struct report_connection *connections, unsigned int count)
{
	json_open_array(json, key);
	for (unsigned int i = 0; i < count; i++) {
		const struct report_connection *connection = &connections[i];

		json_open_object(json, NULL);
		json_number(json, "seq", (uint64_t)connection->seq);
		json_time(json, "start", connection->start);
		json_text(json, "verdict", verdict_name(connection->verdict));
		json_text(json, "destination", connection->destination);
		if (connection->helo[0])
			json_text(json, "helo", connection->helo);
		if (connection->reply[0])
			json_text(json, "reply", connection->reply);
		json_number(json, "messages", connection->messages);
		json_number(json, "accepted", connection->accepted);
		json_number(json, "recipients", connection->recipients);
		json_number(json, "refused", connection->refused);
		json_close(json);
	}
	json_close(json);
}

void report_json(FILE *out, const struct report *report)
{
	static const char *const keys[REPORT_PARTS] = {
		[REPORT_VERDICTS] = "verdicts",
		[REPORT_ROWS] = "rows",
		[REPORT_DESTINATIONS] = "destinations",
		[REPORT_REPLIES] = "replies",
		[REPORT_HOURS] = "hours",
	};
	struct json json;

	json_begin(&json, out);
	json_time(&json, "@timestamp", report->now);
	json_number(&json, "v", RECORD_VERSION);
	json_open_object(&json, "host");
	if (report->host[0])
		json_text(&json, "name", report->host);
	json_close(&json);
	json_open_object(&json, "event");
	json_text(&json, "kind", "event");
	json_text(&json, "action", "report");
	json_close(&json);
	json_open_object(&json, "report");
	json_time(&json, "since", report->query->since);
	json_time(&json, "until",
		  report->query->until == INT64_MAX ? report->now : report->query->until);
	json_extent(&json, &report->extent);
	for (int i = 0; i < REPORT_PARTS; i++)
		json_part(&json, report->kind == REPORT_TABLE || i != REPORT_ROWS ? keys[i] : "who",
			  &report->parts[i]);
	json_connections(&json, "first", report->first, report->first_count);
	json_connections(&json, "last", report->last, report->last_count);
	if (!report->known_failed) {
		json_gaps(&json, &report->known);
		json_events(&json, &report->known);
	}
	json_close(&json);
	json_end(&json);
}

static void nothing(void *context, const struct json_item *item)
{
	(void)context;
	(void)item;
}

struct copy {
	struct json json;
	unsigned int depth;
};

static void copy_number(struct json *json, const struct json_item *item)
{
	char digits[24];
	uint64_t number;

	/* Records have whole numbers only; what is none is kept as text. */
	snprintf(digits, sizeof(digits), "%.*s", (int)item->value.length, item->value.at);
	if (item->value.length < sizeof(digits) &&
	    number_parse(digits, 0, UINT64_MAX, &number) == 0)
		json_number(json, item->key, number);
	else
		json_bytes(json, item->key, item->value.at, item->value.length);
}

/* The record's own braces are json_begin()'s and json_end()'s. */
static void copy_item(void *context, const struct json_item *item)
{
	struct copy *copy = context;
	struct json *json = &copy->json;

	switch (item->kind) {
	case JSON_IS_OBJECT:
	case JSON_IS_ARRAY:
		if (!copy->depth++)
			break;
		(item->kind == JSON_IS_OBJECT ? json_open_object : json_open_array)(json,
										    item->key);
		json_keep(json);
		break;
	case JSON_IS_CLOSED:
		if (--copy->depth)
			json_close(json);
		break;
	case JSON_IS_STRING:
		json_bytes(json, item->key, item->value.at, item->value.length);
		break;
	case JSON_IS_NUMBER:
		copy_number(json, item);
		break;
	case JSON_IS_TRUE:
	case JSON_IS_FALSE:
		json_bool(json, item->key, item->kind == JSON_IS_TRUE);
		break;
	case JSON_IS_NULL:
		break;
	}
}

int report_record_json(FILE *out, struct bytes record)
{
	struct copy copy = {.depth = 0};
	int rc = json_read(record, nothing, NULL);

	if (rc)
		return rc;
	json_begin(&copy.json, out);
	json_read(record, copy_item, &copy);
	json_end(&copy.json);
	return 0;
}
