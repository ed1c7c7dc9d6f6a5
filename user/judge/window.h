/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * window.h - how many in the last seconds
 *
 * Two fixed windows, of which the older one fades out: a sliding count in constant space. Pure; times and widths have one unit.
 */
#ifndef SMTPSNOOP_WINDOW_H
#define SMTPSNOOP_WINDOW_H

#include <stdint.h>

struct window {
	uint64_t start; /* of the newer one; 0 = nothing was counted yet */
	uint64_t now_count, before_count;
};

/* Adds `count` to them, which may be 0, and returns how many there were in the last `width`. */
uint64_t window_add(struct window *window, uint64_t count, uint64_t now, uint64_t width);

#endif
