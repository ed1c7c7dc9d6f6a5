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

#include "base/child.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/msg.h"
#include "enrich/proc_read.h"
#include "enrich/proc_stat.h"
#include "enrich/script_live.h"

struct listed {
	struct listed_key {
		uint64_t start;
		uint32_t tgid, reserved;
	} key;
	bool trusted; /* the MTA's: after all others */
	bool holds;
	bool looked;
	struct script_runtime exe;
	UT_hash_handle hh;
};

/* A connection from before the start: the script of its process belongs to it. */
struct waiting {
	const struct listed *listed;
	uint64_t cookie;
	uint32_t generation;
};

/* Shared with the child. */
struct reading {
	struct proc_read process;
	bool is_php;
	struct script_layout layout;
	size_t script_size; /* 0 = there is nothing to tell */
	struct event_script script;
};

struct process_list {
	struct process_list_options options;
	struct listed *all; /* oldest first */
	struct waiting waiting[LIMIT_EVIDENCE_HOLDERS];
	unsigned int waiting_count;
	struct child child; /* its memory is a struct reading */
	uint64_t spent; /* ns */
	struct frame_processes sum;
};

struct process_list *process_list_new(const struct process_list_options *options)
{
	struct process_list *list = calloc(1, sizeof(*list));

	if (!list) {
		msg_error("out of memory: processes are not looked at");
		return NULL;
	}
	list->child.size = sizeof(struct reading);
	list->options = *options;
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
	if (!listed)
		return;
	listed->trusted = (extra->mta_flags & ENRICHMENT_MTA_TRUSTED) == ENRICHMENT_MTA_TRUSTED;
	listed->exe.inode = open->who.exe_inode;
	listed->exe.device = open->who.exe_device;
	if (open->head.flags & EVENT_F_EXISTING && list->waiting_count < LIMIT_EVIDENCE_HOLDERS)
		list->waiting[list->waiting_count++] =
			(struct waiting){listed, open->head.cookie, open->head.generation};
}

static void look(void *memory)
{
	struct reading *reading = memory;
	const struct script_layout *layout = reading->is_php ? &reading->layout : NULL;
	size_t size;

	proc_read(&reading->process);
	if (!reading->process.found)
		return;
	size = script_live_read(reading->process.head.tgid, reading->process.head.start, layout,
				&reading->script);
	__atomic_store_n(&reading->script_size, size, __ATOMIC_RELEASE);
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
	return channel_write(list->options.writer, FRAME_PROCESS, &head, sizeof(head), read->text,
			     size);
}

/* To each connection that it had when we came. 0, or what the callback returned. */
static int tell_script(struct process_list *list, const struct listed *listed,
		       struct reading *reading)
{
	size_t size = __atomic_load_n(&reading->script_size, __ATOMIC_ACQUIRE);
	struct event_head head = {
		.size = (uint32_t)size, .kind = EVENT_SCRIPT, .time = clock_ns(CLOCK_BOOTTIME)};
	int rc = 0;

	for (unsigned int i = 0; i < list->waiting_count && size && !rc; i++) {
		if (list->waiting[i].listed != listed)
			continue;
		head.cookie = list->waiting[i].cookie;
		head.generation = list->waiting[i].generation;
		reading->script.head = head;
		rc = list->options.script(list->options.context, &reading->script, size);
	}
	return rc;
}

/* True: it is done with; false: there was no time, or no memory. */
static bool look_at(struct process_list *list, const struct listed *listed, int *rc)
{
	const struct process_list_options *options = &list->options;
	struct reading *reading = child_memory(&list->child);
	struct proc_read *read;
	enum child_end how;

	if (!reading)
		return false;
	read = &reading->process;
	read->head.tgid = listed->key.tgid;
	read->head.start = listed->key.start;
	read->head.flags =
		(listed->holds ? PROCESS_HOLDS : 0) | (options->values ? PROCESS_VALUES : 0);
	reading->is_php = options->layout(options->context, &listed->exe,
					  proc_start_code(listed->key.tgid), &reading->layout);
	how = child_run(&list->child, look, LIMIT_PROCESS_MS, options->stop);
	if (read->found)
		*rc = tell(list, read);
	else if (how == CHILD_DONE)
		list->sum.gone++;
	if (!*rc && how == CHILD_DONE)
		*rc = tell_script(list, listed, reading);
	return read->found || how == CHILD_DONE;
}

static bool has_time(const struct process_list *list)
{
	struct pollfd stop = {.fd = list->options.stop, .events = POLLIN};

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
			rc = list->options.between(list->options.context);
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
	child_rest(&list->child);
	return rc ? rc
		  : channel_write(list->options.writer, FRAME_PROCESSES, &list->sum,
				  sizeof(list->sum), NULL, 0);
}
