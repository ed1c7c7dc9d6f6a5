/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lines.c - lines put together from pieces
 *
 * A line ends with LF; the CR before it goes too (RFC 5321 2.3.8 wants both). A CR elsewhere is a byte like any other. Of a
 * line longer than LIMIT_LINE the beginning is kept. Nothing is fatal.
 */
#include <string.h>

#include "smtp/lines.h"

void line_reset(struct session_line *line)
{
	line->length = 0;
	line->begun = line->cut = line->lost = line->after_cr = line->bare_lf = false;
}

void line_lose(struct session_line *line)
{
	line_reset(line);
	line->begun = line->lost = true;
}

static void keep(struct session_line *line, const uint8_t *bytes, size_t length)
{
	size_t room = sizeof(line->bytes) - line->length;
	size_t kept = length < room ? length : room;

	if (!length)
		return;
	memcpy(line->bytes + line->length, bytes, kept);
	line->length += kept;
	line->begun = true;
	line->cut = line->cut || kept < length;
	line->after_cr = bytes[length - 1] == '\r';
}

void line_end(struct session_line *line)
{
	if (line->after_cr && !line->cut)
		line->length--;
	if (line->length > LIMIT_LINE) {
		line->length = LIMIT_LINE;
		line->cut = true;
	}
}

size_t line_take(struct session_line *line, const uint8_t *bytes, size_t length, bool *complete)
{
	const uint8_t *feed = memchr(bytes, '\n', length);
	size_t taken = feed ? (size_t)(feed - bytes) : length;

	*complete = feed != NULL;
	keep(line, bytes, taken);
	if (!feed)
		return taken;
	line->bare_lf = !line->after_cr;
	line_end(line);
	return taken + 1;
}

bool line_has_bare_cr(const struct session_line *line)
{
	return memchr(line->bytes, '\r', line->length) != NULL;
}
