/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hiding.c - what could hide connections from us: BPF programs of others, and tun devices
 *
 * What finds no room is counted. Nothing is fatal.
 */
#include "store/hiding.h"

#include <errno.h>
#include <string.h>

int hiding_frame(struct hiding_places *places, const void *payload, size_t size)
{
	struct frame_hiding found;

	if (size != sizeof(found))
		return -EBADMSG;
	memcpy(&found, payload, sizeof(found));
	if ((found.kind != HIDING_PROGRAM && found.kind != HIDING_TUN) || found.place >= PLACES ||
	    !memchr(found.device, '\0', sizeof(found.device)) ||
	    !memchr(found.cgroup, '\0', sizeof(found.cgroup)))
		return -EBADMSG;
	if (places->count < LIMIT_HIDING_PLACES)
		places->all[places->count++] = found;
	else
		places->over++;
	return 0;
}
