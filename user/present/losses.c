/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * losses.c - what is missing, in sentences
 *
 * attempts = delivered + counted only, always; if the kernel's counters say otherwise, that is said too. Nothing is fatal.
 */
#include <inttypes.h>
#include <string.h>

#include "base/escape.h"
#include "present/losses.h"
#include "base/number.h"

#define SHOWN_ROWS 10

static bool nothing_lost(const struct record_totals *totals)
{
	const struct event_counters *counters = &totals->end->counters;

	return !counters->counted_only && !counters->senders_lost && !counters->scripts_lost &&
	       !counters->states_lost && !counters->data_lost && !counters->storage_failed &&
	       !counters->scratch_busy && !counters->loss_rows_full &&
	       !totals->end->states_missed && !totals->over && !totals->orphans &&
	       counters->attempts == counters->delivered + counters->counted_only;
}

static void missing(const struct text *text, uint64_t number, const char *what)
{
	if (number)
		fprintf(text->out, "  %" PRIu64 " %s\n", number, what);
}

static void rows(const struct text *text, const struct record_totals *totals)
{
	size_t shown = totals->row_count < SHOWN_ROWS ? totals->row_count : SHOWN_ROWS;

	for (size_t i = 0; i < shown; i++) {
		const struct frame_loss_row *row = &totals->rows[i];
		char user[4 * ENRICHMENT_NAME_MAX + 1] = "";

		escape_text(user, sizeof(user), row->user, strnlen(row->user, sizeof(row->user)),
			    NULL);
		fprintf(text->out,
			"  %8" PRIu64 "  uid %" PRIu32 "%s%s%s  port %u  executable inode %" PRIu64
			" on device %" PRIu32 ":%" PRIu32 "\n",
			row->attempts, row->key.uid, user[0] ? " (" : "", user, user[0] ? ")" : "",
			row->key.port, (uint64_t)row->key.exe_inode, row->key.exe_device >> 20,
			row->key.exe_device & 0xfffff);
	}
	if (totals->end->loss_rows > shown)
		fprintf(text->out, "  and %" PRIu64 " more such rows\n",
			totals->end->loss_rows - shown);
}

static void identity(const struct text *text, const struct event_counters *counters,
		     const char *head)
{
	bool holds = counters->attempts == counters->delivered + counters->counted_only;

	fprintf(text->out,
		"%s: %" PRIu64 " attempt%s %s %" PRIu64 " delivered + %" PRIu64 " counted only.\n",
		head, (uint64_t)counters->attempts, plural(counters->attempts), holds ? "=" : "but",
		(uint64_t)counters->delivered, (uint64_t)counters->counted_only);
}

static void details(const struct text *text, const struct record_totals *totals)
{
	const struct event_counters *counters = &totals->end->counters;
	char words[128];

	missing(text, counters->counted_only,
		"connections known only by number (ring full, or no memory):");
	rows(text, totals);
	missing(text, counters->loss_rows_full, "of them not even by user and executable");
	snprintf(words, sizeof(words), "pieces of dialogue (%" PRIu64 " bytes) not read",
		 (uint64_t)counters->data_lost_bytes);
	missing(text, counters->data_lost, words);
	missing(text, counters->states_lost, "openings or ends not heard of");
	missing(text, counters->senders_lost, "hand-overs not heard of");
	missing(text, counters->scripts_lost, "scripts not named");
	missing(text, counters->storage_failed, "sockets without memory for their state");
	missing(text, counters->scratch_busy, "records without a place to build them");
	missing(text, totals->end->states_missed, "program runs skipped by the kernel");
	missing(text, totals->over, "connections ended early: the table was full");
	missing(text, totals->orphans, "connections of which only fragments came");
}

void losses_now(const struct text *text, const struct event_counters *counters, uint64_t time,
		int64_t wall_minus_boot)
{
	char clock[12];

	text_clock(clock, sizeof(clock), (int64_t)time + wall_minus_boot);
	fprintf(text->out,
		"%s%s LOSS     %" PRIu64 " of %" PRIu64 " connections counted only, %" PRIu64
		" bytes of dialogue lost%s\n",
		text_colour(text, STYLE_DOUBT), clock, (uint64_t)counters->counted_only,
		(uint64_t)counters->attempts, (uint64_t)counters->data_lost_bytes,
		text_colour(text, STYLE_END));
}

void losses_print(const struct text *text, const struct record_totals *totals)
{
	const struct frame_end *end = totals->end;

	if (text->capture) {
		missing(text, totals->over, "connections ended early: the table was full");
		return;
	}
	if (!end) {
		fprintf(text->out,
			"%sThe privileged half died: what it counted, and what is missing here, is "
			"not "
			"known.%s\n",
			text_colour(text, STYLE_ALARM), text_colour(text, STYLE_END));
		missing(text, totals->over, "connections ended early: the table was full");
		missing(text, totals->orphans, "connections of which only fragments came");
		return;
	}
	if (end->status)
		fprintf(text->out,
			"%sThe privileged half stopped with an error (status %" PRId32 ").%s\n",
			text_colour(text, STYLE_ALARM), end->status, text_colour(text, STYLE_END));
	if (nothing_lost(totals)) {
		identity(text, &end->counters, "Nothing lost");
		return;
	}
	fputs(text_colour(text, STYLE_DOUBT), text->out);
	identity(text, &end->counters, "Detail lost");
	fputs(text_colour(text, STYLE_END), text->out);
	details(text, totals);
}
