/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cgroup2.h - the cgroup v2 hierarchy to attach to
 */
#ifndef SMTPSNOOP_CGROUP2_H
#define SMTPSNOOP_CGROUP2_H

#include <stddef.h>
#include <stdint.h>

struct cgroup2 {
	int fd; /* directory; the caller closes it */
	uint64_t id; /* the kernel's id of it; 0 = the root: everything */
	char where[256]; /* mount point or path, for people; "(private mount)" */
};

/*
 * path NULL: the root of the hierarchy, wherever it is mounted, or of a detached mount of our own that nobody else sees. Else that
 * directory, which must be in a cgroup v2 hierarchy. 0 or -errno with a sentence in `error`.
 */
int cgroup2_open(struct cgroup2 *cgroup, const char *path, char *error, size_t error_size);

#endif
