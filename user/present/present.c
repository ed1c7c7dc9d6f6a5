/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * present.c - how connections are shown: text or JSON, whichever was asked for
 *
 * Chooses, filters and sums; the words are written next door. Nothing is fatal; a write error stays in the FILE.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "present/json.h"
#include "present/losses.h"
#include "present/mask.h"
#include "present/present.h"
#include "present/record.h"
#include "present/record_now.h"
#include "present/record_socket.h"
#include "present/summary.h"
#include "present/text.h"
#include "present/text_now.h"
#include "present/text_socket.h"

#define SECOND UINT64_C(1000000000)

struct present {
	struct present_options options;
	struct record_origin origin;
	struct text text;
	struct fold fold;
	struct json json;
	struct summary *summary;
	uint64_t started;
	/* Of a snapshot: the rows wait until the summary was shown, and those of what is over until the others were. */
	struct waiting_rows {
		FILE *out;
		char *bytes;
		size_t size;
		uint64_t count; /* also those that were too many to show */
	} open, closed;
	struct sockets_sum sockets;
	struct snapshot_search search;
};

struct present *present_new(const struct present_options *options)
{
	struct present *present = calloc(1, sizeof(*present));
	bool rows = true;

	if (!present)
		return NULL;
	present->options = *options;
	present->text.out = options->out;
	present->text.colour = options->colour;
	/* Of a snapshot what is open is not folded: each is somebody's. */
	present->text.fold = options->snapshot ? NULL : &present->fold;
	present->text.recipients = options->recipients;
	present->origin.recipients = options->recipients;
	present->text.snapshot = options->snapshot;
	present->text.selected = options->selected;
	present->text.evidence = options->evidence;
	present_width(present, options->width);
	present->summary = summary_new(options->recipients);
	if (options->snapshot && !options->json) {
		present->open.out = open_memstream(&present->open.bytes, &present->open.size);
		present->closed.out = open_memstream(&present->closed.bytes, &present->closed.size);
		rows = present->open.out && present->closed.out;
	}
	if (present->summary && rows)
		return present;
	present_free(present);
	return NULL;
}

static void rows_free(struct waiting_rows *rows)
{
	if (rows->out)
		fclose(rows->out);
	free(rows->bytes);
}

void present_free(struct present *present)
{
	if (!present)
		return;
	rows_free(&present->open);
	rows_free(&present->closed);
	summary_free(present->summary);
	free(present);
}

void present_width(struct present *present, unsigned int width)
{
	present->options.width = width;
	present->text.layout = layout_for(width);
	if (present->options.snapshot)
		layout_for_states(&present->text.layout);
}

static bool shown(const struct present *present, const struct connection *connection)
{
	return present->options.verdicts & 1u << connection->verdict.class;
}

void present_start(struct present *present, const struct frame_start *start, uint64_t now,
		   int64_t wall_minus_boot)
{
	struct record_origin *origin = &present->origin;

	record_origin_set(origin, start);
	present->started = now;
	present->text.capture = start->capture;
	memcpy(present->text.ports, start->ports, sizeof(start->ports));
	present->text.unheard = present->options.snapshot && !strstr(start->hooks, "cgroup_skb");
	present->text.port_count = start->port_count < 64 ? start->port_count : 64;
	if (!present->options.json) {
		text_header(&present->text, start);
		if (!present->options.snapshot)
			text_columns(&present->text);
		return;
	}
	json_begin(&present->json, present->options.out);
	record_start(&present->json, origin, start, (int64_t)now + wall_minus_boot);
	json_end(&present->json);
}

/* Where a row goes. More of them than that help nobody: --json has all. */
static struct text row_text(struct present *present, struct waiting_rows *rows, bool *room)
{
	struct text text = present->text;

	*room = !present->options.snapshot || rows->count++ < LIMIT_SNAPSHOT_ROWS;
	if (!present->options.snapshot)
		return text;
	text.out = rows->out;
	if (rows == &present->closed)
		text.fold = &present->fold;
	return text;
}

static void show(struct present *present, const struct connection *connection,
		 const struct socket_seen *socket, uint64_t time, int64_t wall_minus_boot,
		 bool progress)
{
	bool room;

	if (!shown(present, connection))
		return;
	if (!present->options.json) {
		struct text text = row_text(
			present, connection->closed ? &present->closed : &present->open, &room);

		if (!room)
			return;
		text.socket = socket;
		text_connection(&text, connection, time, wall_minus_boot, progress);
		present->text.step_any = false;
		return;
	}
	json_begin(&present->json, present->options.out);
	record_connection(&present->json, &present->origin, connection,
			  progress ? "progress" : "connection", time, wall_minus_boot);
	if (socket)
		record_socket_members(&present->json, socket, wall_minus_boot);
	json_end(&present->json);
}

void present_connection(struct present *present, const struct connection *connection,
			int64_t wall_minus_boot)
{
	present_existing(present, connection, NULL, wall_minus_boot);
}

void present_existing(struct present *present, const struct connection *connection,
		      struct socket_seen *socket, int64_t wall_minus_boot)
{
	if (present->options.json)
		summary_count(present->summary, connection);
	else
		summary_add(present->summary, connection, socket);
	if (socket)
		socket->shown = true;
	show(present, connection, socket, record_time(connection), wall_minus_boot, false);
}

void present_socket(struct present *present, struct socket_seen *socket, uint64_t now,
		    int64_t wall_minus_boot)
{
	socket->shown = true;
	sockets_sum_add(&present->sockets, socket);
	if (!present->options.json) {
		bool room;
		struct text text = row_text(present, &present->open, &room);

		if (room)
			text_socket(&text, socket);
		return;
	}
	json_begin(&present->json, present->options.out);
	record_socket(&present->json, &present->origin, socket, (int64_t)now + wall_minus_boot,
		      wall_minus_boot);
	json_end(&present->json);
}

void present_looked(struct present *present, const struct snapshot_search *search)
{
	present->search = *search;
}

void present_processes(struct present *present, struct processes *processes, uint64_t now,
		       int64_t wall_minus_boot)
{
	struct process_seen *seen = processes_first(processes);

	present->text.processes = processes;
	for (; seen && present->options.json; seen = seen->hh.next) {
		if (!process_wanted(seen, present->options.verdicts))
			continue;
		json_begin(&present->json, present->options.out);
		record_now(&present->json, &present->origin, seen->now, present->options.values,
			   (int64_t)now + wall_minus_boot, wall_minus_boot);
		json_end(&present->json);
	}
}

static void print_rows(struct waiting_rows *rows, FILE *out, const char *what)
{
	fflush(rows->out);
	fwrite(rows->bytes, 1, rows->size, out);
	if (rows->count > LIMIT_SNAPSHOT_ROWS)
		fprintf(out, "... and %" PRIu64 " more that are %s: --json has all of them\n",
			rows->count - LIMIT_SNAPSHOT_ROWS, what);
}

/* What is to be done comes first, and then what it is about. */
static void print_snapshot(struct present *present, const struct record_totals *totals,
			   uint64_t seconds, int64_t wall_minus_boot)
{
	const struct text *text = &present->text;

	summary_print(present->summary, text, seconds, wall_minus_boot);
	text_processes_sum(text);
	sockets_sum_print(&present->sockets, &present->search, text);
	losses_print(text, totals);
	if (!present->open.count && !present->closed.count)
		return;
	fputc('\n', text->out);
	text_columns(text);
	print_rows(&present->open, text->out, "open");
	fold_flush(&present->fold, present->closed.out);
	print_rows(&present->closed, text->out, "over");
}

void present_progress(struct present *present, const struct connection *connection, uint64_t now,
		      int64_t wall_minus_boot)
{
	show(present, connection, NULL, now, wall_minus_boot, true);
}

void present_step(struct present *present, const struct connection *connection, uint64_t time,
		  const char *what, const char *line, size_t length, int64_t wall_minus_boot)
{
	char masked[MASK_BYTES];

	if (!shown(present, connection))
		return;
	if (line && !present->options.recipients) {
		bool client = !strcmp(what, "client");

		length = (client ? mask_command : mask_reply)(masked, line, length);
		line = masked;
	}
	if (!present->options.json) {
		fold_flush(&present->fold, present->options.out);
		text_step(&present->text, connection, time, what, line, length, wall_minus_boot);
		return;
	}
	json_begin(&present->json, present->options.out);
	record_step(&present->json, &present->origin, connection, time, what, line, length,
		    wall_minus_boot);
	json_end(&present->json);
}

bool present_waits(const struct present *present)
{
	return !present->options.snapshot && present->fold.again > 0;
}

void present_quiet(struct present *present)
{
	fold_flush(&present->fold, present->options.out);
}

void present_loss(struct present *present, const struct event_counters *counters, uint64_t now,
		  int64_t wall_minus_boot)
{
	if (!present->options.json) {
		if (present->options.snapshot)
			return; /* the account at the end has it */
		fold_flush(&present->fold, present->options.out);
		losses_now(&present->text, counters, now, wall_minus_boot);
		return;
	}
	json_begin(&present->json, present->options.out);
	record_loss(&present->json, &present->origin, counters, (int64_t)now + wall_minus_boot);
	json_end(&present->json);
}

void present_end(struct present *present, const struct frame_end *end,
		 const struct frame_loss_row *rows, size_t row_count, uint64_t over,
		 uint64_t orphans, uint64_t now, int64_t wall_minus_boot)
{
	struct record_totals totals = {
		.end = end, .rows = rows, .row_count = row_count, .over = over, .orphans = orphans};

	for (unsigned int i = 0; i < VERDICT_CLASSES; i++)
		totals.verdicts[i] = summary_connections(present->summary, (enum verdict_class)i);
	if (!present->options.json) {
		uint64_t lasted = now > present->started ? now - present->started : 0;

		if (present->options.snapshot) {
			present->text.queues = present->search.queues;
			present->text.unix_now = (int64_t)now + wall_minus_boot;
			print_snapshot(present, &totals, lasted / SECOND, wall_minus_boot);
			return;
		}
		fold_flush(&present->fold, present->options.out);
		summary_print(present->summary, &present->text, lasted / SECOND, wall_minus_boot);
		losses_print(&present->text, &totals);
		return;
	}
	json_begin(&present->json, present->options.out);
	record_end(&present->json, &present->origin, &totals, (int64_t)now + wall_minus_boot);
	if (present->options.snapshot)
		record_search(&present->json, &present->search);
	if (present->text.processes)
		record_processes(&present->json, processes_sum(present->text.processes));
	json_end(&present->json);
}

bool present_saw_bypass(const struct present *present)
{
	return summary_connections(present->summary, VERDICT_BYPASS) ||
	       summary_connections(present->summary, VERDICT_IMPOSTOR);
}
