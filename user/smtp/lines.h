/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lines.h - pieces cut into lines
 */
#ifndef SMTPSNOOP_LINES_H
#define SMTPSNOOP_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "smtp/machine.h"

/*
 * A complete line without its end. The bytes lie in the piece that it came with, or in the struct session_line in which it was put
 * together: they are there until more bytes are taken.
 */
struct line {
	const char *bytes;
	uint16_t length; /* LIMIT_LINE at most */
	bool cut; /* it was longer */
	bool lost; /* its beginning is in a gap: no verb and no code can be told */
	bool bare_lf; /* LF without CR */
	bool bare_cr; /* CR without LF */
};

struct line line_end(struct session_line *begun); /* the same without a LF: its end was withheld */
void line_reset(struct session_line *begun);
/* Bytes are missing here: up to the next LF nothing can be told. */
void line_lose(struct session_line *begun);

/* Where the next LF is, or the length. *bare_cr: where the first CR before it is that is not followed by it, or the length. */
static inline size_t line_feed(const char *bytes, size_t length, size_t *bare_cr)
{
	size_t at = 0;

	*bare_cr = length;
	for (;; at++) {
		at += bytes_find_either(bytes + at, length - at, '\r', '\n');
		if (at == length || bytes[at] == '\n')
			return at;
		if (at + 1 < length && bytes[at + 1] == '\n')
			return at + 1;
		if (*bare_cr == length)
			*bare_cr = at;
	}
}

/* The bytes up to a LF at `feed`, or all of them if that is the length, join those that wait. The rest is as with line_take(). */
size_t line_join(struct session_line *begun, const char *bytes, size_t length, size_t feed,
		 struct line *line);

/*
 * Takes bytes up to and including the next LF, whose line is put into `line`, and returns how many. Without a LF they wait in
 * `begun`, and line->bytes is NULL. Most lines lie whole in one piece: they are not copied, and this is inline.
 */
static inline size_t line_take(struct session_line *begun, const char *bytes, size_t length,
			       struct line *line)
{
	size_t bare_cr, feed = line_feed(bytes, length, &bare_cr), end = feed;

	if (feed == length || begun->begun)
		return line_join(begun, bytes, length, feed, line);
	if (feed && bytes[feed - 1] == '\r')
		end--;
	line->bytes = bytes;
	line->cut = end > LIMIT_LINE;
	line->length = (uint16_t)(line->cut ? LIMIT_LINE : end);
	line->lost = false;
	line->bare_lf = end == feed;
	line->bare_cr = bare_cr < line->length;
	return feed + 1;
}

#endif
