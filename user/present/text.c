/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * text.c - the live view for people: what all of its parts share
 *
 * Colour only sets off what the words say already. Nothing is fatal.
 */
#include <string.h>
#include <time.h>

#include "base/escape.h"
#include "present/text.h"
#include "base/number.h"

const char *text_colour(const struct text *text, enum text_style style)
{
	static const char *const sequences[] = {
		[STYLE_HEAD] = "\033[4m",  [STYLE_ALARM] = "\033[1;31m", [STYLE_DOUBT] = "\033[33m",
		[STYLE_QUIET] = "\033[2m", [STYLE_END] = "\033[0m",
	};

	return text->colour ? sequences[style] : "";
}

enum text_style text_verdict_style(enum verdict_class class)
{
	switch (class) {
	case VERDICT_BYPASS:
	case VERDICT_IMPOSTOR:
		return STYLE_ALARM;
	case VERDICT_UNKNOWN:
		return STYLE_DOUBT;
	default:
		return STYLE_QUIET;
	}
}

void text_put(const struct text *text, struct line *line)
{
	while (line->length && line->text[line->length - 1] == ' ')
		line->length--;
	line->text[line->length++] = '\n'; /* over its NUL */
	if (text->fold)
		fold_line(text->fold, text->out, line->text, line->length);
	else
		fwrite(line->text, 1, line->length, text->out);
	line_clear(line);
}

void text_word(const struct text *text, struct line *line, const char *word, unsigned int indent,
	       unsigned int gap)
{
	unsigned int columns = (unsigned int)escape_columns(word, strlen(word));
	char fitted[LINE_BYTES];

	if (line->columns > indent) {
		if (line->columns + gap + columns > text->layout.width)
			text_put(text, line);
		else
			line_pad(line, line->columns + gap);
	}
	line_pad(line, indent);
	columns_fit(fitted, sizeof(fitted), word, text->layout.width - indent);
	line_add(line, fitted);
}

void text_whole(const struct text *text, struct line *line, const char *words, unsigned int indent,
		unsigned int gap)
{
	const unsigned int width = text->layout.width - indent;
	char piece[LINE_BYTES];

	if (escape_columns(words, strlen(words)) <= width) {
		if (*words)
			text_word(text, line, words, indent, gap);
		return;
	}
	while (*words) {
		size_t length = strcspn(words, " "), fits = columns_prefix(words, width);

		if (length > fits)
			length = fits;
		snprintf(piece, sizeof(piece), "%.*s", (int)length, words);
		if (length)
			text_word(text, line, piece, indent, gap);
		gap = words[length] == ' ';
		words += length + gap;
	}
}

void text_paragraph(const struct text *text, const char *words, unsigned int indent)
{
	struct line line;
	char word[LINE_BYTES];

	line_clear(&line);
	while (*words) {
		size_t length = strcspn(words, " ");

		snprintf(word, sizeof(word), "%.*s", (int)length, words);
		if (length)
			text_word(text, &line, word, indent, 1);
		words += length + (words[length] == ' ');
	}
	if (line.columns)
		text_put(text, &line);
}

void text_bytes(char out[TEXT_BYTES], uint64_t bytes)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
	double number = (double)bytes;
	unsigned int unit = 0;

	while (number >= 1000 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		number /= 1000;
		unit++;
	}
	snprintf(out, TEXT_BYTES, unit && number < 10 ? "%.1f %s" : "%.0f %s", number, units[unit]);
}

static void broken_down(struct tm *tm, int64_t unix_ns)
{
	time_t seconds = (time_t)(unix_ns / 1000000000);

	localtime_r(&seconds, tm);
}

void text_clock(char *out, size_t size, int64_t unix_ns)
{
	struct tm tm;

	broken_down(&tm, unix_ns);
	strftime(out, size, "%H:%M:%S", &tm);
}

void text_date(char *out, size_t size, int64_t unix_ns)
{
	struct tm tm;

	broken_down(&tm, unix_ns);
	strftime(out, size, "%Y-%m-%d %H:%M:%S", &tm);
}

static void ports(char *out, size_t size, const struct frame_start *start)
{
	size_t used = (size_t)snprintf(out, size, "port%s", plural(start->port_count));

	for (unsigned int i = 0; i < start->port_count && i < 64 && used + 8 < size; i++)
		used += (size_t)snprintf(out + used, size - used, " %u", start->ports[i]);
	/* Only who sees what is said can tell SMTP on a port that is not listed. */
	if (start->capture || strstr(start->hooks, "cgroup_skb"))
		snprintf(out + used, size - used, " and SMTP on any port");
}

static void degraded(const struct text *text, const char *sentences)
{
	struct line line;

	while (*sentences) {
		size_t length = strcspn(sentences, "\n");
		const char *end = sentences + length;
		bool first = true;

		line_clear(&line);
		line_colour(&line, text_colour(text, STYLE_DOUBT));
		line_add(&line, "Degraded:");
		while (sentences < end) {
			size_t word = strcspn(sentences, " \n");
			char escaped[512];

			escape_text(escaped, sizeof(escaped), sentences, word, NULL);
			if (word)
				text_word(text, &line, escaped, first ? 0 : 10, 1);
			first = false;
			sentences += word + (sentences[word] == ' ');
		}
		line_colour(&line, text_colour(text, STYLE_END));
		text_put(text, &line);
		sentences += *sentences == '\n';
	}
}

void text_header(const struct text *text, const struct frame_start *start)
{
	char word[512];
	struct line line;

	line_clear(&line);
	text_word(text, &line, "smtpsnoop " SMTPSNOOP_VERSION, 0, 0);
	if (!start->capture) {
		line_add(&line, "  Linux ");
		line_bytes(&line, start->kernel, strnlen(start->kernel, sizeof(start->kernel)));
	}
	text_word(text, &line, start->hooks, 0, 2);
	ports(word, sizeof(word), start);
	text_word(text, &line, word, 0, 2);
	if (!start->capture && !text->snapshot)
		text_word(text, &line, "(Ctrl-C for the summary)", 0, 3);
	text_put(text, &line);
	degraded(text, start->degraded);
}

void text_columns(const struct text *text)
{
	const struct layout *layout = &text->layout;
	struct line line;

	line_clear(&line);
	line_colour(&line, text_colour(text, STYLE_HEAD));
	line_cell(&line, text->snapshot ? "STATE" : "TIME", layout->time, layout->gap);
	line_cell(&line, "VERDICT", layout->verdict, layout->gap);
	line_cell(&line, "WHO", layout->who, layout->gap);
	line_cell(&line, "SENT BY", layout->sent_by, layout->gap);
	line_cell(&line, "TO", layout->to, layout->gap);
	line_cell_right(&line, "MAIL", layout->mail, layout->gap);
	line_cell_right(&line, "RCPT", layout->rcpt, layout->gap);
	line_add(&line, "ANSWER");
	line_colour(&line, text_colour(text, STYLE_END));
	text_put(text, &line);
}
