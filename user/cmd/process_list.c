/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * process_list.c - the processes of a snapshot as they are now, for the unprivileged half
 *
 * Each is read by a child that has half a second: it may have to wait for the lock on the memory of the process, or for a file system, and
 * who has made the process can make it wait for ever. Then what was read before stays.
 */
#include "cmd/process_list.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/msg.h"
#include "enrich/proc_read.h"

struct listed {
	struct listed_key {
		uint64_t start;
		uint32_t tgid, reserved;
	} key;
	bool trusted; /* the MTA's: after all others */
	bool holds;
	bool looked;
	UT_hash_handle hh;
};

struct process_list {
	struct channel_writer *writer;
	bool values;
	int stop;
	int (*between)(void *context);
	void *context;
	struct listed *all; /* oldest first */
	struct child child; /* its memory is a struct proc_read */
	uint64_t spent; /* ns */
	struct frame_processes sum;
};

struct process_list *process_list_new(struct channel_writer *writer, bool values, int stop,
				      int (*between)(void *), void *context)
{
	struct process_list *list = calloc(1, sizeof(*list));

	if (!list) {
		msg_error("out of memory: processes are not looked at");
		return NULL;
	}
	list->child.size = sizeof(struct proc_read);
	list->writer = writer;
	list->values = values;
	list->stop = stop;
	list->between = between;
	list->context = context;
	return list;
}

void process_list_free(struct process_list *list)
{
	struct listed *listed, *next;

	if (!list)
		return;
	HASH_ITER (hh, list->all, listed, next) {
		HASH_DEL(list->all, listed);
		free(listed);
	}
	child_free(&list->child);
	free(list);
}

/* NULL: there is no room; it was counted. */
static struct listed *find_or_add(struct process_list *list, uint32_t tgid, uint64_t start)
{
	struct listed_key key = {.start = start, .tgid = tgid};
	struct listed *listed;

	HASH_FIND(hh, list->all, &key, sizeof(key), listed);
	if (listed)
		return listed;
	listed = HASH_COUNT(list->all) < LIMIT_PROCESSES_KNOWN ? calloc(1, sizeof(*listed)) : NULL;
	if (listed) {
		listed->key = key;
		HASH_ADD(hh, list->all, key, sizeof(listed->key), listed);
		if (listed->hh.tbl)
			return listed;
		free(listed);
	}
	list->sum.over++;
	return NULL;
}

void process_list_holder(struct process_list *list, const struct event_holder *holder)
{
	struct listed *listed;

	if (!list || holder->holds != HOLDS_CONNECTION)
		return;
	listed = find_or_add(list, holder->tgid, holder->start);
	if (listed)
		listed->holds = true;
}

void process_list_open(struct process_list *list, const struct enrichment *extra,
		       const struct event_open *open)
{
	struct listed *listed;

	/* What the kernel itself opens has no process. */
	if (!list || !open->who.tgid)
		return;
	listed = find_or_add(list, open->who.tgid, open->who.start);
	if (listed)
		listed->trusted =
			(extra->mta_flags & ENRICHMENT_MTA_TRUSTED) == ENRICHMENT_MTA_TRUSTED;
}

static void look(void *memory)
{
	proc_read(memory);
}

/* The texts that are whole. */
static size_t text_size(struct frame_process *head)
{
	size_t size = 0;

	for (unsigned int i = 0; i < PROCESS_TEXTS; i++) {
		head->lengths[i] = __atomic_load_n(&head->lengths[i], __ATOMIC_ACQUIRE);
		size += head->lengths[i];
	}
	return size;
}

/* 0 or -errno. */
static int tell(struct process_list *list, const struct proc_read *read)
{
	struct frame_process head;
	size_t size;

	/* A child that was left alone may go on writing: from here on its numbers stay. */
	memcpy(&head, read, sizeof(head));
	size = text_size(&head);
	if (!read->whole)
		head.flags |= PROCESS_UNFINISHED;
	if (head.ancestor_count > PROCESS_ANCESTORS || size > PROCESS_TEXT_MAX)
		return 0;
	list->sum.looked++;
	return channel_write(list->writer, FRAME_PROCESS, &head, sizeof(head), read->text, size);
}

/* True: it is done with; false: there was no time, or no memory. */
static bool look_at(struct process_list *list, const struct listed *listed, int *rc)
{
	struct proc_read *read = child_memory(&list->child);
	enum child_end how;

	if (!read)
		return false;
	read->head.tgid = listed->key.tgid;
	read->head.start = listed->key.start;
	read->head.flags =
		(listed->holds ? PROCESS_HOLDS : 0) | (list->values ? PROCESS_VALUES : 0);
	how = child_run(&list->child, look, LIMIT_PROCESS_MS, list->stop);
	if (read->found)
		*rc = tell(list, read);
	else if (how == CHILD_DONE)
		list->sum.gone++;
	return read->found || how == CHILD_DONE;
}

static bool has_time(const struct process_list *list)
{
	struct pollfd stop = {.fd = list->stop, .events = POLLIN};

	return list->spent < LIMIT_PROCESSES_SECONDS * UINT64_C(1000000000) &&
	       poll(&stop, 1, 0) <= 0;
}

/* The trusted ones, or the others. */
static int look_at_all(struct process_list *list, bool trusted)
{
	int rc = 0;

	/* The list may grow meanwhile, at its end. */
	for (struct listed *listed = list->all; listed && !rc; listed = listed->hh.next) {
		uint64_t before = clock_ns(CLOCK_MONOTONIC);

		if (listed->looked || listed->trusted != trusted)
			continue;
		listed->looked = true;
		if (list->sum.looked >= LIMIT_PROCESSES)
			list->sum.over++;
		else if (!has_time(list) || !look_at(list, listed, &rc))
			list->sum.late++;
		list->spent += clock_ns(CLOCK_MONOTONIC) - before;
		if (!rc)
			rc = list->between(list->context);
	}
	return rc;
}

int process_list_write(struct process_list *list)
{
	int rc;

	if (!list)
		return 0;
	rc = look_at_all(list, false);
	if (!rc)
		rc = look_at_all(list, true);
	return rc ? rc
		  : channel_write(list->writer, FRAME_PROCESSES, &list->sum, sizeof(list->sum),
				  NULL, 0);
}
