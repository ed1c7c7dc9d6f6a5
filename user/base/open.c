/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * open.c - opening what may be somebody else's: below a directory, and in two steps
 *
 * Nothing is fatal.
 */
#include "base/open.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int open_below(int directory, const char *path, int flags, uint64_t resolve)
{
	struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC), .resolve = resolve};

	return (int)syscall(SYS_openat2, directory, path, &how, sizeof(how));
}

int open_again(int found, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", found);
	return open(path, flags | O_CLOEXEC);
}
