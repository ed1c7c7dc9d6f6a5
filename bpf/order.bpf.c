// SPDX-License-Identifier: GPL-2.0-only
/*
 * order.bpf.c - the loops of order.bpf.h
 *
 * Functions of their own with their results in memory, so that the verifier goes round each loop once: Linux 6.1 takes every number
 * it knows for a state of its own.
 */
#include "order.bpf.h"

/* Waits its turn for some microseconds. Not for ever: a real-time kernel can preempt whoever is at it. */
__noinline int server_enter(struct watch *watch)
{
	if (!watch)
		return false;
	for (int i = 0; i < BUSY_TURNS; i++)
		if (__sync_val_compare_and_swap(&watch->busy, 0, 1) == 0)
			return true;
	return false;
}

/* early->slot: the run that `sequence` continues, else a free one, EARLY_RUNS = there is none. */
__noinline int early_slot(struct early *early, __u32 sequence)
{
	if (!early)
		return 0;
	early->slot = EARLY_RUNS;
	for (__u32 i = 0; i < EARLY_RUNS; i++) {
		if (!early->runs[i].length) {
			early->slot = i;
		} else if (early->runs[i].sequence + early->runs[i].length == sequence) {
			early->slot = i;
			return 0;
		}
	}
	return 0;
}

/* early->length: bytes that wait for just this turn. Frees runs that are past, and notes whether any are left. */
__noinline int early_next(struct early *early, __u32 next)
{
	if (!early)
		return 0;
	early->length = 0;
	early->used = 0;
	for (__u32 i = 0; i < EARLY_RUNS; i++) {
		__u32 seen = next - early->runs[i].sequence;

		if (!early->runs[i].length)
			continue;
		if ((__s32)seen >= 0 && seen >= early->runs[i].length) {
			early->runs[i].length = 0;
			continue;
		}
		early->used = 1;
		if ((__s32)seen >= 0)
			early->length = early->runs[i].length - seen;
	}
	return 0;
}

/* early->first: where the first of what waits begins, but at most `to`. */
__noinline int early_first(struct early *early, __u32 next, __u32 to)
{
	if (!early)
		return 0;
	early->first = to;
	for (__u32 i = 0; i < EARLY_RUNS; i++) {
		__u32 sequence = early->runs[i].sequence;

		if (early->runs[i].length && (__s32)(sequence - next) > 0 &&
		    (__s32)(sequence - early->first) < 0)
			early->first = sequence;
	}
	return 0;
}
