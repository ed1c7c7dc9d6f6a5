/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz_frames.c - hostile bytes where the kernel's records are expected: a batch of the channel, to the printed records
 *
 * The lengths in a record's head are set right for half of the inputs; else hardly any would come further than the first check.
 */
#include <stddef.h>
#include <stdio.h>

#include "fuzz.h"
#include "present/alert.h"
#include "present/present.h"
#include "present/text_now.h"

static struct present *present;

static void on_end(void *context, const struct connection *connection)
{
	(void)context;
	present_connection(present, connection, 0);
}

static void on_step(void *context, const struct connection *connection, uint64_t time,
		    const char *what, const char *line, size_t length)
{
	(void)context;
	present_step(present, connection, time, what, line, length, 0);
}

/* One line, one line of JSON, and no more than there is room for. */
static void on_alert(void *context, const struct connection *connection, const struct alert *alert)
{
	static char line[LIMIT_ALERT_LINE], fields[LIMIT_ALERT_FIELDS];
	static struct json json;
	static const struct record_origin origin;
	static FILE *out;
	static char *bytes;
	static size_t size;
	const struct alert_view view = {.alert = alert,
					.connection = connection,
					.origin = &origin,
					.config = context,
					.now = 1};
	size_t length = alert_line(line, sizeof(line), &view);

	if (!out)
		out = open_memstream(&bytes, &size);
	must(out && length < sizeof(line) && strlen(line) == length && !strchr(line, '\n'));
	alert_json(&json, out, &view, line, length & 1);
	must(fflush(out) == 0 && memchr(bytes, '\n', size) == bytes + size - 1);
	must(alert_journal(fields, sizeof(fields), &view, line) <= sizeof(fields));
}

/* Texts that lie in the record. */
static void repair_script(uint8_t *record, uint32_t length)
{
	const size_t fixed = offsetof(struct event_script, text);
	struct event_script script;
	uint32_t text;

	if (length < fixed)
		return;
	text = (uint32_t)(length - fixed);
	memcpy(&script, record, fixed);
	script.status %= SCRIPT_ODD + 1;
	script.origin = (uint8_t)(SCRIPT_OF_OPENER + script.origin % 3);
	script.frame_count %= SCRIPT_FRAMES + 1;
	script.frames_at = (uint16_t)(script.frames_at % (text + 1));
	for (int i = 0; i < SCRIPT_WORDS; i++) {
		script.words[i].at = (uint16_t)(script.words[i].at % (text + 1));
		script.words[i].length =
			(uint16_t)(script.words[i].length % (text - script.words[i].at + 1));
	}
	for (int i = 0; i < SCRIPT_FRAMES; i++) {
		script.frames[i].file &= 15;
		script.frames[i].class_name &= 7;
		script.frames[i].function &= 7;
	}
	memcpy(record, &script, fixed);
}

/* Texts that fill the frame, of one of four processes. */
static void repair_process(uint8_t *payload, uint32_t length)
{
	struct frame_process head;
	uint32_t left;

	if (length < sizeof(head))
		return;
	memcpy(&head, payload, sizeof(head));
	left = length - (uint32_t)sizeof(head);
	head.tgid &= 3;
	head.start = 0;
	head.ancestor_count %= PROCESS_ANCESTORS + 1;
	for (int i = 0; i < PROCESS_TEXTS; i++) {
		head.lengths[i] = i + 1 < PROCESS_TEXTS ? head.lengths[i] % (left + 1) : left;
		left -= head.lengths[i];
	}
	memcpy(payload, &head, sizeof(head));
}

/* As the presenter shows them, and all of them as text. */
static void show_processes(struct processes *processes, FILE *out)
{
	static const uint32_t pids[] = {0, 1, 2, 3};
	const struct text text = {
		.out = out, .layout = layout_for(80), .snapshot = true, .processes = processes};

	present_processes(present, processes, 1, 0);
	for (struct process_seen *seen = processes_first(processes); seen; seen = seen->hh.next)
		seen->verdicts = 1u << VERDICT_BYPASS;
	for (int i = 0; i < 2; i++)
		text_processes(&text, pids, 4, VERDICT_BYPASS, 0, 11);
	text_processes_sum(&text);
}

/* What makes a record one, where chance would need too long. */
static void repair(uint16_t kind, uint8_t *payload, uint32_t length)
{
	size_t at = kind == FRAME_WHO	   ? sizeof(struct enrichment)
		    : kind == FRAME_SCRIPT ? sizeof(struct script_facts)
					   : 0;
	struct event_head head;

	if (length < at + sizeof(head))
		return;
	memcpy(&head, payload + at, sizeof(head));
	head.size = (uint32_t)(length - at);
	head.kind = kind == FRAME_SCRIPT ? EVENT_SCRIPT
		    : kind == FRAME_WHO	 ? EVENT_OPEN + (head.kind & 1)
		    : head.kind & 1	 ? EVENT_STATE
					 : EVENT_DATA;
	head.cookie &= 3;
	head.generation &= 1;
	memcpy(payload + at, &head, sizeof(head));
	if (kind == FRAME_SCRIPT)
		repair_script(payload + at, length - (uint32_t)at);
	if (kind == FRAME_EVENT && head.kind == EVENT_DATA &&
	    length >= offsetof(struct event_data, bytes)) {
		uint32_t bytes = length - (uint32_t)offsetof(struct event_data, bytes);

		memcpy(payload + offsetof(struct event_data, length), &bytes, sizeof(bytes));
		payload[offsetof(struct event_data, direction)] &= 1;
		payload[offsetof(struct event_data, why)] &= 7;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static uint8_t payload[8192] __attribute__((aligned(8)));
	struct present_options how = {.width = 80, .verdicts = ~0u, .recipients = true};
	struct table_options options = {.keep_recipients = true,
					.progress_seconds = 1,
					.on_end = on_end,
					.on_progress = on_end,
					.on_step = on_step,
					.on_alert = on_alert};
	struct input input = {bytes, size};
	struct config *config = config_default();
	struct processes *processes = processes_new();
	static FILE *nowhere;
	struct table *table;
	uint64_t now = 1;

	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	how.out = nowhere;
	how.json = size & 1;
	how.values = size & 2;
	options.judge = judge_new(config);
	config->alerts[0].verdicts = 0; /* all are told */
	config->alerts[0].quiet_seconds = 1;
	options.alerts = alerts_new(config);
	options.context = config;
	present = present_new(&how);
	table = table_new(&options);
	must(nowhere && options.judge && options.alerts && present && table && processes);
	while (input.left) {
		uint8_t head = input_byte(&input);
		uint16_t kind = head & 1 ? FRAME_WHO : head & 0x10 ? FRAME_SCRIPT : FRAME_EVENT;
		uint32_t length;
		const uint8_t *record = input_bytes(&input, input_word(&input) % 4096, &length);

		memcpy(payload, record, length);
		if (head & 0x20) {
			if (head & 2)
				repair_process(payload, length);
			processes_frame(processes, head & 8 ? FRAME_PROCESSES : FRAME_PROCESS,
					payload, length);
			continue;
		}
		if (head & 2) {
			/* Zeros behind short records: texts of no length. */
			if (kind == FRAME_EVENT && head & 4 &&
			    length < sizeof(struct event_state)) {
				memset(payload + length, 0, sizeof(struct event_state) - length);
				length = sizeof(struct event_state);
			}
			repair(kind, payload, length);
		}
		table_frame(table, head & 8 ? head : kind, payload, length);
		if (head & 0x80)
			table_tick(table, now += 400000000);
	}
	table_end(table, now);
	show_processes(processes, nowhere);
	present_end(present, NULL, NULL, 0, table_over(table), table_orphans(table), now, 0);
	table_free(table);
	present_free(present);
	processes_free(processes);
	alerts_free(options.alerts);
	judge_free(options.judge);
	config_free(config);
	return 0;
}
