/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fold.c - rows that say the same as the one before are counted, not printed
 *
 * Compared byte for byte, so that nothing can be hidden behind a row that only looks alike. A row is printed once a second at
 * least while they come. Write errors stay in the FILE.
 */
#include <inttypes.h>
#include <string.h>

#include "present/fold.h"

#define FOLD_NS UINT64_C(1000000000)

void fold_begin(struct fold *fold, unsigned int indent)
{
	struct fold_row *row;

	fold->current ^= 1;
	row = &fold->rows[fold->current];
	row->length = 0;
	row->over = false;
	fold->writing = true;
	fold->indent = indent;
}

void fold_line(struct fold *fold, FILE *out, const char *text, size_t length)
{
	struct fold_row *row = &fold->rows[fold->current];

	if (!fold->writing) {
		fwrite(text, 1, length, out);
		return;
	}
	if (!row->over && length > sizeof(row->text) - row->length) {
		fold->current ^= 1; /* what was before it comes first */
		fold_flush(fold, out);
		fold->current ^= 1;
		fwrite(row->text, 1, row->length, out);
		row->over = true;
	}
	if (row->over) {
		fwrite(text, 1, length, out);
		return;
	}
	memcpy(row->text + row->length, text, length);
	row->length += length;
}

static bool same(const struct fold_row *a, const struct fold_row *b, size_t from, size_t skip)
{
	size_t behind = from + skip;

	return a->length == b->length && a->length > behind && !a->over && !b->over &&
	       !memcmp(a->text, b->text, from) &&
	       !memcmp(a->text + behind, b->text + behind, a->length - behind);
}

static void say(struct fold *fold, FILE *out)
{
	if (fold->again)
		fprintf(out, "%*s... and %" PRIu64 " more like it\n", (int)fold->indent, "",
			fold->again);
	fold->again = 0;
}

void fold_end(struct fold *fold, FILE *out, size_t from, size_t skip, uint64_t time)
{
	const struct fold_row *row = &fold->rows[fold->current];
	/* Rows of several processors come a little out of order. */
	uint64_t since =
		time > fold->printed_at ? time - fold->printed_at : fold->printed_at - time;

	fold->writing = false;
	if (since < FOLD_NS && same(row, &fold->rows[fold->current ^ 1], from, skip)) {
		fold->current ^= 1;
		fold->again++;
		return;
	}
	say(fold, out);
	if (!row->over)
		fwrite(row->text, 1, row->length, out);
	fold->printed_at = time;
}

void fold_flush(struct fold *fold, FILE *out)
{
	say(fold, out);
	fold->rows[fold->current].length = 0;
}
