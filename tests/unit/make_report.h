/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * make_report.h - reports of hostile values and of losses, and what their forms have to say
 */
#ifndef SMTPSNOOP_MAKE_REPORT_H
#define SMTPSNOOP_MAKE_REPORT_H

#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "present/report.h"
#include "store/store.h"

#define SECOND INT64_C(1000000000)
#define HOUR (3600 * SECOND)
#define NOW (INT64_C(1793635200) * SECOND) /* 2026-11-02T16:00:00Z */

static char *shown;
static size_t shown_size;

static __attribute__((unused)) FILE *begin(void)
{
	free(shown);
	shown = NULL;
	return open_memstream(&shown, &shown_size);
}

static __attribute__((unused)) void assert_has(const char *words)
{
	if (!strstr(shown, words))
		fail_msg("\"%s\" is missing in:\n%s", words, shown);
}

static __attribute__((unused)) void assert_has_not(const char *words)
{
	if (strstr(shown, words))
		fail_msg("\"%s\" is in:\n%s", words, shown);
}

static const char *const hostile[] = {
	"=cmd|' /C calc'!A0",
	"+1+1",
	"-2+3",
	"@SUM(1)",
	"a,\"b\"\nrow,0",
	"\x1b]0;owned\x07\x1b[31m",
	"\xe2\x80\xae"
	"gpj.exe",
	"\xff\xfe raw",
	"{\"verdict\":\"mta\"}",
};
#define HOSTILE (sizeof(hostile) / sizeof(hostile[0]))

static struct query query = {.verdicts = 63, .since = NOW - 24 * HOUR, .until = INT64_MAX};

static struct query_sums some(uint64_t connections, enum verdict_class verdict)
{
	struct query_sums sums = {.connections = connections,
				  .accepted = 2,
				  .messages = 3,
				  .recipients = 40,
				  .refused = 30,
				  .blocklisted = 1,
				  .first = NOW - 3 * HOUR,
				  .last = NOW - HOUR};

	sums.verdicts[verdict] = connections;
	return sums;
}

/* A table of hostile values, and more than it shows. */
static __attribute__((unused)) void fill(struct report_part *part, enum query_by by)
{
	struct query_table *table = &part->table;

	part->asked = true;
	table->by = by;
	table->plan = (struct query_plan){.unit = HOUR, .since = query.since, .until = INT64_MAX};
	table->rows = calloc(HOSTILE, sizeof(*table->rows));
	for (unsigned int i = 0; i < HOSTILE; i++) {
		struct query_row *row = &table->rows[i];
		struct bytes text = bytes_of(hostile[i]);

		row->sums = some(100 - i, VERDICT_BYPASS);
		row->actor = (struct query_actor){.id = i + 1,
						  .uid = 33,
						  .user = text,
						  .exe = text,
						  .script = text,
						  .with = text,
						  .service = text,
						  .container = text,
						  .cgroup = text};
		row->value = text;
		row->hour = NOW - (HOSTILE - (int64_t)i) * 2 * HOUR;
	}
	table->count = HOSTILE;
	table->groups = HOSTILE + 5;
	table->rest = some(77, VERDICT_MTA);
	table->all = some(1000, VERDICT_BYPASS);
	if (by == QUERY_BY_HELO)
		table->others = some(55, VERDICT_MTA);
}

static struct report made;

static __attribute__((unused)) struct report *make(enum report_kind kind, enum query_by by)
{
	memset(&made, 0, sizeof(made));
	made.kind = kind;
	made.query = &query;
	made.now = NOW;
	made.extent = (struct query_extent){
		.created = NOW - 100 * HOUR, .first = NOW - 99 * HOUR, .last = NOW - HOUR};
	query.by = by;
	fill(&made.parts[REPORT_ROWS], by);
	return &made;
}

static __attribute__((unused)) void text(const struct report *report, unsigned int width)
{
	struct text how = {.out = begin(), .layout = layout_for(width)};

	report_text(&how, report);
	fclose(how.out);
}

/* Printable, and no line wider than the terminal but for what is one word. */
static __attribute__((unused)) void assert_tame(unsigned int width)
{
	const char *line = shown;

	for (const char *at = shown; *at; at++)
		if ((unsigned char)*at < ' ' && *at != '\n')
			fail_msg("a control character, %d", *at);
	assert_has_not("\xe2\x80\xae");
	assert_has_not("\xff");
	while (*line) {
		size_t length = strcspn(line, "\n");

		if (escape_columns(line, length) > width)
			fail_msg("wider than %u: %.*s", width, (int)length, line);
		line += length + (line[length] == '\n');
	}
}

static __attribute__((unused)) void add_event(struct report *report, int64_t time, int kind,
					      int64_t number, const char *words)
{
	struct query_known *known = &report->known;

	known->events = realloc(known->events, (known->count + 1) * sizeof(*known->events));
	known->events[known->count++] = (struct query_event){time, kind, number, bytes_of(words)};
}

static __attribute__((unused)) void add_gap(struct report *report, int64_t since, int64_t until,
					    bool unclean)
{
	struct query_known *known = &report->known;

	known->gaps = realloc(known->gaps, (known->gap_count + 1) * sizeof(*known->gaps));
	known->gaps[known->gap_count++] = (struct query_gap){since, until, unclean};
}

static __attribute__((unused)) struct report *with_losses(void)
{
	struct report *report = make(REPORT_TABLE, QUERY_BY_USER);

	add_gap(report, NOW - 9 * HOUR, NOW - 7 * HOUR, false);
	add_gap(report, NOW - 5 * HOUR, NOW - 5 * HOUR + 90 * SECOND, true);
	add_gap(report, NOW - HOUR, INT64_MAX, false);
	add_event(report, NOW - 8 * HOUR, STORE_EVENT_LOST_KERNEL, 40, "");
	add_event(report, NOW - 6 * HOUR, STORE_EVENT_LOST_KERNEL, 2, "");
	add_event(report, NOW - 6 * HOUR, STORE_EVENT_LOST_STORE, 1000, "disk\x1b[2J full");
	add_event(report, NOW - 6 * HOUR, STORE_EVENT_CLOCK, -7200 * SECOND, "");
	add_event(report, NOW - 5 * HOUR, STORE_EVENT_CLOCK, INT64_MIN + 1, "");
	add_event(report, NOW - 5 * HOUR, STORE_EVENT_DAMAGED, 0, "");
	add_event(report, NOW - 5 * HOUR, STORE_EVENT_ADOPTED, 3, "");
	add_event(report, NOW - 5 * HOUR, 99, 3, "");
	return report;
}

static int set_zone(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	return 0;
}

static int free_shown(void **state)
{
	(void)state;
	free(shown);
	return 0;
}

#endif
