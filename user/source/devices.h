/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * devices.h - the interfaces of a network namespace, and the BPF programs on them
 */
#ifndef SMTPSNOOP_DEVICES_H
#define SMTPSNOOP_DEVICES_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "source/programs.h"

/* A tun or tap device. */
struct tun_device {
	char name[IF_NAMESIZE];
	uint32_t netns, elsewhere, ifindex; /* as in struct frame_hiding */
	uint32_t type; /* IFF_TUN or IFF_TAP, 0 = not known */
	uint32_t owner; /* uid, UINT32_MAX = none */
};

/* What it returns but 0 ends the list. */
typedef int devices_tun_fn(void *context, const struct tun_device *tun);

/*
 * Looks at all interfaces of the namespace that we are in, which has that inode; elsewhere: it is not our own. Tells `tun`, and what is attached to them by
 * programs_place(). 0, what one of these returned, or -errno.
 */
int devices_look(struct programs *programs, uint32_t netns, bool elsewhere, devices_tun_fn *tun,
		 void *context);

#endif
