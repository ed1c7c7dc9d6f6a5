/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * window.c - how many in the last seconds
 *
 * Pure.
 */
#include "judge/window.h"

#include <string.h>

/* Slots that are over the window's beginning are emptied, and the newest is the one that `now` is in. */
static void move(struct window *window, uint64_t now, uint64_t slot)
{
	uint64_t steps = (now - window->start) / slot;

	if (steps >= WINDOW_SLOTS) {
		memset(window->counts, 0, sizeof(window->counts));
		window->start = now;
		return;
	}
	for (uint64_t i = 0; i < steps; i++) {
		window->newest = (window->newest + 1) % WINDOW_SLOTS;
		window->counts[window->newest] = 0;
	}
	window->start += steps * slot;
}

uint64_t window_add(struct window *window, uint64_t count, uint64_t now, uint64_t width)
{
	uint64_t sum = 0;
	uint32_t *newest;

	if (!window->start || window->width != width)
		*window = (struct window){.width = width, .start = now ? now : 1};
	/* Records of several CPUs can come a little out of order. */
	if (now > window->start)
		move(window, now, width / WINDOW_SLOTS);
	newest = &window->counts[window->newest];
	*newest = count < UINT32_MAX - *newest ? *newest + (uint32_t)count : UINT32_MAX;
	for (unsigned int i = 0; i < WINDOW_SLOTS; i++)
		sum += window->counts[i];
	return sum;
}
