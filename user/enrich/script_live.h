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

#include "event_script.h"

/*
 * Fills `script` but for its head, and returns its size; 0 = there is nothing to tell, or it is another process by now. start:
 * CLOCK_BOOTTIME ns. layout NULL: it is no PHP. Needs the rights of ptrace(2), and can wait without end: the process may have its memory
 * on a file system that never answers. The walk has one place for all: not for threads.
 */
size_t script_live_read(uint32_t tgid, uint64_t start, const struct script_layout *layout,
			struct event_script *script);

#endif
