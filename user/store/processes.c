/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * processes.c - the processes of a snapshot as they are now, each with the verdicts of what it has open
 *
 * A process is told before the connections are shown that it has open at the end. Nothing is fatal.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/processes.h"

struct processes {
	struct process_seen *all;
	struct frame_processes sum;
};

struct processes *processes_new(void)
{
	return calloc(1, sizeof(struct processes));
}

static void seen_free(struct process_seen *seen)
{
	free(seen->now);
	free(seen);
}

void processes_free(struct processes *processes)
{
	if (!processes)
		return;
	while (processes->all) {
		struct process_seen *seen = processes->all;

		HASH_DEL(processes->all, seen);
		seen_free(seen);
	}
	free(processes);
}

static struct process_seen *find(struct processes *processes, uint32_t tgid, uint64_t start)
{
	const struct process_key key = {.start = start, .tgid = tgid};
	struct process_seen *seen;

	HASH_FIND(hh, processes->all, &key, sizeof(key), seen);
	return seen;
}

static int add(struct processes *processes, struct process_now *now)
{
	struct process_seen *seen;

	if (find(processes, now->is.tgid, now->is.start) ||
	    HASH_COUNT(processes->all) >= LIMIT_PROCESSES) {
		free(now);
		return -EBADMSG;
	}
	seen = calloc(1, sizeof(*seen));
	if (!seen) {
		free(now);
		return -ENOMEM;
	}
	seen->key = (struct process_key){.start = now->is.start, .tgid = now->is.tgid};
	seen->now = now;
	HASH_ADD(hh, processes->all, key, sizeof(seen->key), seen);
	if (seen->hh.tbl)
		return 0;
	seen_free(seen);
	return -ENOMEM;
}

int processes_frame(struct processes *processes, uint16_t kind, const void *payload, size_t size)
{
	struct process_now *now;

	if (kind == FRAME_PROCESSES && size == sizeof(processes->sum)) {
		memcpy(&processes->sum, payload, size);
		return 0;
	}
	if (kind != FRAME_PROCESS)
		return -EBADMSG;
	now = process_now_decode(payload, size);
	return now ? add(processes, now) : -errno;
}

static void judge(struct processes *processes, uint32_t tgid, uint64_t start,
		  enum verdict_class class)
{
	struct process_seen *seen = find(processes, tgid, start);

	if (seen)
		seen->verdicts |= 1u << class;
}

void processes_judge(struct processes *processes, const struct connection *connection,
		     const struct socket_seen *socket)
{
	const struct process *of[] = {connection->opener, connection->sender};
	enum verdict_class class = connection->verdict.class;

	for (unsigned int i = 0; i < 2; i++)
		if (of[i])
			judge(processes, of[i]->id.tgid, of[i]->id.start, class);
	for (unsigned int i = 0; i < socket_holders(socket); i++)
		judge(processes, socket->holders[i].tgid, socket->holders[i].start, class);
}

struct process_seen *processes_first(struct processes *processes)
{
	return processes->all;
}

struct process_seen *processes_find(struct processes *processes, uint32_t tgid,
				    enum verdict_class class)
{
	struct process_seen *seen = processes->all;

	while (seen && (seen->key.tgid != tgid || !(seen->verdicts & 1u << class)))
		seen = seen->hh.next;
	return seen;
}

bool process_wanted(const struct process_seen *seen, uint32_t verdicts)
{
	return seen->verdicts ? seen->verdicts & verdicts : seen->now->is.flags & PROCESS_HOLDS;
}

unsigned int processes_shown(const struct processes *processes)
{
	unsigned int count = 0;

	for (const struct process_seen *seen = processes->all; seen; seen = seen->hh.next)
		count += seen->shown;
	return count;
}

const struct frame_processes *processes_sum(const struct processes *processes)
{
	return &processes->sum;
}
