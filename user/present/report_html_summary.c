/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report_html_summary.c - what a page says first: the whole of it in a few sentences, for who reads no table
 *
 * Nothing is claimed that the tables do not show. Nothing is fatal.
 */
#include <inttypes.h>
#include <string.h>

#include "present/report_html.h"
#include "present/report_table.h"

#define BLOCKLISTS 4 /* named in a sentence; the table has all */

static void add(struct query_sums *to, const struct query_sums *sums)
{
	to->connections += sums->connections;
	to->accepted += sums->accepted;
	to->recipients += sums->recipients;
	to->refused += sums->refused;
	to->refusals += sums->refusals;
	to->blocklisted += sums->blocklisted;
	to->attempts_only += sums->attempts_only;
}

static bool is_round(enum verdict_class class)
{
	return class == VERDICT_BYPASS || class == VERDICT_IMPOSTOR;
}

/* Of those that went round the MTA, or of its own and of what it was handed. */
static struct query_sums of_verdicts(const struct report *report, bool round)
{
	const struct query_table *table = &report->parts[REPORT_VERDICTS].table;
	struct query_sums sums = {.connections = 0};

	for (unsigned int i = 0; i < table->count; i++) {
		enum verdict_class class = table->rows[i].verdict;

		if (round ? is_round(class) : class == VERDICT_MTA)
			add(&sums, &table->rows[i].sums);
	}
	return sums;
}

/* Senders that went round the MTA come first; *least: of those that are not listed some may have. */
static uint64_t programs(const struct query_table *table, bool *least)
{
	uint64_t count = 0;

	for (unsigned int i = 0; i < table->count; i++)
		count += query_round(&table->rows[i].sums) > 0;
	*least = query_round(&table->rest) > 0;
	if (*least && !table->all.verdicts[VERDICT_UNKNOWN]) {
		*least = false;
		return table->groups;
	}
	return count + *least;
}

static void between(FILE *out, const struct report *report)
{
	char since[REPORT_MOMENT], until[REPORT_MOMENT];
	int64_t begin, end;

	report_period(report, &begin, &end);
	report_html_moments(since, until, begin, end);
	fprintf(out, "Between <span class=\"t\">%s</span> and <span class=\"t\">%s</span> ", since,
		until);
}

static void host(FILE *out, const struct report *report)
{
	if (!report->host[0]) {
		fputs("this host", out);
		return;
	}
	fputs("the host ", out);
	html_name(out, report->host);
}

static void counted(FILE *out, uint64_t number, const char *what, bool zero)
{
	char shown[HTML_NUMBER];

	if (number || !zero)
		html_number(shown, number);
	else
		snprintf(shown, sizeof(shown), "no");
	fprintf(out, "%s %s%s", shown, what, plural(number));
}

/* "sent" is claimed where each of these programs had a message accepted. Under TLS nobody knows. */
static const char *did(const struct query_table *who, const struct query_sums *round)
{
	bool all = !query_round(&who->rest);

	if (round->attempts_only == round->connections)
		return "tried to send";
	for (unsigned int i = 0; i < who->count; i++)
		if (query_round(&who->rows[i].sums) && !who->rows[i].sums.accepted)
			all = false;
	return all && round->accepted ? "sent" : "sent or tried to send";
}

static void sent(FILE *out, const struct query_sums *sums)
{
	const uint64_t local = sums->verdicts[VERDICT_LOCAL];
	char shown[HTML_NUMBER];

	counted(out, sums->connections, "connection", false);
	if (local == sums->connections && local) {
		fputs(" to this host itself, over which ", out);
	} else if (local) {
		html_number(shown, local);
		fprintf(out, ", %s of them to this host itself, over which ", shown);
	} else {
		fputs(" to other mail servers, over which ", out);
	}
	counted(out, sums->accepted, "message", true);
	fputs(sums->accepted == 1 ? " was accepted. " : " were accepted. ", out);
}

static void name(FILE *out, const struct query_row *row)
{
	char room[REPORT_NAME];

	html_bytes(out, report_name(QUERY_BY_WHO, row, room));
	fputs(", run by ", out);
	html_bytes(out, report_name(QUERY_BY_USER, row, room));
}

static void busiest(FILE *out, const struct query_table *table, uint64_t all)
{
	const struct query_row *first = &table->rows[0];
	uint64_t own;

	if (!table->count || !all || !(own = query_round(&first->sums)))
		return;
	if (table->groups == 1) {
		fputs("It was ", out);
	} else {
		fprintf(out, "%s, ", own > all / 2 ? "Most of it" : "The busiest");
		counted(out, own, "connection", false);
		fputs(", was ", out);
	}
	name(out, first);
	fputs(". ", out);
}

/* What is behind the code of an answer: the blocklist that it names. */
static struct bytes blocklist(struct bytes answer)
{
	const char *space = answer.length ? memchr(answer.at, ' ', answer.length) : NULL;

	return space ? bytes_after(answer, (size_t)(space - answer.at) + 1)
		     : (struct bytes){NULL, 0};
}

/* 550 and 554 may name the same. */
static bool named_before(const struct query_table *table, unsigned int which)
{
	struct bytes list = blocklist(table->rows[which].value);

	for (unsigned int i = 0; i < which; i++)
		if (bytes_equal(blocklist(table->rows[i].value), list))
			return true;
	return false;
}

static void blocklists(FILE *out, const struct query_table *replies)
{
	unsigned int shown = 0;

	for (unsigned int i = 0; i < replies->count; i++) {
		struct bytes list = blocklist(replies->rows[i].value);

		if (!list.length || named_before(replies, i))
			continue;
		if (shown == BLOCKLISTS) {
			fputs(", and others", out);
			break;
		}
		fputs(shown++ ? ", " : " (", out);
		html_bytes(out, list);
	}
	if (shown)
		fputc(')', out);
}

static void refusals(FILE *out, const struct report *report, const struct query_sums *sums)
{
	if (!sums->refusals && !sums->blocklisted)
		return;
	counted(out, sums->refusals, "connection", false);
	fputs(sums->refusals == 1 ? " was" : " were", out);
	fputs(" refused by the other side, in whole or in part", out);
	if (sums->blocklisted) {
		fputs("; ", out);
		counted(out, sums->blocklisted, "answer", false);
		fputs(" named a blocklist", out);
		blocklists(out, &report->parts[REPORT_REPLIES].table);
	}
	fputs(". ", out);
}

static void unknown(FILE *out, const struct report *report)
{
	uint64_t number = report->parts[REPORT_ROWS].table.all.verdicts[VERDICT_UNKNOWN];

	if (!number)
		return;
	counted(out, number, "connection", false);
	fputs(" could not be judged for want of evidence. ", out);
}

static void own(FILE *out, const struct query_sums *sums)
{
	fputs("In the same time the host&#39;s mail server itself made ", out);
	counted(out, sums->connections, "connection", true);
	if (sums->connections) {
		fputs(", over which ", out);
		counted(out, sums->accepted, "message", true);
		fputs(sums->accepted == 1 ? " was accepted" : " were accepted", out);
	}
	fputs(". ", out);
}

static void overview(FILE *out, const struct report *report)
{
	const struct query_table *who = &report->parts[REPORT_ROWS].table;
	const struct query_sums round = of_verdicts(report, true), mta = of_verdicts(report, false);
	char count[HTML_NUMBER];
	uint64_t number;
	bool least;

	fputs("<p class=\"lead\">", out);
	between(out, report);
	number = programs(who, &least);
	if (round.connections) {
		html_count(count, number);
		fprintf(out, "<b>%s%s program%s</b> of ", least ? "at least " : "", count,
			plural(number));
		host(out, report);
		fprintf(out, " %s mail past its mail server: ", did(who, &round));
		sent(out, &round);
	} else {
		fputs("<b>no program</b> of ", out);
		host(out, report);
		fputs(" is known to have sent mail past its mail server. ", out);
	}
	fputs("</p>\n<p>", out);
	busiest(out, who, round.connections);
	refusals(out, report, &round);
	unknown(out, report);
	own(out, &mta);
}

/* Of one actor, or of the verdicts that were asked for. */
static void selected(FILE *out, const struct report *report)
{
	const struct query_table *who = &report->parts[REPORT_ROWS].table;
	uint64_t round = query_round(&who->all);
	char count[HTML_NUMBER];

	fputs("<p class=\"lead\">", out);
	between(out, report);
	html_count(count, who->groups);
	fprintf(out, "<b>%s program%s</b> of ", count, plural(who->groups));
	host(out, report);
	fputs(" made ", out);
	sent(out, &who->all);
	if (round == who->all.connections && round) {
		fputs("All of these went past the host&#39;s mail server. ", out);
	} else {
		counted(out, round, "connection", true);
		fputs(" of these went past the host&#39;s mail server. ", out);
	}
	fputs("</p>\n<p>", out);
	busiest(out, who, round);
	refusals(out, report, &who->all);
	unknown(out, report);
}

static void note(void *context, const char *words)
{
	(void)words;
	*(bool *)context = true;
}

static void tile(FILE *out, uint64_t number, const char *what)
{
	char shown[HTML_NUMBER];

	html_number(shown, number);
	fprintf(out, "<li><b>%s</b>%s</li>\n", shown, what);
}

static void tiles(FILE *out, const struct report *report, const struct query_sums *sums,
		  const char *what)
{
	const bool others = !sums->verdicts[VERDICT_LOCAL];

	fputs("<ul class=\"tiles\">\n", out);
	tile(out, sums->connections, what);
	tile(out, sums->accepted, others ? "messages accepted by others" : "messages accepted");
	tile(out, sums->recipients, others ? "recipients named to others" : "recipients named");
	tile(out, sums->refused, "of these recipients refused");
	tile(out, sums->blocklisted, "answers that named a blocklist");
	if (report->parts[REPORT_OWN].asked)
		tile(out, of_verdicts(report, false).connections,
		     "connections of the mail server itself");
	fputs("</ul>\n", out);
}

void report_html_summary(FILE *out, const struct report *report)
{
	const bool all = report->kind == REPORT_OVERVIEW && !report->verdicts;
	const struct report_part *who = &report->parts[REPORT_ROWS];
	const struct query_sums sums = all ? of_verdicts(report, true) : who->table.all;
	bool missing = false;

	if (who->failed || report->parts[REPORT_VERDICTS].failed) {
		fputs("<p class=\"lead\">Who sent mail could not be found out, because the store "
		      "gave no answer: see below.</p>\n",
		      out);
		return;
	}
	(all ? overview : selected)(out, report);
	report_missing_each(report, note, &missing);
	if (missing)
		fputs("Not all of this time is known: see &#8220;What is not known&#8221;.", out);
	fputs("</p>\n", out);
	tiles(out, report, &sums, all ? "connections past the mail server" : "connections");
}
