/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * window.h - how many in the last seconds
 *
 * A window is counted in WINDOW_SLOTS slots of the same length, and those that reach back over its beginning are dropped as a whole: what
 * is told is never more than there was. It can be less by what came in the oldest sixteenth of the window. What comes after a pause of a
 * window begins a slot, so a burst alone is counted exactly for as long as a window is. Pure; times and widths have one unit, of which a
 * width is WINDOW_SLOTS at least.
 */
#ifndef SMTPSNOOP_WINDOW_H
#define SMTPSNOOP_WINDOW_H

#include <stdint.h>

#define WINDOW_SLOTS 16

struct window {
	uint64_t width; /* that the slots are for; another one begins anew */
	uint64_t start; /* of the newest slot; 0 = nothing was counted yet */
	uint32_t newest;
	uint32_t counts[WINDOW_SLOTS]; /* a ring; each stops at its greatest number */
};

/* Adds `count` to them, which may be 0, and returns how many there were in the last `width`, at least. */
uint64_t window_add(struct window *window, uint64_t count, uint64_t now, uint64_t width);

#endif
