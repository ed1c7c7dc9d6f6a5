/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * window.c - how many in the last seconds
 *
 * Pure.
 */
#include "judge/window.h"

uint64_t window_add(struct window *window, uint64_t count, uint64_t now, uint64_t width)
{
	uint64_t past;
	double faded;

	/* Records of several CPUs can come a little out of order. */
	if (now < window->start)
		now = window->start;
	if (!window->start)
		window->start = now;
	past = now - window->start;
	if (past >= width) {
		window->before_count = past < 2 * width ? window->now_count : 0;
		window->now_count = 0;
		window->start += past - past % width;
		past %= width;
	}
	window->now_count += count;
	/* Rounded up: a small threshold would else be missed by a fraction. */
	faded = (double)window->before_count * (double)(width - past) / (double)width;
	return window->now_count + (uint64_t)(faded + 0.999);
}
