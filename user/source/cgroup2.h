/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cgroup2.h - the cgroup v2 hierarchy to attach to
 */
#ifndef SMTPSNOOP_CGROUP2_H
#define SMTPSNOOP_CGROUP2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cgroup2 {
	int fd; /* directory; the caller closes it */
	uint64_t id; /* the kernel's id of it; 0 = the root: everything */
	char where[256]; /* mount point or path, for people; "(private mount)" */
	char root[256]; /* the mount point; "" = a private one */
};

/*
 * path NULL: the root of the hierarchy, wherever it is mounted, or of a detached mount of our own that nobody else sees. Else that
 * directory, which must be in a cgroup v2 hierarchy. 0 or -errno with a sentence in `error`.
 */
int cgroup2_open(struct cgroup2 *cgroup, const char *path, char *error, size_t error_size);

/*
 * The path of a cgroup below the hierarchy, "/system.slice/cron.service", whole or nothing, by its id. 0 or -errno: ESTALE when it is gone.
 * Needs CAP_DAC_READ_SEARCH. *inside says whether it is the opened one or below it.
 */
int cgroup2_path(const struct cgroup2 *cgroup, uint64_t id, char *path, size_t size, bool *inside);

/*
 * What is left of a path below where the hierarchy is mounted by the table `mounts` (/proc/self/mounts), else below where it is on
 * other hosts as a rule; the path itself, where it is below none. "" is the root. The path need not be there: nothing is opened.
 */
const char *cgroup2_below(const char *path, const char *mounts);

#endif
