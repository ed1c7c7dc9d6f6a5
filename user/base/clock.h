/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * clock.h - now, for those who may ask: pure modules get the time as an argument
 */
#ifndef SMTPSNOOP_CLOCK_H
#define SMTPSNOOP_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds of a clock that every kernel has: CLOCK_BOOTTIME, as in the kernel's records, or CLOCK_REALTIME. */
static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

#endif
