/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * layout.c - one line of text with known columns, and the widths of the table
 *
 * Columns are those of a terminal: wide characters count two. A line that is over its buffer is cut; nothing is fatal.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/escape.h"
#include "present/layout.h"

#define ELLIPSIS "\xe2\x80\xa6" /* U+2026, one column */

void line_clear(struct line *line)
{
	line->length = 0;
	line->columns = 0;
	line->text[0] = '\0';
}

static void add(struct line *line, const char *text, size_t length)
{
	size_t room = sizeof(line->text) - 1 - line->length;

	if (length > room)
		length = room;
	memcpy(line->text + line->length, text, length);
	line->length += length;
	line->text[line->length] = '\0';
}

void line_add(struct line *line, const char *text)
{
	size_t length = strlen(text);

	add(line, text, length);
	line->columns += (unsigned int)escape_columns(text, length);
}

void line_format(struct line *line, const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	line_add(line, text);
}

void line_bytes(struct line *line, const char *bytes, size_t length)
{
	size_t before = line->length;

	line->length +=
		escape_text(line->text + before, sizeof(line->text) - before, bytes, length, NULL);
	line->columns += (unsigned int)escape_columns(line->text + before, line->length - before);
}

void line_colour(struct line *line, const char *sequence)
{
	add(line, sequence, strlen(sequence));
}

void line_pad(struct line *line, unsigned int column)
{
	while (line->columns < column && line->length + 1 < sizeof(line->text)) {
		add(line, " ", 1);
		line->columns++;
	}
}

/* Bytes of the UTF-8 sequence that begins at *text; escaped text is valid. */
static size_t sequence_length(const char *text)
{
	unsigned char c = (unsigned char)*text;
	size_t length = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	return strnlen(text, length);
}

/* Bytes of the beginning that fit into `width` columns and `size` bytes: combining characters take no column. */
static size_t prefix(const char *text, unsigned int width, size_t size)
{
	size_t length = 0;
	unsigned int columns = 0;

	while (text[length]) {
		size_t next = sequence_length(text + length);

		columns += (unsigned int)escape_columns(text + length, next);
		if (columns > width || length + next > size)
			break;
		length += next;
	}
	return length;
}

static size_t total_columns(const char *text)
{
	return escape_columns(text, strlen(text));
}

size_t columns_prefix(const char *text, unsigned int width)
{
	return prefix(text, width, LINE_BYTES - 1);
}

void columns_fit(char *out, size_t size, const char *text, unsigned int width)
{
	if (total_columns(text) <= width && strlen(text) < size)
		snprintf(out, size, "%s", text);
	else
		snprintf(out, size, "%.*s" ELLIPSIS,
			 (int)prefix(text, width - 1, size - sizeof(ELLIPSIS)), text);
}

void columns_fit_path(char *out, size_t size, const char *text, unsigned int width)
{
	const char *slash = text;

	if (total_columns(text) <= width && strlen(text) < size) {
		snprintf(out, size, "%s", text);
		return;
	}
	while ((slash = strchr(slash + 1, '/'))) {
		if (total_columns(slash) + 1 <= width && strlen(slash) + sizeof(ELLIPSIS) <= size) {
			snprintf(out, size, ELLIPSIS "%s", slash);
			return;
		}
	}
	slash = strrchr(text, '/');
	columns_fit(out, size, slash ? slash + 1 : text, width);
}

static void cell(struct line *line, const char *text, unsigned int width, unsigned int gap,
		 bool right)
{
	char fitted[LINE_BYTES];
	unsigned int start = line->columns;

	columns_fit(fitted, sizeof(fitted), text, width);
	if (right)
		line_pad(line, start + width - (unsigned int)total_columns(fitted));
	line_add(line, fitted);
	line_pad(line, start + width + gap);
}

void line_cell(struct line *line, const char *text, unsigned int width, unsigned int gap)
{
	cell(line, text, width, gap, false);
}

void line_cell_right(struct line *line, const char *text, unsigned int width, unsigned int gap)
{
	cell(line, text, width, gap, true);
}

static unsigned int share(unsigned int spare, unsigned int percent, unsigned int most)
{
	unsigned int part = spare * percent / 100;

	return part < most ? part : most;
}

struct layout layout_for(unsigned int width)
{
	/* 80 columns exactly; an IPv4 address with a port of two digits and "554 5.7.1" are whole. */
	struct layout layout = {.width = width,
				.gap = 1,
				.time = 8,
				.verdict = 8,
				.who = 8,
				.sent_by = 13,
				.to = 18,
				.mail = 4,
				.rcpt = 5,
				.answer = 9};
	unsigned int spare;

	if (width < COLUMNS_MIN)
		layout.width = COLUMNS_MIN;
	if (width > COLUMNS_MAX)
		layout.width = COLUMNS_MAX;
	spare = layout.width - COLUMNS_MIN;
	if (spare >= 20) {
		layout.gap = 2;
		spare -= 7;
	}
	/* An IPv4 address with any port, three-digit counts; then ANSWER grows, for a queue id's sake. */
	layout.to += share(spare, 10, 3);
	layout.who += share(spare, 8, 8);
	layout.sent_by += share(spare, 30, 40);
	layout.mail += share(spare, 5, 1);
	layout.rcpt += share(spare, 6, 2);
	/* Most IPv6 addresses are whole at 160, the longest at 240. */
	if (spare > 53)
		layout.to += share(spare - 53, 60, 26);
	layout.answer = layout.width - 7 * layout.gap - layout.time - layout.verdict - layout.who -
			layout.sent_by - layout.to - layout.mail - layout.rcpt;
	return layout;
}

void layout_for_states(struct layout *layout)
{
	layout->time += 2;
	layout->sent_by -= 2;
}
