/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * open.h - opening what may be somebody else's: below a directory, and in two steps
 */
#ifndef SMTPSNOOP_OPEN_H
#define SMTPSNOOP_OPEN_H

#include <stdint.h>

/* openat2(2), Linux 5.6, with O_CLOEXEC; glibc has no function for it. `resolve` is RESOLVE_* of linux/openat2.h. -1 with errno. */
int open_below(int directory, const char *path, int flags, uint64_t resolve);

/* What `found`, opened with O_PATH and looked at since, stands for: no other file can have come in its place. -1 with errno. */
int open_again(int found, int flags);

#endif
