/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sockets.h - every TCP socket towards an SMTP port, in every network namespace, with and without a process
 */
#ifndef SMTPSNOOP_SOCKETS_H
#define SMTPSNOOP_SOCKETS_H

#include <stdint.h>

#include "base/frame.h"

/* user and cgroup are empty: cgroup_id says where it belongs, 0 = not known. What it returns but 0 ends the search. */
typedef int sockets_fn(void *context, const struct frame_socket *socket, uint64_t cgroup_id);

struct sockets_options {
	const uint16_t *ports;
	unsigned int port_count;
	sockets_fn *fn;
	void *context;
};

/*
 * Asks sock_diag(7) in every namespace that a process lives in or /run/netns names. Needs CAP_SYS_ADMIN for those that are not ours.
 * 0, -errno, or what fn returned; *looked says how much of it was to be seen.
 */
int sockets_each(const struct sockets_options *options, struct frame_looked *looked);

#endif
