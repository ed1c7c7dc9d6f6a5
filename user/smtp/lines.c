/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lines.c - pieces cut into lines
 *
 * A line ends with LF; the CR before it goes too (RFC 5321 2.3.8 wants both). A CR elsewhere is a byte like any other. Of a
 * line longer than LIMIT_LINE the beginning is kept. Most lines lie whole in one piece and are not copied. Nothing is fatal.
 */
#include <string.h>

#include "smtp/lines.h"

void line_reset(struct session_line *begun)
{
	begun->length = 0;
	begun->begun = begun->cut = begun->lost = begun->after_cr = false;
}

void line_lose(struct session_line *begun)
{
	line_reset(begun);
	begun->begun = begun->lost = true;
}

static void keep(struct session_line *begun, const char *bytes, size_t length)
{
	size_t room = sizeof(begun->bytes) - begun->length;
	size_t kept = length < room ? length : room;

	if (!length)
		return;
	memcpy(begun->bytes + begun->length, bytes, kept);
	begun->length += kept;
	begun->begun = true;
	begun->cut = begun->cut || kept < length;
	begun->after_cr = bytes[length - 1] == '\r';
}

struct line line_end(struct session_line *begun)
{
	struct line line = {.bytes = begun->bytes, .cut = begun->cut, .lost = begun->lost};
	size_t length = begun->length;

	/* Where it was cut, the last byte kept is not the last there was. */
	if (begun->after_cr && !begun->cut)
		length--;
	if (length > LIMIT_LINE) {
		length = LIMIT_LINE;
		line.cut = true;
	}
	line.length = length;
	line.bare_cr = memchr(line.bytes, '\r', length) != NULL;
	line_reset(begun);
	return line;
}

size_t line_join(struct session_line *begun, const char *bytes, size_t length, size_t feed,
		 struct line *line)
{
	bool bare_lf;

	keep(begun, bytes, feed);
	if (feed == length) {
		line->bytes = NULL;
		return length;
	}
	bare_lf = !begun->after_cr;
	*line = line_end(begun);
	line->bare_lf = bare_lf;
	return feed + 1;
}
