/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * processes.h - the processes of a snapshot as they are now, each with the verdicts of what it has open
 *
 * Bounded by LIMIT_PROCESSES.
 */
#ifndef SMTPSNOOP_PROCESSES_H
#define SMTPSNOOP_PROCESSES_H

#include "base/hash.h"
#include "enrich/process_now.h"
#include "store/connection.h"
#include "store/sockets.h"

struct process_seen {
	struct process_key {
		uint64_t start;
		uint32_t tgid, reserved;
	} key;
	struct process_now *now;
	uint32_t verdicts; /* 1 << enum verdict_class */
	bool shown; /* in text */
	UT_hash_handle hh;
};

struct processes;

struct processes *processes_new(void); /* NULL = out of memory */
void processes_free(struct processes *processes); /* NULL is fine */

/* FRAME_PROCESS and FRAME_PROCESSES. 0, -ENOMEM, -EBADMSG: a size or text that is wrong. */
int processes_frame(struct processes *processes, uint16_t kind, const void *payload, size_t size);

/* Whoever has opened the connection, writes to it, or has it open; socket may be NULL. */
void processes_judge(struct processes *processes, const struct connection *connection,
		     const struct socket_seen *socket);

struct process_seen *processes_first(struct processes *processes); /* oldest first, on by hh.next */
/* One that has a connection of that verdict; NULL = none. */
struct process_seen *processes_find(struct processes *processes, uint32_t tgid,
				    enum verdict_class class);
/* Is it to be shown where only these verdicts are (1 << enum verdict_class)? What came and went meanwhile has nothing open. */
bool process_wanted(const struct process_seen *seen, uint32_t verdicts);

/* How many were shown in text. */
unsigned int processes_shown(const struct processes *processes);

/* What the search came to. */
const struct frame_processes *processes_sum(const struct processes *processes);

#endif
