/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * record_process.h - who it was, as members of the record
 */
#ifndef SMTPSNOOP_RECORD_PROCESS_H
#define SMTPSNOOP_RECORD_PROCESS_H

#include "enrich/process.h"
#include "present/json.h"

/* An object "process" or "sender"; the sender's holds its user too. */
void record_process(struct json *json, const char *key, const struct process *process,
		    int64_t wall_minus_boot, bool with_user);

/* "user", "group", "cgroup", "service", "container", "orchestrator". */
void record_owner(struct json *json, const struct process *process);

/* dev_t as stat(2) shows it, from the kernel's form. */
uint64_t record_device(uint32_t kernel_device);

#endif
