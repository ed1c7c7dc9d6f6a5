/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cmdline.h - the arguments of a process that the kernel programs could only name
 */
#ifndef SMTPSNOOP_CMDLINE_H
#define SMTPSNOOP_CMDLINE_H

#include <stddef.h>

#include "event.h"

/*
 * Where an OPEN record has no arguments because they were not in reach (IDENTITY_ARGV_UNREAD), takes them from /proc/PID/cmdline, if
 * that is still the same process: its start time is compared before and after. Returns the record's size, which may have grown.
 */
size_t cmdline_add(struct event_open *open, size_t size);

/* That was all for now: the child that reads them ends. */
void cmdline_rest(void);

#endif
