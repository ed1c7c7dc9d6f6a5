/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report_html_table.c - the tables of a report's page
 *
 * A table that is wider than a phone is moved to and fro in a box of its own. Nothing is fatal.
 */
#include <inttypes.h>
#include <string.h>

#include "present/report_html.h"
#include "present/report_table.h"

#define BAR 60 /* units, and pixels, of a full bar */

struct columns {
	enum query_by by;
	bool round, recipients, blocked, times, meaning;
	uint64_t most; /* connections, of a full bar */
};

void report_html_box(FILE *out, const char *label)
{
	/* With the keyboard, too. */
	fprintf(out,
		"<div class=\"box\" role=\"region\" aria-label=\"%s\" tabindex=\"0\">\n"
		"<table>\n",
		label);
}

void report_html_box_end(FILE *out)
{
	fputs("</tbody>\n</table>\n</div>\n", out);
}

static void head(FILE *out, const char *class, const char *words)
{
	fprintf(out, "<th scope=\"col\"%s>%s</th>", class, words);
}

static void number_cell(FILE *out, uint64_t number)
{
	char shown[HTML_NUMBER];

	html_number(shown, number);
	fprintf(out, "<td class=\"n\">%s</td>", shown);
}

static void dates_cell(FILE *out, const struct query_sums *sums)
{
	char first[REPORT_DATE] = "", last[REPORT_DATE] = "";

	if (sums->first)
		report_date(first, sums->first);
	if (sums->last)
		report_date(last, sums->last);
	fprintf(out, "<td class=\"t\">%s<br/>%s</td>", first, last);
}

static void bar_part(FILE *out, const char *class, const struct columns *columns, uint64_t number)
{
	double width = (double)number * BAR / (double)columns->most;

	/* What is there at all is seen. */
	if (number)
		fprintf(out, "<rect class=\"%s\" width=\"%.1f\" height=\"10\"/>", class,
			width < 1 ? 1 : width);
}

/* One over the other, the shortest last. */
static void bar_cell(FILE *out, const struct columns *columns, const struct query_sums *sums)
{
	uint64_t past = query_round(sums), unknown = sums->verdicts[VERDICT_UNKNOWN];

	fprintf(out,
		"<td><svg class=\"bar\" viewBox=\"0 0 %d 10\" preserveAspectRatio=\"none\" "
		"aria-hidden=\"true\">",
		BAR);
	if (sums->connections > past + unknown)
		bar_part(out, "own", columns, sums->connections);
	if (unknown)
		bar_part(out, "doubt", columns, past + unknown);
	bar_part(out, "past", columns, past);
	fputs("</svg></td>", out);
}

static void heads(FILE *out, const struct columns *columns, const char *name)
{
	fputs("<thead><tr>", out);
	head(out, columns->by == QUERY_BY_WHO ? " class=\"who\"" : "", name);
	if (columns->meaning)
		head(out, "", "What it means");
	head(out, " class=\"n\"", "Connections");
	fputs("<td><span class=\"bar\"></span></td>", out);
	if (columns->round)
		head(out, " class=\"n\"", "Past the mail server");
	head(out, " class=\"n\"", "Messages accepted");
	if (columns->recipients)
		head(out, " class=\"n\"", "Recipients");
	head(out, " class=\"n\"", "Recipients refused");
	if (columns->blocked)
		head(out, " class=\"n\"", "Blocklist named");
	if (columns->times)
		head(out, "", "First and last");
	fputs("</tr></thead>\n<tbody>\n", out);
}

static void cells(FILE *out, const struct columns *columns, const struct query_sums *sums, bool bar)
{
	number_cell(out, sums->connections);
	if (bar)
		bar_cell(out, columns, sums);
	else
		fputs("<td></td>", out);
	if (columns->round)
		number_cell(out, query_round(sums));
	number_cell(out, sums->accepted);
	if (columns->recipients)
		number_cell(out, sums->recipients);
	number_cell(out, sums->refused);
	if (columns->blocked)
		number_cell(out, sums->blocklisted);
	if (columns->times)
		dates_cell(out, sums);
	fputs("</tr>\n", out);
}

static void verdicts(FILE *out, const struct query_sums *sums)
{
	const char *between = "";
	static const enum verdict_class order[] = {VERDICT_IMPOSTOR, VERDICT_BYPASS,
						   VERDICT_UNKNOWN,  VERDICT_RELAY,
						   VERDICT_LOCAL,    VERDICT_MTA};
	char number[HTML_NUMBER];

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		const char *name = verdict_name(order[i]);
		uint64_t count = sums->verdicts[order[i]];

		if (!count)
			continue;
		html_number(number, count);
		fprintf(out, "%s<span class=\"v v-%s\">%s%s%s</span>", between, name,
			count == sums->connections ? "" : number,
			count == sums->connections ? "" : " ", name);
		between = ", ";
	}
}

static void part_of_name(FILE *out, const char *before, struct bytes text)
{
	if (!text.length)
		return;
	fprintf(out, " &#183; %s", before);
	html_bytes(out, text);
}

/* The words that find it again on the host. */
static void who(FILE *out, const struct query_row *row)
{
	const struct query_actor *actor = &row->actor;
	char room[REPORT_NAME], tried[HTML_NUMBER];

	fputs("<span class=\"name\">", out);
	html_bytes(out, report_name(QUERY_BY_WHO, row, room));
	fputs("</span><span class=\"meta\">", out);
	verdicts(out, &row->sums);
	part_of_name(out, actor->user.length ? "user " : "", report_name(QUERY_BY_USER, row, room));
	part_of_name(out, "with ", actor->with);
	if (actor->script.length)
		part_of_name(out, "run by ", actor->exe);
	part_of_name(out, "service ", actor->service);
	part_of_name(out, "container ", actor->container);
	if (row->sums.attempts_only) {
		html_number(tried, row->sums.attempts_only);
		fprintf(out, " &#183; %s only tried", tried);
	}
	fprintf(out, " &#183; actor %" PRId64 "</span>", actor->id);
}

/* RFC 5321 4.2.1; "tls" is the store's word. */
static const char *meaning(struct bytes answer, bool accepted)
{
	if (!answer.length)
		return "no answer was heard: it was only tried, or ended before";
	if (bytes_are(answer, "tls"))
		return "encrypted from there on: what was answered is not known";
	if (bytes_hold(answer, " "))
		return "refused, with the name of a blocklist";
	switch (answer.at[0]) {
	case '2':
		if (accepted)
			return "accepted";
		return "no refusal, and no message was accepted";
	case '3':
		return "ended before the message";
	case '4':
		return "refused for the time being: to be tried again later";
	case '5':
		return "refused for good";
	default:
		return "";
	}
}

static void table_row(FILE *out, const struct columns *columns, const struct query_row *row)
{
	char room[REPORT_NAME];

	fputs("<tr><th scope=\"row\">", out);
	if (columns->by == QUERY_BY_WHO) {
		who(out, row);
	} else {
		fputs("<span class=\"name\">", out);
		html_bytes(out, report_name(columns->by, row, room));
		fputs("</span>", out);
	}
	fputs("</th>", out);
	if (columns->meaning)
		fprintf(out, "<td>%s</td>", meaning(row->value, row->sums.accepted));
	cells(out, columns, &row->sums, true);
}

/* What has no row of its own: the table sums up to all. */
static void rest(FILE *out, const struct columns *columns, const char *words,
		 const struct query_sums *sums)
{
	if (!sums->connections)
		return;
	fprintf(out, "<tr class=\"rest\"><th scope=\"row\">%s</th>%s", words,
		columns->meaning ? "<td></td>" : "");
	cells(out, columns, sums, false);
}

/* False: there is no table. */
static bool answered(FILE *out, const struct report_part *part)
{
	char words[REPORT_MOVED];

	if (part->failed) {
		fputs("<p>No answer: ", out);
		html_text(out, part->error);
		fputs(".</p>\n", out);
		return false;
	}
	if (report_moved(words, &part->table.plan))
		fprintf(out, "<p class=\"note\">%s</p>\n", words);
	if (!part->table.all.connections)
		fputs("<p>No connections.</p>\n", out);
	return part->table.all.connections;
}

void report_html_table(FILE *out, const struct report_part *part, const char *name, bool round)
{
	const struct query_table *table = &part->table;
	struct columns columns = {
		.by = table->by,
		/* A column that says the same as the one before says nothing. */
		.round = round && query_round(&table->all) != table->all.connections,
		.recipients = table->by != QUERY_BY_USER && table->by != QUERY_BY_SERVICE,
		.blocked = table->by == QUERY_BY_WHO,
		.times = table->by == QUERY_BY_WHO,
		.meaning = table->by == QUERY_BY_REPLY,
	};
	char more[HTML_NUMBER], words[64];

	if (!answered(out, part))
		return;
	for (unsigned int i = 0; i < table->count; i++)
		if (table->rows[i].sums.connections > columns.most)
			columns.most = table->rows[i].sums.connections;
	report_html_box(out, name);
	heads(out, &columns, name);
	for (unsigned int i = 0; i < table->count; i++)
		table_row(out, &columns, &table->rows[i]);
	html_number(more, table->groups - table->count);
	snprintf(words, sizeof(words), "and %s more", more);
	rest(out, &columns, words, &table->rest);
	rest(out, &columns, "others, more than the store tells apart in a day", &table->others);
	report_html_box_end(out);
}

const char *report_html_verdict(enum verdict_class class)
{
	switch (class) {
	case VERDICT_MTA:
		return "The host&#39;s own mail server did it: its executable is the installed "
		       "one, and "
		       "it runs as the user that it should.";
	case VERDICT_LOCAL:
		return "Handed to this host itself, as a rule to its mail server.";
	case VERDICT_RELAY:
		return "Sent to a relay, or by a program, that the administrator allowed.";
	case VERDICT_BYPASS:
		return "Another program spoke to mail servers itself, past the host&#39;s own.";
	case VERDICT_IMPOSTOR:
		return "The same, by a program that wears the name of a mail server, of the system "
		       "or of a part of the kernel, or runs as root or as a mail server&#39;s "
		       "user, without being that mail server.";
	default:
		return "Too little is known of the sender to tell.";
	}
}

void report_html_verdicts(FILE *out, const struct report_part *part)
{
	const struct query_table *table = &part->table;

	if (!answered(out, part))
		return;
	report_html_box(out, "By verdict");
	fputs("<thead><tr>", out);
	head(out, "", "Verdict");
	head(out, "", "What it means");
	head(out, " class=\"n\"", "Connections");
	head(out, " class=\"n\"", "Messages accepted");
	head(out, " class=\"n\"", "Recipients");
	head(out, " class=\"n\"", "Recipients refused");
	head(out, " class=\"n\"", "Blocklist named");
	fputs("</tr></thead>\n<tbody class=\"short\">\n", out);
	for (unsigned int i = 0; i < table->count; i++) {
		const struct query_row *row = &table->rows[i];
		const char *name = verdict_name(row->verdict);

		fprintf(out,
			"<tr><th scope=\"row\"><span class=\"v v-%s\">%s</span></th>"
			"<td class=\"w\">%s</td>",
			name, name, report_html_verdict(row->verdict));
		number_cell(out, row->sums.connections);
		number_cell(out, row->sums.accepted);
		number_cell(out, row->sums.recipients);
		number_cell(out, row->sums.refused);
		number_cell(out, row->sums.blocklisted);
		fputs("</tr>\n", out);
	}
	report_html_box_end(out);
}

/* "3 of 5" */
static void of_cell(FILE *out, uint32_t part, uint32_t all)
{
	fprintf(out, "<td class=\"n\">%" PRIu32 " of %" PRIu32 "</td>", part, all);
}

void report_html_connections(FILE *out, const char *caption, const struct report_connection *all,
			     unsigned int count)
{
	static const char *const names[] = {"Number",
					    "Time (local)",
					    "Verdict",
					    "To",
					    "Messages accepted",
					    "Recipients accepted",
					    "HELO",
					    "Answer"};

	if (!count)
		return;
	fprintf(out, "<h3>%s</h3>\n", caption);
	report_html_box(out, caption);
	fputs("<thead><tr>", out);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		head(out, i == 0 || i == 4 || i == 5 ? " class=\"n\"" : "", names[i]);
	fputs("</tr></thead>\n<tbody>\n", out);
	for (unsigned int i = 0; i < count; i++) {
		const struct report_connection *one = &all[i];
		const char *name = verdict_name(one->verdict);
		char date[TEXT_DATE];

		text_date(date, sizeof(date), one->start);
		fprintf(out,
			"<tr><td class=\"n\">%" PRId64 "</td><td class=\"t\">%s</td>"
			"<td><span class=\"v v-%s\">%s</span></td><td class=\"t\">",
			one->seq, date, name, name);
		html_text(out, one->destination);
		fputs("</td>", out);
		of_cell(out, one->accepted, one->messages);
		of_cell(out, one->recipients > one->refused ? one->recipients - one->refused : 0,
			one->recipients);
		fputs("<td>", out);
		html_name(out, one->helo);
		fputs("</td><td>", out);
		html_name(out, one->reply);
		fputs("</td></tr>\n", out);
	}
	report_html_box_end(out);
}
