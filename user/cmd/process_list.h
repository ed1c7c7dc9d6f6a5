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
#include "pass/channel.h"

struct process_list;

/*
 * values: the environment with its values. `stop` is readable when there is to be no more waiting. `between` is called after each
 * process, so that the ring does not wait for all of them; what it returns ends the list unless it is 0. NULL = out of memory, which was said.
 */
struct process_list *process_list_new(struct channel_writer *writer, bool values, int stop,
				      int (*between)(void *), void *context);
void process_list_free(struct process_list *list);

/* Who has a connection open, and whose OPEN or SENDER record came. */
void process_list_holder(struct process_list *list, const struct event_holder *holder);
void process_list_open(struct process_list *list, const struct enrichment *extra,
		       const struct event_open *open);

/*
 * Looks at all that were not looked at, and writes a FRAME_PROCESS for each that is still there, and FRAME_PROCESSES. 0; -EPIPE: the
 * other half is gone; what `between` returned.
 */
int process_list_write(struct process_list *list);

#endif
