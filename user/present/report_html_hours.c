/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report_html_hours.c - when: a time line that the program draws itself, and the same as a table
 *
 * Two rows of bars over one axis, each with a scale of its own: what went round the MTA is often a hundred times what the MTA does, or a
 * hundredth. Times in which nothing was recorded are hatched, so that nobody takes them for quiet. Drawn twice, since letters that are
 * scaled down to a phone cannot be read. Nothing is fatal.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "present/report_html.h"
#include "present/report_table.h"
#include "present/timeline.h"

#define HOUR_NS (INT64_C(3600) * 1000000000)
#define ROW 128 /* height of a row of bars, its caption above it */
#define CAPTION 34
#define AXIS 36
#define LETTER 7 /* pixels of a digit */
#define ABOVE 0

struct picture {
	FILE *out;
	const struct report *report;
	const struct timeline *line;
	const char *kind; /* "wide": also part of names in it */
	double left, width; /* of the bars */
	int total, rows; /* pixels, rows of bars */
	int64_t since, until; /* of the axis */
};

static double x_of(const struct picture *picture, int64_t unix_ns)
{
	double part =
		(double)(unix_ns - picture->since) / (double)(picture->until - picture->since);

	return picture->left + picture->width * (part < 0 ? 0 : part > 1 ? 1 : part);
}

static int bottom(const struct picture *picture)
{
	return ABOVE + picture->rows * ROW;
}

/* One digit and noughts, or 10: the top of a scale. An even one has a line at its half. */
static uint64_t round_up(uint64_t most)
{
	static const unsigned int tops[] = {1, 2, 4, 6, 8, 10};
	uint64_t unit = 1;

	while (unit <= most / 10)
		unit *= 10;
	for (size_t i = 0; i < sizeof(tops) / sizeof(tops[0]); i++)
		if (unit <= UINT64_MAX / 10 && most <= unit * tops[i])
			return unit * tops[i];
	return most;
}

/* A place, and where its words begin, end or have their middle. */
static void letters(const struct picture *picture, const char *class, double x, int y,
		    const char *anchor, const char *words)
{
	fprintf(picture->out,
		"<text class=\"%s\" x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">%s</text>\n", class, x,
		y, anchor, words);
}

static void scale(const struct picture *picture, int top, uint64_t most)
{
	const double right = picture->left + picture->width;
	char shown[HTML_NUMBER];

	for (int half = most > 1 && most % 2 == 0 ? 2 : 1, i = 0; i <= half; i++) {
		int y = top + (ROW - CAPTION) * (half - i) / half;

		html_number(shown, most / (uint64_t)half * (uint64_t)i);
		letters(picture, "scale", picture->left - 6, y + 4, "end", shown);
		fprintf(picture->out, "<line%s x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"/>\n",
			i ? "" : " class=\"base\"", picture->left, y, right, y);
	}
}

static void rect(const struct picture *picture, const char *class, double x, double width, double y,
		 double height)
{
	fprintf(picture->out,
		"<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>", class,
		x, y, width, height);
}

static void bar_words(const struct picture *picture, const struct timeline_bar *bar, bool own)
{
	char label[REPORT_DATE], number[HTML_NUMBER], refused[HTML_NUMBER];

	timeline_label(label, picture->line, bar->since);
	html_number(number, own ? bar->own : bar->past);
	html_number(refused, bar->refused);
	fprintf(picture->out, "<title>%s: %s", label, number);
	if (!own)
		fprintf(picture->out, ", %s refused", refused);
	fputs("</title>", picture->out);
}

static void bar(const struct picture *picture, const struct timeline_bar *one, int top,
		uint64_t most, bool own)
{
	const double height = ROW - CAPTION, base = top + height;
	uint64_t number = own ? one->own : one->past, refused = own ? 0 : one->refused;
	double x = x_of(picture, one[0].since), end = x_of(picture, one[1].since);
	double gap = end - x > 4 ? 1 : end - x > 2 ? 0.5 : 0;
	double all = (double)number / (double)most * height;
	double low = (double)refused / (double)most * height;

	if (!number)
		return;
	/* What is there at all is seen. */
	all = all < 1.5 ? 1.5 : all;
	fputs("<g>", picture->out);
	bar_words(picture, one, own);
	if (low < all)
		rect(picture, own ? "own" : "past", x + gap / 2, end - x - gap, base - all,
		     all - low);
	if (refused)
		rect(picture, "refused", x + gap / 2, end - x - gap, base - low, low);
	fputs("</g>\n", picture->out);
}

static uint64_t most_of(const struct timeline *line, bool own)
{
	uint64_t most = 0;

	for (unsigned int i = 0; i < line->count; i++) {
		uint64_t number = own ? line->bars[i].own : line->bars[i].past;

		most = number > most ? number : most;
	}
	return most;
}

static void row(const struct picture *picture, int which, bool own)
{
	const char *past = picture->report->verdicts		   ? "Connections"
			   : picture->report->kind == REPORT_ACTOR ? "Connections of this sender"
								   : "Past the mail server";
	char words[128], unit[TIMELINE_UNIT];
	uint64_t most = round_up(most_of(picture->line, own));
	int top = ABOVE + which * ROW + CAPTION;

	timeline_unit(unit, picture->line);
	snprintf(words, sizeof(words),
		 picture->total > 600 ? "%s, connections by the %s" : "%s, by the %s",
		 own ? "Mail server, relay and local" : past, unit);
	letters(picture, "head", picture->left, top - 10, "start", words);
	scale(picture, top, most);
	for (unsigned int i = 0; i < picture->line->count; i++)
		bar(picture, &picture->line->bars[i], top, most, own);
}

static void hatched(const struct picture *picture, int64_t since, int64_t until)
{
	double x, end;

	since = since > picture->since ? since : picture->since;
	until = until < picture->until ? until : picture->until;
	if (since >= until)
		return;
	x = x_of(picture, since);
	end = x_of(picture, until);
	fprintf(picture->out,
		"<rect fill=\"url(#hatch-%s)\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\">"
		"<title>nothing was recorded</title></rect>\n",
		picture->kind, x, ABOVE, end - x < 1 ? 1 : end - x, picture->rows * ROW);
}

/* When nothing was recorded: before the store began, and when the collector did not run. Ends of time that was not asked for are left. */
static bool unrecorded(const struct report *report,
		       void (*draw)(const struct picture *, int64_t since, int64_t until),
		       const struct picture *picture)
{
	int64_t since, until, begin = report->extent.created;
	bool any = false;

	report_period(report, &since, &until);
	if (report->extent.first && report->extent.first < begin)
		begin = report->extent.first;
	if (since < begin) {
		any = true;
		if (draw)
			draw(picture, since, begin < until ? begin : until);
	}
	for (unsigned int i = 0; i < report->known.gap_count; i++) {
		const struct query_gap *gap = &report->known.gaps[i];

		any = true;
		if (draw)
			draw(picture, gap->since > since ? gap->since : since,
			     gap->until < until ? gap->until : until);
	}
	return any;
}

static int local_hour(int64_t unix_ns)
{
	time_t seconds = (time_t)(unix_ns / 1000000000);
	struct tm tm;

	return localtime_r(&seconds, &tm) ? tm.tm_hour : 0;
}

/* Which bars have a label: each n-th day, or round hours of the day. */
static unsigned int tick_step(const struct picture *picture)
{
	static const unsigned int hours[] = {1, 2, 3, 4, 6, 12, 24, 48, 120},
				  days[] = {1, 2, 5, 7, 14, 28, 60, 120};
	const unsigned int *steps = picture->line->days ? days : hours;
	size_t count = picture->line->days ? sizeof(days) / sizeof(days[0])
					   : sizeof(hours) / sizeof(hours[0]);
	double each = picture->width / picture->line->count;
	double need = picture->line->days ? 48 : 42;

	for (size_t i = 0; i < count; i++)
		if (each * steps[i] >= need)
			return steps[i];
	return steps[count - 1];
}

static void tick(const struct picture *picture, int64_t since, bool dated)
{
	char date[REPORT_DATE];
	double x = x_of(picture, since);
	int y = bottom(picture);

	report_date_short(date, since);
	fprintf(picture->out,
		"<line class=\"base\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"/>\n", x, y, x,
		y + 4);
	if (picture->line->days == 0)
		letters(picture, "tick", x, y + 16, "middle", date + strlen("11-22 "));
	date[strlen("11-22")] = '\0';
	if (dated)
		letters(picture, "tick", x, y + (picture->line->days ? 16 : 30), "middle", date);
}

/* The date stands below the first hour of a day that has a label. */
static void axis(const struct picture *picture)
{
	const struct timeline *line = picture->line;
	const unsigned int step = tick_step(picture);
	char shown[REPORT_DATE] = "", date[REPORT_DATE];

	for (unsigned int i = 0; i < line->count; i++) {
		int64_t since = line->bars[i].since;
		bool labelled = line->days  ? i % step == 0
				: step < 24 ? local_hour(since) % (int)step == 0
					    : local_hour(since) == 0;

		if (!labelled)
			continue;
		report_date(date, since);
		date[strlen("2026-11-22")] = '\0';
		tick(picture, since, line->days || strcmp(date, shown) != 0);
		memcpy(shown, date, sizeof(shown));
	}
}

static void describe(const struct picture *picture)
{
	const struct timeline *line = picture->line;
	const struct timeline_bar *most = &line->bars[0];
	char label[REPORT_DATE], number[HTML_NUMBER], unit[TIMELINE_UNIT], first[REPORT_DATE],
		last[REPORT_DATE];

	for (unsigned int i = 1; i < line->count; i++)
		if (line->bars[i].past > most->past)
			most = &line->bars[i];
	report_date(first, picture->since);
	report_date(last, picture->until);
	timeline_unit(unit, line);
	timeline_label(label, line, most->since);
	html_number(number, most->past);
	fprintf(picture->out,
		"<title id=\"title-%s\">Mail connections by the %s</title>\n"
		"<desc id=\"desc-%s\">Bars from %s to %s. ",
		picture->kind, unit, picture->kind, first, last);
	if (most->past)
		fprintf(picture->out, "The most in one %s: %s connection%s%s, at %s. ", unit,
			number, plural(most->past),
			picture->report->kind == REPORT_OVERVIEW && !picture->report->verdicts
				? " past the mail server"
				: "",
			label);
	fputs("All numbers are in the table behind the picture.</desc>\n", picture->out);
}

static void draw(const struct picture *picture)
{
	fprintf(picture->out,
		"<svg class=\"chart %s\" viewBox=\"0 0 %d %d\" role=\"img\" "
		"aria-labelledby=\"title-%s desc-%s\" xmlns=\"http://www.w3.org/2000/svg\">\n",
		picture->kind, picture->total, bottom(picture) + AXIS, picture->kind,
		picture->kind);
	describe(picture);
	fprintf(picture->out,
		"<defs><pattern id=\"hatch-%s\" width=\"6\" height=\"6\" "
		"patternUnits=\"userSpaceOnUse\"><path class=\"hatch\" "
		"d=\"M-1,7 L7,-1 M-1,1 L1,-1 M5,7 L7,5\"/></pattern></defs>\n",
		picture->kind);
	unrecorded(picture->report, hatched, picture);
	row(picture, 0, false);
	if (picture->rows > 1)
		row(picture, 1, true);
	axis(picture);
	fputs("</svg>\n", picture->out);
}

static void pictures(FILE *out, const struct report *report, const struct timeline *line)
{
	struct picture picture = {
		.out = out,
		.report = report,
		.line = line,
		.rows = report->parts[REPORT_OWN_HOURS].asked ? 2 : 1,
		.since = line->bars[0].since,
		.until = line->bars[line->count].since,
	};
	uint64_t past = round_up(most_of(line, false)), own = round_up(most_of(line, true));
	char widest[HTML_NUMBER];

	html_number(widest, past > own ? past : own);
	picture.left = (double)(10 + LETTER * strlen(widest));
	picture.kind = "wide";
	picture.total = 1000;
	picture.width = picture.total - picture.left - 16;
	draw(&picture);
	picture.kind = "narrow";
	picture.total = 340;
	picture.width = picture.total - picture.left - 12;
	draw(&picture);
}

static void key(FILE *out, const char *class, const char *words)
{
	fprintf(out,
		"<li><svg class=\"key\" viewBox=\"0 0 12 12\" aria-hidden=\"true\"><rect "
		"class=\"%s\" "
		"width=\"12\" height=\"12\"/></svg>%s</li>\n",
		class, words);
}

static void legend(FILE *out, const struct report *report)
{
	const bool all = report->kind == REPORT_OVERVIEW && !report->verdicts;

	fputs("<figcaption><ul class=\"legend\">\n", out);
	key(out, "past", all ? "past the mail server" : "connections");
	key(out, "refused", "of these refused by the other side");
	if (report->parts[REPORT_OWN_HOURS].asked)
		key(out, "own", "the mail server&#39;s own, and what was allowed");
	if (unrecorded(report, NULL, NULL))
		fputs("<li><svg class=\"key\" viewBox=\"0 0 12 12\" aria-hidden=\"true\">"
		      "<path class=\"hatch\" d=\"M0,6 L6,0 M0,12 L12,0 M6,12 L12,6\"/></svg>"
		      "nothing was recorded</li>\n",
		      out);
	fputs("</ul></figcaption>\n", out);
}

static void table_row(FILE *out, const struct timeline *line, const struct timeline_bar *bar,
		      bool own)
{
	char label[REPORT_DATE], number[HTML_NUMBER];

	timeline_label(label, line, bar->since);
	html_number(number, bar->past);
	fprintf(out, "<tr><th scope=\"row\" class=\"t\">%s</th><td class=\"n\">%s</td>", label,
		number);
	html_number(number, bar->refused);
	fprintf(out, "<td class=\"n\">%s</td>", number);
	html_number(number, bar->own);
	if (own)
		fprintf(out, "<td class=\"n\">%s</td>", number);
	fputs("</tr>\n", out);
}

static void table(FILE *out, const struct report *report, const struct timeline *line)
{
	const bool own = report->parts[REPORT_OWN_HOURS].asked;

	fputs("<details>\n<summary>The same as a table</summary>\n", out);
	report_html_box(out, "Connections by time");
	fprintf(out,
		"<thead><tr><th scope=\"col\">From</th><th scope=\"col\" class=\"n\">%s</th>"
		"<th scope=\"col\" class=\"n\">of these refused</th>%s</tr></thead>\n"
		"<tbody class=\"short\">\n",
		own ? "Past the mail server" : "Connections",
		own ? "<th scope=\"col\" class=\"n\">Mail server, relay and local</th>" : "");
	for (unsigned int i = 0; i < line->count; i++)
		if (line->bars[i].past || line->bars[i].own)
			table_row(out, line, &line->bars[i], own);
	report_html_box_end(out);
	fputs("<p class=\"note\">Times that are not in the table had no connection that is "
	      "known.</p>\n</details>\n",
	      out);
}

/* What the bars do not have in them. */
static void notes(FILE *out, const struct report *report)
{
	const struct query_table *hours = &report->parts[REPORT_HOURS].table;
	char words[REPORT_MOVED], number[HTML_NUMBER];

	if (report_moved(words, &hours->plan))
		fprintf(out, "<p class=\"note\">%s</p>\n", words);
	if (hours->rest.connections) {
		html_number(number, hours->rest.connections);
		fprintf(out, "<p class=\"note\">Not drawn: %s connection%s of later hours.</p>\n",
			number, plural(hours->rest.connections));
	}
	if (report->kind == REPORT_OVERVIEW && !report->verdicts &&
	    hours->all.verdicts[VERDICT_UNKNOWN])
		fputs("<p class=\"note\">Connections that could not be judged are drawn with those "
		      "past the mail server.</p>\n",
		      out);
}

void report_html_hours(FILE *out, const struct report *report)
{
	const struct report_part *hours = &report->parts[REPORT_HOURS],
				 *own = &report->parts[REPORT_OWN_HOURS];
	struct timeline line;

	if (!hours->asked)
		return;
	fputs("<section>\n<h2>When</h2>\n", out);
	timeline_make(&line, report);
	if (hours->failed || own->failed) {
		fputs("<p>No answer: ", out);
		html_text(out, hours->failed ? hours->error : own->error);
		fputs(".</p>\n", out);
	} else if (!hours->table.all.connections && !own->table.all.connections) {
		fputs("<p>No connections.</p>\n", out);
	} else if (line.count) {
		fputs("<figure>\n", out);
		pictures(out, report, &line);
		legend(out, report);
		fputs("</figure>\n", out);
		notes(out, report);
		table(out, report, &line);
	}
	fputs("</section>\n", out);
}
