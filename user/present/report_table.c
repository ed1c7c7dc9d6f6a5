/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report_table.c - one table of a report, in text
 *
 * Numbers first, then a bar, then what they are of: names are copied from here, so they are never cut, but have a line of their own where
 * they find no room. In a bar "#" went round the MTA, "=" did not. Nothing is fatal.
 */
#include "present/report_table.h"

#include <inttypes.h>
#include <string.h>

#include "base/escape.h"

#define NUMBER_MIN 6
#define BAR_MIN 8
#define BAR_MAX 40
#define TIME_COLUMNS 11 /* "11-22 03:12" */
#define INDENT 4
#define PARAGRAPH 2
#define WORD_GAP 2
#define LEGEND "# ROUND THE MTA, = ELSE"
#define HOUR_NS (INT64_C(3600) * 1000000000)

struct columns {
	enum query_by by;
	bool round, times, blocked;
	unsigned int gap, number, left, bar; /* left: the name in front, 0 = it comes last */
	unsigned int spare; /* columns from the bar on */
	bool below; /* a last name that has a line of its own */
	uint64_t most; /* connections, of a full bar */
};

static unsigned int digits(uint64_t number)
{
	unsigned int count = 1;

	while (number /= 10)
		count++;
	return count;
}

static size_t name_columns(enum query_by by, const struct query_row *row)
{
	char room[REPORT_NAME], shown[LINE_BYTES];
	struct bytes name = report_name(by, row, room);
	size_t length = escape_text(shown, sizeof(shown), name.at, name.length, NULL);

	return escape_columns(shown, length);
}

static unsigned int number_columns(const struct query_sums *all)
{
	unsigned int wide = digits(all->connections), other = digits(all->recipients);

	wide = wide > other ? wide : other;
	return wide > NUMBER_MIN ? wide : NUMBER_MIN;
}

static struct columns columns_for(const struct text *text, const struct query_table *table,
				  bool round)
{
	const bool left = table->by == QUERY_BY_VERDICT || table->by == QUERY_BY_HOUR;
	struct columns columns = {
		.by = table->by,
		.round = round && table->by != QUERY_BY_VERDICT,
		.times = query_by_actor(table->by),
		.blocked = !query_by_value(table->by),
		.gap = text->layout.gap,
		.number = number_columns(&table->all),
	};
	const unsigned int gap = columns.gap;
	unsigned int used, spare;
	size_t longest = 0;

	for (unsigned int i = 0; i < table->count; i++) {
		size_t length = name_columns(table->by, &table->rows[i]);

		longest = length > longest ? length : longest;
		if (table->rows[i].sums.connections > columns.most)
			columns.most = table->rows[i].sums.connections;
	}
	/* CONN, RCPT, ROUND as wide as numbers are; ACCEPTED, REFUSED and BLOCKED as their names at least. */
	used = (2 + columns.round) * (columns.number + gap) +
	       (2 + columns.blocked) * ((columns.number > 8 ? columns.number : 8) + gap);
	if (left) {
		columns.left = table->by == QUERY_BY_HOUR ? 16 : 8;
		used += columns.left + gap;
	}
	if (columns.times)
		used += 2 * (TIME_COLUMNS + gap);
	spare = text->layout.width > used ? text->layout.width - used : 0;
	columns.spare = spare;
	columns.below = columns.by == QUERY_BY_WHO || (!left && spare < longest + gap + BAR_MIN);
	if (!left && !columns.below)
		spare -= (unsigned int)longest + gap;
	columns.bar = spare < BAR_MAX ? spare : BAR_MAX;
	return columns;
}

static void put_number(struct line *line, uint64_t number, unsigned int width, unsigned int gap)
{
	char shown[24];

	snprintf(shown, sizeof(shown), "%" PRIu64, number);
	line_cell_right(line, shown, width, gap);
}

static void put_bar(const struct text *text, struct line *line, const struct columns *columns,
		    const struct query_sums *sums)
{
	uint64_t most = columns->most ? columns->most : 1;
	/* What is there at all is seen. */
	unsigned int all = (unsigned int)((sums->connections * columns->bar + most - 1) / most);
	unsigned int bad = (unsigned int)((query_round(sums) * columns->bar + most - 1) / most);
	unsigned int end = line->columns + columns->bar + columns->gap;

	if (bad)
		line_colour(line, text_colour(text, STYLE_ALARM));
	for (unsigned int i = 0; i < all && i < columns->bar; i++) {
		if (bad && i == bad)
			line_colour(line, text_colour(text, STYLE_END));
		line_add(line, i < bad ? "#" : "=");
	}
	if (bad)
		line_colour(line, text_colour(text, STYLE_END));
	if (!columns->left && !columns->below)
		line_pad(line, end);
}

static unsigned int wide(const struct columns *columns)
{
	return columns->number > 8 ? columns->number : 8;
}

/* No head is over the names that stand behind the bar. */
static bool fits_head(const struct columns *columns)
{
	return columns->spare >= strlen(LEGEND);
}

static void put_head(const struct text *text, const struct columns *columns)
{
	struct line line;

	line_clear(&line);
	line_colour(&line, text_colour(text, STYLE_HEAD));
	if (columns->left)
		line_cell(&line, columns->by == QUERY_BY_HOUR ? "HOUR" : "VERDICT", columns->left,
			  columns->gap);
	line_cell_right(&line, "CONN", columns->number, columns->gap);
	if (columns->round)
		line_cell_right(&line, "ROUND", columns->number, columns->gap);
	line_cell_right(&line, "ACCEPTED", wide(columns), columns->gap);
	line_cell_right(&line, "RCPT", columns->number, columns->gap);
	line_cell_right(&line, "REFUSED", wide(columns), columns->gap);
	if (columns->blocked)
		line_cell_right(&line, "BLOCKED", wide(columns), columns->gap);
	if (columns->times) {
		line_cell(&line, "FIRST", TIME_COLUMNS, columns->gap);
		line_cell(&line, "LAST", TIME_COLUMNS, columns->gap);
	}
	if (columns->round && fits_head(columns))
		line_add(&line, LEGEND);
	line_colour(&line, text_colour(text, STYLE_END));
	text_put(text, &line);
}

static void put_numbers(const struct text *text, struct line *line, const struct columns *columns,
			const struct query_sums *sums)
{
	char first[REPORT_DATE] = "", last[REPORT_DATE] = "";

	put_number(line, sums->connections, columns->number, columns->gap);
	if (columns->round)
		put_number(line, query_round(sums), columns->number, columns->gap);
	put_number(line, sums->accepted, wide(columns), columns->gap);
	put_number(line, sums->recipients, columns->number, columns->gap);
	put_number(line, sums->refused, wide(columns), columns->gap);
	if (columns->blocked)
		put_number(line, sums->blocklisted, wide(columns), columns->gap);
	if (columns->times) {
		report_date_short(first, sums->first);
		report_date_short(last, sums->last);
		line_cell(line, sums->first ? first : "", TIME_COLUMNS, columns->gap);
		line_cell(line, sums->last ? last : "", TIME_COLUMNS, columns->gap);
	}
	put_bar(text, line, columns, sums);
}

/* A foreign text as words of a line below, whole. */
static void put_words(const struct text *text, struct line *line, struct bytes words)
{
	char shown[LINE_BYTES];

	if (!words.length)
		return;
	escape_text(shown, sizeof(shown), words.at, words.length, NULL);
	text_whole(text, line, shown, INDENT, WORD_GAP);
}

static void put_verdicts(const struct text *text, struct line *line, const struct query_sums *sums)
{
	static const enum verdict_class order[] = {VERDICT_IMPOSTOR, VERDICT_BYPASS,
						   VERDICT_UNKNOWN,  VERDICT_RELAY,
						   VERDICT_LOCAL,    VERDICT_MTA};
	char words[64];

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		uint64_t number = sums->verdicts[order[i]];

		if (!number)
			continue;
		if (number == sums->connections)
			snprintf(words, sizeof(words), "%s", verdict_name(order[i]));
		else
			snprintf(words, sizeof(words), "%" PRIu64 " %s", number,
				 verdict_name(order[i]));
		text_word(text, line, words, INDENT, WORD_GAP);
	}
}

/* A script's other file: what included it, or what it ran. */
static void put_with(const struct text *text, struct line *line, const struct query_actor *actor)
{
	if (!actor->with.length)
		return;
	text_word(text, line, "with", INDENT, WORD_GAP);
	put_words(text, line, actor->with);
}

static void put_who(const struct text *text, const struct query_row *row)
{
	const struct query_actor *actor = &row->actor;
	char room[REPORT_NAME], words[64];
	struct line line;

	line_clear(&line);
	put_words(text, &line, report_name(QUERY_BY_USER, row, room));
	put_words(text, &line, report_name(QUERY_BY_WHO, row, room));
	put_with(text, &line, actor);
	put_words(text, &line, actor->service);
	put_words(text, &line, actor->container);
	put_verdicts(text, &line, &row->sums);
	if (row->sums.attempts_only) {
		snprintf(words, sizeof(words), "%" PRIu64 " only tried", row->sums.attempts_only);
		text_word(text, &line, words, INDENT, WORD_GAP);
	}
	snprintf(words, sizeof(words), "actor %" PRId64, actor->id);
	text_word(text, &line, words, INDENT, WORD_GAP);
	text_put(text, &line);
}

static void put_row(const struct text *text, const struct columns *columns,
		    const struct query_row *row)
{
	char room[REPORT_NAME];
	struct bytes name = report_name(columns->by, row, room);
	struct line line;

	line_clear(&line);
	if (columns->left) {
		line_bytes(&line, name.at, name.length);
		line_pad(&line, columns->left + columns->gap);
	}
	put_numbers(text, &line, columns, &row->sums);
	if (!columns->left && !columns->below)
		line_bytes(&line, name.at, name.length);
	text_put(text, &line);
	if (columns->by == QUERY_BY_WHO) {
		put_who(text, row);
	} else if (columns->below) {
		put_words(text, &line, name);
		if (columns->by == QUERY_BY_SCRIPT)
			put_with(text, &line, &row->actor);
		text_put(text, &line);
	}
}

void report_sums(char out[REPORT_SUMS], const struct query_sums *sums)
{
	snprintf(out, REPORT_SUMS,
		 "%" PRIu64 " connection%s, %" PRIu64 " message%s accepted, %" PRIu64
		 " recipient%s, %" PRIu64 " refused",
		 sums->connections, plural(sums->connections), sums->accepted,
		 plural(sums->accepted), sums->recipients, plural(sums->recipients), sums->refused);
}

/* Hours in which nothing was said are told, not drawn. */
static void put_pause(const struct text *text, const struct query_row *before,
		      const struct query_row *row)
{
	int64_t hours = (row->hour - before->hour) / HOUR_NS - 1;

	if (hours > 0)
		fprintf(text->out, "%*s%" PRId64 " hour%s without a connection\n", INDENT, "",
			hours, plural((uint64_t)hours));
}

bool report_moved(char out[REPORT_MOVED], const struct query_plan *plan)
{
	char date[REPORT_DATE];
	size_t used = 0;

	out[0] = '\0';
	if (plan->since_moved) {
		report_date(date, plan->since);
		used = (size_t)snprintf(
			out, REPORT_MOVED,
			plan->unit ? "Counted from %s on: connections in full are not kept that "
				     "long, and the sums are of whole %s."
				   : "Counted from %s on only: before, connections in full are "
				     "not kept, and the %s have no answer to this.",
			date,
			plan->unit == HOUR_NS ? "hours"
			: plan->unit	      ? "days (UTC)"
					      : "sums");
	}
	if (plan->until_moved) {
		report_date(date, plan->until);
		snprintf(out + used, REPORT_MOVED - used, "%sCounted until %s%s.", used ? " " : "",
			 date, used ? ", for the same reason" : "");
	}
	return out[0];
}

static void put_rest(const struct text *text, const struct query_table *table)
{
	char sums[REPORT_SUMS], words[REPORT_SUMS + 128];

	if (table->rest.connections) {
		report_sums(sums, &table->rest);
		snprintf(words, sizeof(words), "and %" PRIu64 " more: %s (--top)",
			 table->groups - table->count, sums);
		text_paragraph(text, words, PARAGRAPH);
	}
	if (table->others.connections) {
		report_sums(sums, &table->others);
		snprintf(words, sizeof(words),
			 "others, more different ones in a day than the store tells apart: %s",
			 sums);
		text_paragraph(text, words, PARAGRAPH);
	}
}

void report_table(const struct text *text, const struct report_part *part, bool round)
{
	const struct query_table *table = &part->table;
	struct columns columns;
	char words[QUERY_ERROR + REPORT_MOVED];

	if (part->failed) {
		snprintf(words, sizeof(words), "No answer: %s.", part->error);
		text_paragraph(text, words, PARAGRAPH);
		return;
	}
	if (report_moved(words, &table->plan))
		text_paragraph(text, words, PARAGRAPH);
	if (!table->all.connections) {
		text_paragraph(text, "No connections.", PARAGRAPH);
		return;
	}
	columns = columns_for(text, table, round);
	if (table->count)
		put_head(text, &columns);
	for (unsigned int i = 0; i < table->count; i++) {
		if (i && table->by == QUERY_BY_HOUR)
			put_pause(text, &table->rows[i - 1], &table->rows[i]);
		put_row(text, &columns, &table->rows[i]);
	}
	if (columns.round && table->count && !fits_head(&columns))
		text_paragraph(text, "(# round the MTA, = else)", PARAGRAPH);
	put_rest(text, table);
}
