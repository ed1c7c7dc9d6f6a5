/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * namespaces.h - every network namespace, from inside
 */
#ifndef SMTPSNOOP_NAMESPACES_H
#define SMTPSNOOP_NAMESPACES_H

#include <stdint.h>

/* We are in it. What it returns but 0 ends the walk. */
typedef int namespaces_fn(void *context, uint32_t netns);

struct namespaces_looked {
	uint32_t count; /* that there are */
	uint32_t refused; /* of them, those that could not be entered */
};

/*
 * Goes into each network namespace that a process lives in or /run/netns names, once, and comes back. Needs CAP_SYS_ADMIN for those that
 * are not ours. 0, what fn returned, or -errno; -ECHILD: there is no way back into our own.
 */
int namespaces_each(namespaces_fn *fn, void *context, struct namespaces_looked *looked);

#endif
