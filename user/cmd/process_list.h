/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * process_list.h - the processes of a snapshot as they are now, for the unprivileged half
 *
 * All functions but process_list_new() take NULL for a list: then there is none, and they do nothing.
 */
#ifndef SMTPSNOOP_PROCESS_LIST_H
#define SMTPSNOOP_PROCESS_LIST_H

#include <stdbool.h>

#include "base/frame.h"
#include "event_script.h"
#include "pass/channel.h"

struct process_list;

/* What the callbacks return ends the list unless it is 0. */
struct process_list_options {
	struct channel_writer *writer;
	bool values; /* the environment with its values */
	int stop; /* readable when there is to be no more waiting */
	void *context;
	/* Called after each process, so that the ring does not wait for all of them. */
	int (*between)(void *context);
	/* False: the executable is no PHP. start_code: see struct script_runtime. */
	bool (*layout)(void *context, const struct script_runtime *exe, uint64_t start_code,
		       struct script_layout *layout);
	/* A SCRIPT record, as the kernel programs write it. */
	int (*script)(void *context, const void *record, size_t size);
};

/* NULL = out of memory, which was said. */
struct process_list *process_list_new(const struct process_list_options *options);
void process_list_free(struct process_list *list);

/* Who has a connection open, and whose OPEN or SENDER record came. */
void process_list_holder(struct process_list *list, const struct event_holder *holder);
void process_list_open(struct process_list *list, const struct enrichment *extra,
		       const struct event_open *open);

/*
 * Looks at all that were not looked at, and writes a FRAME_PROCESS for each that is still there, and FRAME_PROCESSES. The scripts of those
 * that waited when we came, and so told the kernel programs nothing, are told for each of their connections. 0; -EPIPE: the other half
 * is gone; what a callback returned.
 */
int process_list_write(struct process_list *list);

#endif
