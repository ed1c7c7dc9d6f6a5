/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * timeline.h - hours put together to as many bars as a picture has room for
 */
#ifndef SMTPSNOOP_TIMELINE_H
#define SMTPSNOOP_TIMELINE_H

#include "base/limits.h"
#include "present/report.h"

struct timeline_bar {
	int64_t since; /* Unix ns; it ends where the next one begins */
	uint64_t past, refused, own; /* connections; refused is a part of past */
};

struct timeline {
	int days; /* that a bar stands for; 0 = an hour */
	unsigned int count;
	/* One more, which only says when the last one ends. */
	struct timeline_bar bars[LIMIT_HTML_BARS + 1];
};

/* Hours that lie outside [since, until) are left out; of a bar that begins before, or ends after, all of its hours count. */
void timeline_make(struct timeline *timeline, const struct report *report);

/* "hour", "day", "3 weeks" */
#define TIMELINE_UNIT 32
void timeline_unit(char out[TIMELINE_UNIT], const struct timeline *timeline);

/* "11-22 03:00", or "2026-11-22" of a bar that stands for days. */
void timeline_label(char out[REPORT_DATE], const struct timeline *timeline, int64_t since);

#endif
