/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fold.h - rows that say the same as the one before are counted, not printed
 *
 * A bot that opens hundreds of equal connections a second would push everything else off the terminal. The clock is the rows'
 * own times.
 */
#ifndef SMTPSNOOP_FOLD_H
#define SMTPSNOOP_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* A row of LINE_BYTES and its detail: names that are bounded, and all reasons. What is longer is never folded. */
#define FOLD_BYTES 16384

struct fold_row {
	size_t length;
	bool over; /* longer than it may be: printed already, and like no other */
	char text[FOLD_BYTES];
};

/* Zeroed before its first use. */
struct fold {
	struct fold_row rows[2]; /* printed last, and being written: in turn */
	unsigned int current;
	bool writing;
	unsigned int indent; /* where details stand */
	uint64_t printed_at; /* ns */
	uint64_t again; /* rows like it since */
};

/* From here to fold_end() lines are kept instead of written. */
void fold_begin(struct fold *fold, unsigned int indent);
void fold_line(struct fold *fold, FILE *out, const char *text, size_t length);
/* `skip` bytes at `from` are the time and not compared. Prints the row, or counts it. */
void fold_end(struct fold *fold, FILE *out, size_t from, size_t skip, uint64_t time);

/* Something else is to be printed: says how many there were, and the next row is printed. */
void fold_flush(struct fold *fold, FILE *out);

#endif
