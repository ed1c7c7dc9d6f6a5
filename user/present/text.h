/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * text.h - the live view for people: header, a line a connection, steps
 */
#ifndef SMTPSNOOP_TEXT_H
#define SMTPSNOOP_TEXT_H

#include <stdio.h>

#include "base/frame.h"
#include "present/fold.h"
#include "present/layout.h"
#include "store/connection.h"
#include "store/processes.h"
#include "store/queues.h"
#include "store/sockets.h"

struct text {
	FILE *out;
	bool colour;
	bool capture; /* from capture files: no kernel, no MTA */
	bool recipients; /* their names may be shown */
	bool unheard; /* nothing that was said was listened to */
	bool selected; /* not all of the host was looked at */
	bool evidence; /* is kept of it */
	bool snapshot; /* rows begin with the socket's state, and groups have advice */
	const struct socket_seen *socket; /* of the row in work; NULL = none */
	struct processes *processes; /* of a snapshot, as they are now; NULL = none */
	const struct queues *queues; /* of this host's MTAs, for the summary; NULL = not asked */
	int64_t unix_now; /* ns, with the queues */
	uint16_t ports[64]; /* SMTP's */
	unsigned int port_count;
	struct layout layout;
	struct fold *fold; /* NULL = every row is printed */
	bool step_any; /* a step was shown, and of which connection */
	uint64_t step_cookie;
	uint32_t step_generation;
};

enum text_style { STYLE_HEAD, STYLE_ALARM, STYLE_DOUBT, STYLE_QUIET, STYLE_END };

/* The terminal's sequence, or "" without colour. */
const char *text_colour(const struct text *text, enum text_style style);
enum text_style text_verdict_style(enum verdict_class class);

/* Ends the line without trailing blanks and writes it. */
void text_put(const struct text *text, struct line *line);
/* Words one after another, wrapped at the width and indented. Words are separated by `gap` spaces. */
void text_word(const struct text *text, struct line *line, const char *word, unsigned int indent,
	       unsigned int gap);

/* Words that stay together where a line has room for them, and are broken at blanks, or at its end, but never cut: they are to be copied. */
void text_whole(const struct text *text, struct line *line, const char *words, unsigned int indent,
		unsigned int gap);

/* One indented paragraph, wrapped at blanks. */
void text_paragraph(const struct text *text, const char *words, unsigned int indent);

/* "812 B", "40 kB", "3.1 GB" */
#define TEXT_BYTES 16
void text_bytes(char out[TEXT_BYTES], uint64_t bytes);

/* "2026-11-22 03:12:11" and "03:12:11", local. */
#define TEXT_DATE 32
void text_date(char *out, size_t size, int64_t unix_ns);
void text_clock(char *out, size_t size, int64_t unix_ns);

/* The program, the kernel and what is degraded; and the names of the columns. */
void text_header(const struct text *text, const struct frame_start *start);
void text_columns(const struct text *text);
void text_connection(const struct text *text, const struct connection *connection, uint64_t time,
		     int64_t wall_minus_boot, bool progress);
void text_step(struct text *text, const struct connection *connection, uint64_t time,
	       const char *what, const char *line, size_t length, int64_t wall_minus_boot);

/* "php-fpm8.2[4711] php8.2-fpm.service": the words that find the process again. */
void text_process(const struct text *text, struct line *line, const struct process *process,
		  unsigned int indent);
/* 'calls itself "postfix/smtp"', where that is not the executable's name. */
#define TEXT_WORN 300 /* columns */
void text_worn(const struct text *text, struct line *line, const struct process *process,
	       unsigned int indent);
/* "started by bash[6681]": who may start it again; nothing for a child of init, or a worker of its like. */
void text_parent(const struct text *text, struct line *line, const struct process *process,
		 unsigned int indent);
/* "pool www", where php-fpm says so and the script's name stands in its place. */
void text_pool(const struct text *text, struct line *line, const struct process *process,
	       unsigned int indent);

#endif
