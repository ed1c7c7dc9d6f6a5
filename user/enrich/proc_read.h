/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * proc_read.h - a process as it is now, read from /proc
 */
#ifndef SMTPSNOOP_PROC_READ_H
#define SMTPSNOOP_PROC_READ_H

#include <stdbool.h>

#include "base/frame_process.h"

/* Filled bit by bit: at any moment the texts whose length stands in the head are whole. */
struct proc_read {
	struct frame_process head;
	bool found; /* it was still there */
	bool whole; /* all was read */
	char text[PROCESS_TEXT_MAX];
};

/* What to read: the caller sets head.tgid and head.start, PROCESS_VALUES if they are wanted, and zeros else. It can wait without end. */
void proc_read(struct proc_read *read);

#endif
