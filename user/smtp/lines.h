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

/* What waits in `begun` is a line, without a LF: its end was withheld. */
struct line line_end(struct session_line *begun);
void line_reset(struct session_line *begun);
/* Bytes are missing here: up to the next LF nothing can be told. */
void line_lose(struct session_line *begun);

/*
 * Where the next LF is, or the length. *end: where its line ends, so that a CR before the LF does not belong to it. *bare_cr: in what is
 * kept of the line is a CR that no LF follows.
 */
static inline size_t line_feed(const char *bytes, size_t length, size_t *end, bool *bare_cr)
{
	*bare_cr = false;
	for (size_t at = 0;; at++) {
		at += bytes_find_either(bytes + at, length - at, '\r', '\n');
		*end = at;
		if (at == length || bytes[at] == '\n')
			return at;
		if (at + 1 < length && bytes[at + 1] == '\n')
			return at + 1;
		*bare_cr = *bare_cr || at < LIMIT_LINE;
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
	bool bare_cr;
	size_t end, feed = line_feed(bytes, length, &end, &bare_cr);

	if (feed == length || begun->begun)
		return line_join(begun, bytes, length, feed, line);
	line->bytes = bytes;
	line->cut = end > LIMIT_LINE;
	line->length = (uint16_t)(line->cut ? LIMIT_LINE : end);
	line->lost = false;
	line->bare_lf = end == feed;
	line->bare_cr = bare_cr;
	return feed + 1;
}

#endif
