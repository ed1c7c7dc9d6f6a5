/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * script_live.h - the script of a process that waits, read from outside
 *
 * What the kernel programs read of a process when it connects or sends, for one that does neither at the moment.
 */
#ifndef SMTPSNOOP_SCRIPT_LIVE_H
#define SMTPSNOOP_SCRIPT_LIVE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "event_script.h"

/* Of a process whose directory in /proc is open: where its program begins, by which layouts of libraries are found. 0 = not known. */
uint64_t script_live_start_code(int process);

/*
 * Fills `script` but for cookie and generation, and returns its size; 0 = there is nothing to tell. layout NULL: it is no PHP. Needs the
 * rights of ptrace(2), and can wait without end: the process may have its memory on a file system that never answers. The walk works
 * in one place for all: not for threads.
 */
size_t script_live_read(int process, pid_t pid, const struct script_layout *layout,
			struct event_script *script);

#endif
