/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report.c - what the forms of a report share: names and times in words
 *
 * Pure. Nothing is fatal.
 */
#include "present/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

void report_free(struct report *report)
{
	for (int i = 0; i < REPORT_PARTS; i++)
		query_table_free(&report->parts[i].table);
	query_known_free(&report->known);
}

static struct bytes user_name(const struct query_actor *actor, char room[REPORT_NAME])
{
	if (actor->user.length)
		return actor->user;
	if (actor->uid == QUERY_NO_UID)
		return bytes_of("user not known");
	snprintf(room, REPORT_NAME, "uid %" PRIu32, actor->uid);
	return bytes_of(room);
}

static struct bytes or_none(struct bytes text, const char *none)
{
	return text.length ? text : bytes_of(none);
}

struct bytes report_name(enum query_by by, const struct query_row *row, char room[REPORT_NAME])
{
	const struct query_actor *actor = &row->actor;

	switch (by) {
	case QUERY_BY_WHO:
		return actor->script.length ? actor->script
					    : or_none(actor->exe, "program not known");
	case QUERY_BY_USER:
		return user_name(actor, room);
	case QUERY_BY_EXE:
		return or_none(actor->exe, "program not known");
	case QUERY_BY_SCRIPT:
		return or_none(actor->script, "no script");
	case QUERY_BY_SERVICE:
		return or_none(actor->service, "no service");
	case QUERY_BY_CONTAINER:
		return or_none(actor->container, "no container");
	case QUERY_BY_CGROUP:
		return or_none(actor->cgroup, "cgroup not known");
	case QUERY_BY_DESTINATION:
		return or_none(row->value, "no address");
	case QUERY_BY_HELO:
		return or_none(row->value, "none was said");
	case QUERY_BY_REPLY:
		return or_none(row->value, "none was heard");
	case QUERY_BY_VERDICT:
		return bytes_of(verdict_name(row->verdict));
	case QUERY_BY_HOUR:
		report_date(room, row->hour);
		return bytes_of(room);
	default:
		return row->value;
	}
}

void report_period(const struct report *report, int64_t *since, int64_t *until)
{
	*since = report->query->since;
	*until = report->query->until < report->now ? report->query->until : report->now;
	/* Of all that is known: that has a beginning, too. */
	if (!*since)
		*since = report->extent.first ? report->extent.first : report->extent.created;
	if (*since > *until)
		*since = *until;
}

void report_span(char out[REPORT_SPAN], int64_t ns)
{
	int64_t seconds = ns / 1000000000, minutes = seconds / 60, hours = minutes / 60;

	if (seconds < 120)
		snprintf(out, REPORT_SPAN, "%" PRId64 " s", seconds);
	else if (minutes < 120)
		snprintf(out, REPORT_SPAN, "%" PRId64 " min", minutes);
	else if (hours < 72 && minutes % 60)
		snprintf(out, REPORT_SPAN, "%" PRId64 " h %" PRId64 " min", hours, minutes % 60);
	else if (hours < 72)
		snprintf(out, REPORT_SPAN, "%" PRId64 " h", hours);
	else
		snprintf(out, REPORT_SPAN, "%" PRId64 " days", hours / 24);
}

void report_date(char out[REPORT_DATE], int64_t unix_ns)
{
	time_t seconds = (time_t)(unix_ns / 1000000000);
	struct tm tm;

	if (!localtime_r(&seconds, &tm) || !strftime(out, REPORT_DATE, "%Y-%m-%d %H:%M", &tm))
		snprintf(out, REPORT_DATE, "0000-00-00 00:00");
}

void report_dates(char since[REPORT_DATE], char until[REPORT_DATE], int64_t begin, int64_t end)
{
	report_date(since, begin);
	report_date(until, end);
	if (strcmp(since, until) != 0)
		return;
	text_date(since, REPORT_DATE, begin);
	text_date(until, REPORT_DATE, end);
}

void report_date_short(char out[REPORT_DATE], int64_t unix_ns)
{
	char whole[REPORT_DATE];

	report_date(whole, unix_ns);
	snprintf(out, REPORT_DATE, "%s", whole + strlen("2026-"));
}
