/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report_text.c - a report for people who were woken up: who went round the MTA, where to, what they were told, and what is not known
 *
 * Nothing is fatal.
 */
#include <inttypes.h>
#include <string.h>

#include "base/escape.h"
#include "present/report_table.h"

#define INDENT 2

/* Where it is put, and whether something was. */
struct selection {
	const struct text *text;
	struct line *line;
	bool any;
};

static void only(void *context, const char *name, struct bytes value, bool quoted)
{
	struct selection *selection = context;
	char shown[LINE_BYTES / 2], words[LINE_BYTES];

	escape_text(shown, sizeof(shown), value.at, value.length, NULL);
	snprintf(words, sizeof(words), quoted ? "%s%s \"%s\"" : "%s%s %s",
		 selection->any ? "and " : "only ", name, shown);
	text_whole(selection->text, selection->line, words, 0, selection->any ? 1 : 2);
	selection->any = true;
}

static void title(const struct text *text, const struct report *report)
{
	char since[REPORT_DATE], until[REPORT_DATE], span[REPORT_SPAN], words[256];
	const struct query *query = report->query;
	int64_t begin, end;
	struct selection selection = {.text = text};
	struct line line;

	report_period(report, &begin, &end);
	report_dates(since, until, begin, end);
	report_span(span, end - begin);
	line_clear(&line);
	text_word(text, &line, "smtpsnoop " SMTPSNOOP_VERSION, 0, 0);
	if (report->host[0])
		text_word(text, &line, report->host, 0, 2);
	snprintf(words, sizeof(words), "%s to %s%s (%s)", since, until,
		 query->until == INT64_MAX ? ", now" : "", span);
	text_word(text, &line, words, 0, 2);
	selection.line = &line;
	report_selected_each(report, only, &selection);
	text_put(text, &line);
}

static void heading(const struct text *text, const char *words)
{
	fputc('\n', text->out);
	text_paragraph(text, words, 0);
}

/* Those whose verdict says that they went round the MTA; of some no evidence is left. */
static void head_of_who(char *out, size_t size, const struct report *report)
{
	const struct query_table *table = &report->parts[REPORT_ROWS].table;
	uint64_t round = query_round(&table->all);
	uint64_t unknown = table->all.verdicts[VERDICT_UNKNOWN];

	if (report->verdicts || report->parts[REPORT_ROWS].failed)
		snprintf(out, size, "Who:");
	else if (!table->all.connections)
		snprintf(out, size, "Nobody went round the MTA.");
	else if (!round)
		snprintf(out, size,
			 "Not judged for want of evidence: %" PRIu64 " connection%s, by %" PRIu64
			 " sender%s",
			 unknown, plural(unknown), table->groups, plural(table->groups));
	else
		snprintf(out, size,
			 "Round the MTA: %" PRIu64 " connection%s%s, by %" PRIu64 " sender%s",
			 round, plural(round), unknown ? ", and more that were not judged" : "",
			 table->groups, plural(table->groups));
}

/* What is behind the tables. */
static void what_next(const struct text *text, const struct report *report)
{
	const struct report_part *who = &report->parts[REPORT_ROWS];
	const struct report_part *verdicts = &report->parts[REPORT_VERDICTS];

	if (who->failed)
		return;
	if (!who->table.all.connections) {
		if (!verdicts->failed && verdicts->table.all.connections)
			text_paragraph(text,
				       "smtpsnoop report --by who tells who had these connections.",
				       INDENT);
		return;
	}
	text_paragraph(text,
		       query_round(&who->table.all)
			       ? "smtpsnoop report actor NUMBER tells more of one; smtpsnoop "
				 "snapshot tells how to stop what is still there."
			       : "smtpsnoop report actor NUMBER tells more of one.",
		       INDENT);
}

static void overview(const struct text *text, const struct report *report)
{
	const struct report_part *who = &report->parts[REPORT_ROWS];
	char words[160];

	fputc('\n', text->out);
	report_table(text, &report->parts[REPORT_VERDICTS], false);
	head_of_who(words, sizeof(words), report);
	heading(text, words);
	if (!who->failed && !who->table.all.connections) {
		what_next(text, report);
		return;
	}
	report_table(text, who, report->verdicts);
	what_next(text, report);
	heading(text, report->verdicts ? "Where to:" : "Where these went:");
	report_table(text, &report->parts[REPORT_DESTINATIONS], report->verdicts);
	heading(text, report->verdicts ? "What was answered:" : "What these were answered:");
	report_table(text, &report->parts[REPORT_REPLIES], report->verdicts);
}

static void connections(const struct text *text, const char *words,
			const struct report_connection *all, unsigned int count)
{
	struct line line;

	if (!count)
		return;
	heading(text, words);
	line_clear(&line);
	line_colour(&line, text_colour(text, STYLE_HEAD));
	line_cell_right(&line, "SEQ", 10, 2);
	line_cell(&line, "TIME", 19, 2);
	line_cell(&line, "VERDICT", 8, 2);
	line_cell(&line, "MAIL", 5, 2);
	line_cell(&line, "RCPT", 7, 2);
	line_add(&line, "TO AND ANSWER");
	line_colour(&line, text_colour(text, STYLE_END));
	text_put(text, &line);
	for (unsigned int i = 0; i < count; i++) {
		const struct report_connection *one = &all[i];
		char date[TEXT_DATE];

		text_date(date, sizeof(date), one->start);
		line_format(&line, "%10" PRId64 "  %-19s  %-8s  ", one->seq, date,
			    verdict_name(one->verdict));
		line_format(&line, "%" PRIu32 "/%" PRIu32, one->accepted, one->messages);
		line_pad(&line, 50);
		line_format(&line, "%" PRIu32 "/%" PRIu32, one->recipients - one->refused,
			    one->recipients);
		line_pad(&line, 59);
		line_add(&line, one->destination);
		if (one->reply[0])
			text_whole(text, &line, one->reply, 59, 2);
		text_put(text, &line);
	}
}

static void actor(const struct text *text, const struct report *report)
{
	const struct report_part *who = &report->parts[REPORT_ROWS];

	fputc('\n', text->out);
	report_table(text, who, true);
	if (!who->failed && !who->table.all.connections)
		return;
	heading(text, "By the hour:");
	report_table(text, &report->parts[REPORT_HOURS], true);
	heading(text, "Where to:");
	report_table(text, &report->parts[REPORT_DESTINATIONS], true);
	heading(text, "What was answered:");
	report_table(text, &report->parts[REPORT_REPLIES], true);
	connections(
		text,
		"The first connections that are kept in full (smtpsnoop report connection SEQ):",
		report->first, report->first_count);
	connections(text, "The last ones:", report->last, report->last_count);
}

void report_text(const struct text *text, const struct report *report)
{
	char words[REPORT_LAST];

	title(text, report);
	switch (report->kind) {
	case REPORT_OVERVIEW:
		overview(text, report);
		break;
	case REPORT_TABLE:
		fputc('\n', text->out);
		report_table(text, &report->parts[REPORT_ROWS], true);
		break;
	case REPORT_ACTOR:
		actor(text, report);
		break;
	}
	heading(text, "What is not known:");
	if (!report_missing(text, report))
		text_paragraph(text, "Nothing is known to be missing.", INDENT);
	report_last(words, report);
	text_paragraph(text, words, INDENT);
}
