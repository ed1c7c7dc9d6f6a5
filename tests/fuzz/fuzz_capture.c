/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz_capture.c - a whole capture file, from its first byte to the printed records
 */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "capture/file.h"
#include "capture/flows.h"
#include "present/present.h"

static struct present *present;
static struct table *table;

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

static int on_frame(void *context, enum frame_kind kind, const void *payload, size_t size)
{
	int rc = table_frame(table, (uint16_t)kind, payload, size);

	(void)context;
	must(rc == 0);
	return rc;
}

static void read_all(struct flows *flows, const uint8_t *bytes, size_t size)
{
	static int fd = -1;
	char path[64], error[512];
	struct file_packet packet;
	struct file *file;

	if (fd < 0)
		fd = memfd_create("capture", 0);
	must(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, bytes, size, 0) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	file = file_open(path);
	must(file != NULL);
	while (file_next(file, &packet, error, sizeof(error)) == 1)
		flows_packet(flows, packet.link, packet.time, packet.bytes, packet.captured,
			     packet.original);
	file_close(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const uint16_t ports[] = {25, 465, 587};
	const struct tap_ports listed = {ports, 3};
	static FILE *nowhere;
	struct present_options how = {.width = 100, .verdicts = ~0u, .recipients = true};
	struct table_options options = {
		.keep_recipients = true, .on_end = on_end, .on_step = on_step};
	struct config *config = config_default();
	struct flows *flows;

	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	how.out = nowhere;
	how.json = size & 1;
	options.judge = judge_new(config);
	present = present_new(&how);
	table = table_new(&options);
	flows = flows_new(&listed, on_frame, NULL);
	must(nowhere && options.judge && present && table && flows);
	read_all(flows, bytes, size);
	flows_end(flows);
	table_end(table, flows_now(flows));
	must(table_orphans(table) == 0);
	present_end(present, NULL, NULL, 0, 0, 0, flows_now(flows), 0);
	flows_free(flows);
	table_free(table);
	present_free(present);
	judge_free(options.judge);
	config_free(config);
	return 0;
}
