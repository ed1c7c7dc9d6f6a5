/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * record_trace.c - the records about the trace itself: start, loss, end
 *
 * Counters of a privileged half that died are not known and therefore absent.
 */
#include <string.h>

#include "base/limits.h"
#include "present/record.h"
#include "present/record_process.h"

/* One sentence a line, as frame_start has them. */
static void sentences(struct json *json, const char *key, const char *text)
{
	json_open_array(json, key);
	json_keep(json);
	while (*text) {
		size_t length = strcspn(text, "\n");

		if (length)
			json_bytes(json, NULL, text, length);
		text += length;
		text += *text == '\n';
	}
	json_close(json);
}

void record_start(struct json *json, const struct record_origin *origin,
		  const struct frame_start *start, int64_t unix_ns)
{
	record_begin(json, origin, "start", unix_ns);
	json_close(json);
	json_open_object(json, "agent");
	json_text(json, "type", "smtpsnoop");
	json_text(json, "version", SMTPSNOOP_VERSION);
	json_close(json);
	json_text(json, "version", SMTPSNOOP_VERSION);
	if (!start->capture)
		json_text(json, "kernel", start->kernel);
	json_text(json, "hooks", start->hooks);
	sentences(json, "degraded", start->degraded);
	json_open_array(json, "ports");
	for (unsigned int i = 0; i < start->port_count && i < 64; i++)
		json_number(json, NULL, start->ports[i]);
	json_close(json);
}

/* Detail that found no room; the connections themselves are in attempts. */
static void lost(struct json *json, const struct event_counters *counters)
{
	json_open_object(json, "lost");
	json_number(json, "senders", counters->senders_lost);
	json_number(json, "scripts", counters->scripts_lost);
	json_number(json, "states", counters->states_lost);
	json_number(json, "data", counters->data_lost);
	json_number(json, "data_bytes", counters->data_lost_bytes);
	json_number(json, "storage_failed", counters->storage_failed);
	json_number(json, "scratch_busy", counters->scratch_busy);
	json_number(json, "loss_rows_full", counters->loss_rows_full);
	json_close(json);
}

static void identity(struct json *json, const struct event_counters *counters)
{
	json_number(json, "attempts", counters->attempts);
	json_number(json, "delivered", counters->delivered);
	json_number(json, "counted_only", counters->counted_only);
}

void record_loss(struct json *json, const struct record_origin *origin,
		 const struct event_counters *counters, int64_t unix_ns)
{
	record_begin(json, origin, "loss", unix_ns);
	json_close(json);
	json_open_object(json, "totals");
	identity(json, counters);
	lost(json, counters);
	json_close(json);
}

static void loss_rows(struct json *json, const struct record_totals *totals)
{
	json_open_array(json, "loss");
	for (size_t i = 0; i < totals->row_count; i++) {
		const struct frame_loss_row *row = &totals->rows[i];

		json_open_object(json, NULL);
		json_open_object(json, "user");
		json_number(json, "id", row->key.uid);
		if (row->user[0])
			json_bytes(json, "name", row->user, strnlen(row->user, sizeof(row->user)));
		json_close(json);
		json_open_object(json, "exe");
		json_number(json, "device", record_device(row->key.exe_device));
		json_number(json, "inode", row->key.exe_inode);
		json_close(json);
		json_number(json, "port", row->key.port);
		json_number(json, "attempts", row->attempts);
		json_close(json);
	}
	json_close(json);
}

void record_end(struct json *json, const struct record_origin *origin,
		const struct record_totals *totals, int64_t unix_ns)
{
	const struct frame_end *end = totals->end;

	record_begin(json, origin, "end", unix_ns);
	json_text(json, "outcome", end && end->status == 0 ? "success" : "failure");
	json_close(json);
	if (!end)
		json_text(json, "message",
			  "the privileged half died: what it counted is not known");
	json_open_object(json, "totals");
	if (end)
		identity(json, &end->counters);
	json_open_object(json, "verdicts");
	for (unsigned int i = 0; i < VERDICT_CLASSES; i++)
		json_number(json, verdict_name((enum verdict_class)i), totals->verdicts[i]);
	json_close(json);
	if (end) {
		lost(json, &end->counters);
		json_number(json, "programs_skipped", end->states_missed);
		json_number(json, "loss_rows", end->loss_rows);
	}
	json_number(json, "ended_early", totals->over);
	json_number(json, "orphans", totals->orphans);
	json_close(json);
	loss_rows(json, totals);
}
