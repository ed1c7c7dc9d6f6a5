/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * status.c - how full the ring is and what both halves take
 *
 * What can't be read is told as 0. Nothing is fatal but the channel.
 */
#include "cmd/status.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "enrich/proc_stat.h"

void status_open(struct status *status, pid_t child)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", (int)child);
	status->processes[0] = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	status->processes[1] = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	status->used = 0;
}

void status_close(struct status *status)
{
	for (int i = 0; i < 2; i++)
		if (status->processes[i] >= 0)
			close(status->processes[i]);
}

void status_see(struct status *status, const struct tracer *tracer)
{
	uint64_t waiting = tracer_waiting(tracer);

	if (waiting > status->used)
		status->used = waiting;
}

int status_write(struct status *status, const struct tracer *tracer, struct channel_writer *writer)
{
	uint64_t tick = 1000000000 / (uint64_t)sysconf(_SC_CLK_TCK);
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	struct frame_status frame;
	int rc;

	memset(&frame, 0, sizeof(frame));
	tracer_counters(tracer, &frame.counters);
	frame.ring_bytes = tracer_ring_bytes(tracer);
	frame.ring_used = status->used;
	status->used = 0;
	for (int i = 0; i < 2 && status->processes[i] >= 0; i++) {
		int process = status->processes[i];

		frame.resident[i] = page * proc_stat(process, PROC_STAT_RESIDENT);
		frame.processor[i] = tick * (proc_stat(process, PROC_STAT_USER) +
					     proc_stat(process, PROC_STAT_SYSTEM));
	}
	rc = channel_write(writer, FRAME_STATUS, &frame, sizeof(frame), NULL, 0);
	return rc ? rc : channel_flush(writer);
}
