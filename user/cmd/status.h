/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * status.h - how full the ring is and what both halves take, for the metrics: only the privileged half can see it
 */
#ifndef SMTPSNOOP_STATUS_H
#define SMTPSNOOP_STATUS_H

#include <stdint.h>
#include <sys/types.h>

#include "pass/channel.h"
#include "source/tracer.h"

struct status {
	int processes[2]; /* directories in /proc: ours, and the other half's; -1 = not to be had */
	uint64_t used; /* the most that waited in the ring since it was told */
};

void status_open(struct status *status, pid_t child);
void status_close(struct status *status);

/* Before the ring is drained. */
void status_see(struct status *status, const struct tracer *tracer);

/* 0, or -errno: the channel's. */
int status_write(struct status *status, const struct tracer *tracer, struct channel_writer *writer);

#endif
