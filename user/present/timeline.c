/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * timeline.c - hours put together to as many bars as a picture has room for
 *
 * Hours, or else days as people there have them, or else as many weeks as it takes. Pure but for the time zone. Nothing is fatal.
 */
#include "present/timeline.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define SECOND INT64_C(1000000000)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)

/* The midnight that many days after the one before `unix_ns`. A day has 23 to 25 hours, or what mktime() makes of it. */
static int64_t midnight(int64_t unix_ns, int days)
{
	time_t seconds = (time_t)(unix_ns / SECOND);
	struct tm tm;

	if (!localtime_r(&seconds, &tm))
		return unix_ns + days * DAY;
	tm.tm_mday += days;
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_isdst = -1;
	seconds = mktime(&tm);
	return seconds == (time_t)-1 ? unix_ns + days * DAY : seconds * SECOND;
}

static int64_t next(const struct timeline *timeline, int64_t since)
{
	int64_t then = timeline->days ? midnight(since, timeline->days) : since + HOUR;

	return then > since ? then : since + DAY;
}

static void choose_unit(struct timeline *timeline, int64_t span)
{
	int64_t weeks;

	if (span / HOUR + 2 <= LIMIT_HTML_BARS)
		timeline->days = 0;
	else if (span / DAY + 3 <= LIMIT_HTML_BARS)
		timeline->days = 1;
	else {
		weeks = (span / (7 * DAY)) / (LIMIT_HTML_BARS - 3) + 1;
		timeline->days = (int)(7 * weeks);
	}
}

static void make_bars(struct timeline *timeline, int64_t since, int64_t until)
{
	int64_t at = timeline->days ? midnight(since, 0) : since - since % HOUR;

	while (at < until && timeline->count < LIMIT_HTML_BARS) {
		timeline->bars[timeline->count++].since = at;
		at = next(timeline, at);
	}
	timeline->bars[timeline->count].since = at;
}

static struct timeline_bar *bar_of(struct timeline *timeline, int64_t hour)
{
	for (unsigned int i = 0; i < timeline->count; i++)
		if (hour >= timeline->bars[i].since && hour < timeline->bars[i + 1].since)
			return &timeline->bars[i];
	return NULL;
}

static void add_past(struct timeline *timeline, const struct report_part *part)
{
	for (unsigned int i = 0; i < part->table.count; i++) {
		const struct query_row *row = &part->table.rows[i];
		struct timeline_bar *bar = bar_of(timeline, row->hour);

		if (!bar)
			continue;
		bar->past += row->sums.connections;
		bar->refused += row->sums.refusals;
	}
}

static void add_own(struct timeline *timeline, const struct report_part *part)
{
	for (unsigned int i = 0; i < part->table.count; i++) {
		struct timeline_bar *bar = bar_of(timeline, part->table.rows[i].hour);

		if (bar)
			bar->own += part->table.rows[i].sums.connections;
	}
}

void timeline_make(struct timeline *timeline, const struct report *report)
{
	int64_t since, until;

	memset(timeline, 0, sizeof(*timeline));
	report_period(report, &since, &until);
	choose_unit(timeline, until - since);
	make_bars(timeline, since, until);
	add_past(timeline, &report->parts[REPORT_HOURS]);
	add_own(timeline, &report->parts[REPORT_OWN_HOURS]);
	for (unsigned int i = 0; i < timeline->count; i++)
		if (timeline->bars[i].refused > timeline->bars[i].past)
			timeline->bars[i].refused = timeline->bars[i].past;
}

void timeline_unit(char out[TIMELINE_UNIT], const struct timeline *timeline)
{
	if (timeline->days > 7)
		snprintf(out, TIMELINE_UNIT, "%d weeks", timeline->days / 7);
	else
		snprintf(out, TIMELINE_UNIT, "%s",
			 timeline->days > 1 ? "week"
			 : timeline->days   ? "day"
					    : "hour");
}

void timeline_label(char out[REPORT_DATE], const struct timeline *timeline, int64_t since)
{
	if (timeline->days == 0) {
		report_date_short(out, since);
		return;
	}
	report_date(out, since);
	out[strlen("2026-11-22")] = '\0';
}
