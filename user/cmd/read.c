/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * read.c - the same analysis of capture files
 *
 * Opens all files and compiles the filter with the caller's rights, gives them up, and only then looks at the first byte: the
 * files are written by strangers. Several files are one capture, read one after another. A file that is damaged is read up to
 * there, said, and makes the status 1.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/msg.h"
#include "capture/file.h"
#include "capture/filter.h"
#include "capture/flows.h"
#include "capture/library.h"
#include "cmd/cmd.h"
#include "cmd/output.h"
#include "cmd/read_options.h"
#include "pass/rights.h"
#include "present/present.h"

#define FILES_MAX                                                                                  \
	4096 /* as many as a ring of captures has; the limit on open files is what counts */
#define LOOK_AT_CLOCK 16384 /* packets between two looks at the clock */

struct reading {
	const struct read_options *options;
	struct file **files;
	struct filter *filter;
	struct judge *judge;
	struct table *table;
	struct flows *flows;
	struct present *present;
	FILE *out;
	uint64_t shown, filtered;
	unsigned int skipped; /* files that were no capture, or damaged */
	time_t said; /* progress, last */
	bool started, progress;
};

static volatile sig_atomic_t stopped;

static void on_signal(int signal)
{
	(void)signal;
	stopped = 1;
}

static void on_end(void *context, const struct connection *connection)
{
	struct reading *reading = context;

	if (reading->options->count && reading->shown >= reading->options->count)
		return;
	present_connection(reading->present, connection, 0);
	if (reading->options->verdicts & 1u << connection->verdict.class)
		reading->shown++;
}

static void on_step(void *context, const struct connection *connection, uint64_t time,
		    const char *what, const char *line, size_t length)
{
	struct reading *reading = context;

	present_step(reading->present, connection, time, what, line, length, 0);
}

static int on_frame(void *context, enum frame_kind kind, const void *payload, size_t size)
{
	struct reading *reading = context;

	return table_frame(reading->table, (uint16_t)kind, payload, size);
}

static bool is_enough(const struct reading *reading)
{
	return stopped || (reading->options->count && reading->shown >= reading->options->count);
}

static bool on_idle(void *context)
{
	const struct reading *reading = context;

	return !is_enough(reading) && !fflush(reading->out);
}

/* Ids are the boot's and the connection's: here the capture stands for the boot, so that reading it twice gives the same. */
static void start(struct reading *reading, const struct file_packet *packet)
{
	const struct config *config = reading->options->config;
	uint64_t hash = 0xcbf29ce484222325ull;
	struct frame_start frame;

	memset(&frame, 0, sizeof(frame));
	for (uint32_t i = 0; packet && i < packet->captured; i++)
		hash = (hash ^ packet->bytes[i]) * 0x100000001b3ull;
	memcpy(frame.boot_id, packet ? &packet->time : &hash, 8);
	memcpy(frame.boot_id + 8, &hash, 8);
	frame.capture = 1;
	snprintf(frame.hooks, sizeof(frame.hooks), "capture");
	frame.port_count = (uint16_t)config->port_count;
	memcpy(frame.ports, config->ports, config->port_count * sizeof(frame.ports[0]));
	present_start(reading->present, &frame, packet ? packet->time : 0, 0);
	reading->started = true;
}

/* A line that stays in its place, on a terminal, where it does not stand among the output. */
static void progress(struct reading *reading, const struct file *file)
{
	uint64_t done, of;
	time_t now = time(NULL);

	if (!reading->progress || now == reading->said)
		return;
	reading->said = now;
	file_progress(file, &done, &of);
	if (of)
		fprintf(stderr, "\rsmtpsnoop: %3u%%",
			(unsigned int)(done < of ? done * 100 / of : 100));
}

static const char *file_name(const struct reading *reading, unsigned int n, char *shown,
			     size_t size)
{
	const char *name = reading->options->files[n];

	if (strcmp(name, "-") == 0)
		return "standard input";
	escape_text(shown, size, name, strlen(name), NULL);
	return shown;
}

/* 0 = go on with the next, or -errno. */
static int read_file(struct reading *reading, unsigned int n)
{
	struct file *file = reading->files[n];
	char error[512], shown[256];
	struct file_packet packet;
	uint64_t count = 0;
	int rc = 0, got = 0;

	while (!rc && !is_enough(reading) &&
	       (got = file_next(file, &packet, error, sizeof(error))) == 1) {
		if (!reading->started)
			start(reading, &packet);
		if (++count % LOOK_AT_CLOCK == 0)
			progress(reading, file);
		if (!filter_passes(reading->filter, &packet)) {
			reading->filtered++;
			continue;
		}
		rc = flows_packet(reading->flows, packet.link, packet.time, packet.bytes,
				  packet.captured, packet.original);
		if (ferror(reading->out))
			rc = -EIO;
	}
	if (got < 0) {
		char reason[600];

		escape_text(reason, sizeof(reason), error, strlen(error), NULL);
		msg_error("%s: %s%s", file_name(reading, n, shown, sizeof(shown)), reason,
			  count ? ": read up to there" : "");
		reading->skipped++;
	}
	file_close(file);
	reading->files[n] = NULL;
	return rc;
}

static void say_missing(const struct flows_counts *counts)
{
	if (counts->cut)
		msg_warn("%llu segments were cut by the capture's snap length: what is missing of "
			 "them is a gap (tcpdump -s 0 keeps all)",
			 (unsigned long long)counts->cut);
	if (counts->incomplete)
		msg_warn("%llu fragmented packets are not complete",
			 (unsigned long long)counts->incomplete);
	if (counts->forgotten)
		msg_warn("%llu connections were given up: too many at once, or no memory",
			 (unsigned long long)counts->forgotten);
}

static int finish(struct reading *reading)
{
	struct frame_end end;
	struct flows_counts counts;
	int rc = flows_end(reading->flows);

	if (!reading->started)
		start(reading, NULL);
	counts = flows_counts(reading->flows);
	table_end(reading->table, flows_now(reading->flows));
	memset(&end, 0, sizeof(end));
	end.counters.attempts = end.counters.delivered = counts.connections;
	end.status = reading->skipped ? EXIT_FAILED : EXIT_DONE;
	present_end(reading->present, &end, NULL, 0, table_over(reading->table),
		    table_orphans(reading->table), flows_now(reading->flows), 0);
	if (reading->progress)
		fprintf(stderr, "\r                 \r");
	say_missing(&counts);
	msg_debug("%llu packets, %llu of them without TCP over IP; %llu more did not pass the "
		  "filter",
		  (unsigned long long)counts.packets, (unsigned long long)counts.not_read,
		  (unsigned long long)reading->filtered);
	return rc;
}

static int run(struct reading *reading)
{
	int rc = 0;

	for (unsigned int n = 0; n < reading->options->file_count && !rc; n++)
		if (!is_enough(reading))
			rc = read_file(reading, n);
	if (!rc)
		rc = finish(reading);
	if (!output_flush(reading->out))
		return EXIT_FAILED;
	if (rc) {
		msg_error("reading ends early: %s", strerror(-rc));
		return EXIT_FAILED;
	}
	if (reading->skipped)
		return EXIT_FAILED;
	return reading->options->exit_code && present_saw_bypass(reading->present) ? EXIT_SEEN
										   : EXIT_DONE;
}

static int open_files(struct reading *reading)
{
	const struct read_options *options = reading->options;
	char shown[256];

	if (options->file_count > FILES_MAX) {
		msg_error("%u files at once are too many: %d is the most", options->file_count,
			  FILES_MAX);
		return EXIT_CANNOT;
	}
	reading->files = calloc(options->file_count, sizeof(*reading->files));
	if (!reading->files) {
		msg_error("out of memory");
		return EXIT_FAILED;
	}
	for (unsigned int n = 0; n < options->file_count; n++) {
		reading->files[n] = file_open(options->files[n]);
		if (!reading->files[n]) {
			msg_error("cannot read %s: %s", file_name(reading, n, shown, sizeof(shown)),
				  strerror(errno));
			return EXIT_CANNOT;
		}
	}
	if (options->follow)
		file_follow(reading->files[0], on_idle, reading);
	return -1;
}

static int compile_filter(struct reading *reading)
{
	char error[512], shown[1024];

	if (!reading->options->filter)
		return -1;
	reading->filter = filter_new(reading->options->filter, error, sizeof(error));
	if (reading->filter)
		return -1;
	escape_text(shown, sizeof(shown), error, strlen(error), NULL);
	msg_error("the filter is wrong: %s", shown);
	return EXIT_CANNOT;
}

/* Before the right to open files is given up. */
static int load_library(void)
{
	char error[128];

	if (library_get(error, sizeof(error)))
		return -1;
	msg_error("%s", error);
	return EXIT_CANNOT;
}

static int prepare(struct reading *reading)
{
	const struct read_options *options = reading->options;
	const struct tap_ports ports = {options->config->ports, options->config->port_count};
	struct present_options how = {
		.json = options->json,
		.recipients = options->recipients,
		.verdicts = options->verdicts,
	};
	struct table_options table = {
		.keep_recipients = options->recipients,
		.context = reading,
		.on_end = on_end,
		.on_step = options->events ? on_step : NULL,
	};

	reading->progress = isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO);
	reading->judge = judge_new(options->config);
	table.judge = reading->judge;
	reading->table = reading->judge ? table_new(&table) : NULL;
	reading->flows = flows_new(&ports, on_frame, reading);
	reading->present = output_describe(&how) ? present_new(&how) : NULL;
	reading->out = how.out;
	if (reading->table && reading->flows && reading->present)
		return -1;
	msg_error("out of memory");
	return EXIT_FAILED;
}

static void catch_signals(void)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction end = {.sa_handler = on_signal};

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		sigaction(ends[i], &end, NULL);
}

static void clean_up(struct reading *reading)
{
	flows_free(reading->flows);
	table_free(reading->table);
	judge_free(reading->judge);
	present_free(reading->present);
	filter_free(reading->filter);
	if (reading->out)
		fclose(reading->out);
	for (unsigned int n = 0; reading->files && n < reading->options->file_count; n++)
		file_close(reading->files[n]);
	free(reading->files);
}

int cmd_read(int argc, char **argv)
{
	struct read_options options;
	struct reading reading = {.options = &options};
	int status = read_options_parse(&options, argc, argv);

	if (status < 0)
		status = open_files(&reading);
	if (status < 0)
		status = load_library();
	if (status < 0)
		status = compile_filter(&reading);
	if (status < 0)
		status = prepare(&reading);
	if (status < 0) {
		catch_signals();
		tzset();
		status = rights_give_up() ? -1 : EXIT_FAILED;
	}
	if (status < 0)
		status = run(&reading);
	clean_up(&reading);
	read_options_free(&options);
	return status;
}
