/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * run_capture.h - frames through the capture stage and the connection table, as `smtpsnoop read` takes them
 */
#ifndef SMTPSNOOP_RUN_CAPTURE_H
#define SMTPSNOOP_RUN_CAPTURE_H

#include <stdlib.h>
#include <string.h>

#include "capture/file.h"
#include "capture/flows.h"
#include "present/present.h"
#include "store/connection.h"

#define RUN_UNUSED __attribute__((unused))
#define RUN_CONNECTIONS 64

struct run_connection {
	struct connection connection; /* pointers in it are not valid any more */
	bool has_session;
	struct session_facts facts;
};

struct run {
	struct config *config;
	struct judge *judge;
	struct table *table;
	struct flows *flows;
	unsigned int count; /* connections seen; the first RUN_CONNECTIONS are kept */
	struct run_connection *kept;
	struct present *present; /* shows each that ended; NULL: none */
};

static RUN_UNUSED void run_on_end(void *context, const struct connection *connection)
{
	struct run *run = context;
	struct run_connection *kept = &run->kept[run->count];

	if (run->present)
		present_connection(run->present, connection, 0);
	if (run->count++ >= RUN_CONNECTIONS)
		return;
	memset(kept, 0, sizeof(*kept));
	kept->connection = *connection;
	kept->has_session = connection->session != NULL;
	if (connection->session)
		kept->facts = connection->session->facts;
}

static RUN_UNUSED int run_on_frame(void *context, enum frame_kind kind, const void *payload,
				   size_t size)
{
	struct run *run = context;

	return table_frame(run->table, (uint16_t)kind, payload, size);
}

static RUN_UNUSED void run_free(struct run *run)
{
	flows_free(run->flows);
	table_free(run->table);
	judge_free(run->judge);
	config_free(run->config);
	free(run->kept);
	memset(run, 0, sizeof(*run));
}

/* False: out of memory, and everything is freed. */
static RUN_UNUSED bool run_start(struct run *run)
{
	struct table_options options = {.context = run, .on_end = run_on_end};

	memset(run, 0, sizeof(*run));
	run->kept = calloc(RUN_CONNECTIONS, sizeof(*run->kept));
	run->config = config_default();
	run->judge = run->config ? judge_new(run->config) : NULL;
	options.judge = run->judge;
	run->table = run->judge ? table_new(&options) : NULL;
	if (run->table && run->kept) {
		const struct tap_ports ports = {run->config->ports, run->config->port_count};

		run->flows = flows_new(&ports, run_on_frame, run);
	}
	if (run->flows)
		return true;
	run_free(run);
	return false;
}

/* Everything that waits is told. */
static RUN_UNUSED int run_end(struct run *run)
{
	int rc = flows_end(run->flows);

	table_end(run->table, flows_now(run->flows));
	return rc;
}

/* False: the file can't be read, or not to its end; `error` says why. */
static RUN_UNUSED bool run_file(struct run *run, const char *path, char *error, size_t size)
{
	struct file *file = file_open(path);
	struct file_packet packet;
	int rc = -1;

	if (!file) {
		strncpy(error, "cannot be opened", size);
		return false;
	}
	while ((rc = file_next(file, &packet, error, size)) == 1)
		flows_packet(run->flows, packet.link, packet.time, packet.bytes, packet.captured,
			     packet.original);
	file_close(file);
	return rc == 0;
}

#endif
