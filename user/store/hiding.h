/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hiding.h - what could hide connections from us: BPF programs of others, and tun devices
 */
#ifndef SMTPSNOOP_STORE_HIDING_H
#define SMTPSNOOP_STORE_HIDING_H

#include <stddef.h>
#include <stdint.h>

#include "base/frame.h"
#include "base/limits.h"

struct hiding_places {
	struct frame_hiding all[LIMIT_HIDING_PLACES];
	unsigned int count, over; /* kept; those that found no room */
};

/* FRAME_HIDING. 0, or -EBADMSG: a size or text that is wrong. */
int hiding_frame(struct hiding_places *places, const void *payload, size_t size);

#endif
