/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * layout.h - one line of text with known columns, and the widths of the table
 */
#ifndef SMTPSNOOP_LAYOUT_H
#define SMTPSNOOP_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

#include "enrich/process.h"

/* The widest line: 500 columns of four bytes, colours and all. What is over is left out. */
#define LINE_BYTES 4096
#define COLUMNS_MIN 80
#define COLUMNS_MAX 500

struct line {
	size_t length;
	unsigned int columns; /* shown so far */
	char text[LINE_BYTES];
};

void line_clear(struct line *line);
/* Text of our own, or escaped already. */
void line_add(struct line *line, const char *text);
void line_format(struct line *line, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Foreign bytes: escaped. */
void line_bytes(struct line *line, const char *bytes, size_t length);
/* A colour or its end: no columns. */
void line_colour(struct line *line, const char *sequence);
void line_pad(struct line *line, unsigned int column);

/* A cell of the table: cut with an ellipsis to `width`, padded, and `gap` behind. */
void line_cell(struct line *line, const char *text, unsigned int width, unsigned int gap);
void line_cell_right(struct line *line, const char *text, unsigned int width, unsigned int gap);

/*
 * Fit an escaped text into `width` columns (1 at least): the beginning with an ellipsis, or for a path the last components that
 * fit, with one in front. `out` has `size` bytes, ended by NUL.
 */
/* Bytes of the beginning that fit into `width` columns. */
size_t columns_prefix(const char *text, unsigned int width);
void columns_fit(char *out, size_t size, const char *text, unsigned int width);
void columns_fit_path(char *out, size_t size, const char *text, unsigned int width);

struct layout {
	unsigned int width, gap;
	unsigned int time, verdict, who, sent_by, to, mail, rcpt, answer;
};
struct layout layout_for(unsigned int width);
/* Room for "FIN-WAIT-1" where the time was. */
void layout_for_states(struct layout *layout);

#endif
