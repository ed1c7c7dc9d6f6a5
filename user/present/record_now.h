/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * record_now.h - a process as it is now in the JSON record
 */
#ifndef SMTPSNOOP_RECORD_NOW_H
#define SMTPSNOOP_RECORD_NOW_H

#include "present/record.h"
#include "store/processes.h"

/* The action "process". values: those of the environment, if they are known. */
void record_now(struct json *json, const struct record_origin *origin,
		const struct process_now *now, bool values, int64_t unix_ns,
		int64_t wall_minus_boot);

/* What the search came to, in the record of the end. */
void record_processes(struct json *json, const struct frame_processes *sum);

#endif
