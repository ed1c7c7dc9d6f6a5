/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * losses.h - what is missing, in sentences: nothing may be lost in silence
 */
#ifndef SMTPSNOOP_LOSSES_H
#define SMTPSNOOP_LOSSES_H

#include "present/record.h"
#include "present/text.h"

/* While it happens: one line. */
void losses_now(const struct text *text, const struct event_counters *counters, uint64_t time,
		int64_t wall_minus_boot);

/* At the end: the identity of the counts, and what is missing. */
void losses_print(const struct text *text, const struct record_totals *totals);

#endif
