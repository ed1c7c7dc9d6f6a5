/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * descriptors.c - how many files we may have open
 *
 * Too few are fatal to the caller; that more can't be had is not.
 */
#include "cmd/descriptors.h"

#include <sys/resource.h>

#include "base/msg.h"

#define DESCRIPTORS 256 /* where the soft limit is lower and the hard one allows it */
#define DESCRIPTORS_NEEDED 64 /* some 35 in use, and more while it starts */

bool descriptors_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return true;
	if (limit.rlim_cur < DESCRIPTORS) {
		limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (limit.rlim_cur >= DESCRIPTORS_NEEDED)
		return true;
	msg_error("too few open files are allowed (ulimit -n %llu): %d are needed",
		  (unsigned long long)limit.rlim_cur, DESCRIPTORS_NEEDED);
	return false;
}
