/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report_csv.c - a report's rows for spreadsheets
 *
 * RFC 4180, but for line ends of one character, as every other output here has. A cell that a spreadsheet would take for a formula gets
 * an apostrophe in front: values are what an attacker wrote. The rows sum up to all of what was asked for: "rest" is what was cut
 * off, "others" what the store had no room to keep apart.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/escape.h"
#include "present/report.h"

#define CELL 4096 /* a path escaped byte by byte is cut at its end */

static void cell(FILE *out, struct bytes value)
{
	char text[CELL];
	size_t length = escape_text(text, sizeof(text), value.at, value.length, NULL);
	bool formula = length && strchr("=+-@", text[0]);

	if (!formula && !strpbrk(text, ",\"")) {
		fwrite(text, 1, length, out);
		return;
	}
	fputc('"', out);
	if (formula)
		fputc('\'', out);
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '"')
			fputc('"', out);
		fputc(text[i], out);
	}
	fputc('"', out);
}

static void time_cell(FILE *out, int64_t unix_ns)
{
	time_t seconds = (time_t)(unix_ns / 1000000000);
	char text[32];
	struct tm tm;

	if (unix_ns && gmtime_r(&seconds, &tm) &&
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		fputs(text, out);
}

static const enum verdict_class verdicts[VERDICT_CLASSES] = {
	VERDICT_MTA,	VERDICT_LOCAL,	  VERDICT_RELAY,
	VERDICT_BYPASS, VERDICT_IMPOSTOR, VERDICT_UNKNOWN,
};

static void head(FILE *out, enum query_by by)
{
	if (by == QUERY_BY_WHO)
		fputs("row,uid,user,script,with,exe,service,container,actor", out);
	else if (by == QUERY_BY_USER)
		fputs("row,uid,user", out);
	else if (by == QUERY_BY_SCRIPT)
		fputs("row,script,with", out);
	else
		fprintf(out, "row,%s", query_by_name(by));
	fputs(",connections", out);
	for (int i = 0; i < VERDICT_CLASSES; i++)
		fprintf(out, ",%s", verdict_name(verdicts[i]));
	fputs(",messages,accepted,recipients,refused", out);
	if (!query_by_value(by))
		fputs(",attempts_only,refusals,blocklisted,first,last", out);
	fputc('\n', out);
}

static void sums(FILE *out, enum query_by by, const struct query_sums *sums)
{
	fprintf(out, ",%" PRIu64, sums->connections);
	for (int i = 0; i < VERDICT_CLASSES; i++)
		fprintf(out, ",%" PRIu64, sums->verdicts[verdicts[i]]);
	fprintf(out, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64, sums->messages,
		sums->accepted, sums->recipients, sums->refused);
	if (!query_by_value(by)) {
		fprintf(out, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",", sums->attempts_only,
			sums->refusals, sums->blocklisted);
		time_cell(out, sums->first);
		fputc(',', out);
		time_cell(out, sums->last);
	}
	fputc('\n', out);
}

static void uid_cell(FILE *out, const struct query_actor *actor)
{
	if (actor->uid != QUERY_NO_UID)
		fprintf(out, "%" PRIu32, actor->uid);
	fputc(',', out);
	cell(out, actor->user);
}

static struct bytes value(enum query_by by, const struct query_row *row)
{
	const struct query_actor *actor = &row->actor;

	switch (by) {
	case QUERY_BY_EXE:
		return actor->exe;
	case QUERY_BY_SCRIPT:
		return actor->script;
	case QUERY_BY_SERVICE:
		return actor->service;
	case QUERY_BY_CONTAINER:
		return actor->container;
	case QUERY_BY_CGROUP:
		return actor->cgroup;
	case QUERY_BY_VERDICT:
		return bytes_of(verdict_name(row->verdict));
	default:
		return row->value;
	}
}

static void who_cells(FILE *out, const struct query_actor *actor)
{
	const struct bytes texts[] = {actor->script, actor->with, actor->exe, actor->service,
				      actor->container};

	uid_cell(out, actor);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		fputc(',', out);
		cell(out, texts[i]);
	}
	fprintf(out, ",%" PRId64, actor->id);
}

static void print_row(FILE *out, enum query_by by, const struct query_row *row)
{
	fputs("row,", out);
	if (by == QUERY_BY_WHO)
		who_cells(out, &row->actor);
	else if (by == QUERY_BY_USER)
		uid_cell(out, &row->actor);
	else if (by == QUERY_BY_HOUR)
		time_cell(out, row->hour);
	else
		cell(out, value(by, row));
	if (by == QUERY_BY_SCRIPT) {
		fputc(',', out);
		cell(out, row->actor.with);
	}
	sums(out, by, &row->sums);
}

static void print_sum(FILE *out, enum query_by by, const char *what, const struct query_sums *sum)
{
	if (!sum->connections)
		return;
	fprintf(out, "%s%s", what,
		by == QUERY_BY_WHO			       ? ",,,,,,,,"
		: by == QUERY_BY_USER || by == QUERY_BY_SCRIPT ? ",,"
							       : ",");
	sums(out, by, sum);
}

void report_csv(FILE *out, const struct report *report)
{
	const struct query_table *table = &report->parts[REPORT_ROWS].table;

	if (report->parts[REPORT_ROWS].failed)
		return;
	head(out, table->by);
	for (unsigned int i = 0; i < table->count; i++)
		print_row(out, table->by, &table->rows[i]);
	print_sum(out, table->by, "rest", &table->rest);
	print_sum(out, table->by, "others", &table->others);
}
