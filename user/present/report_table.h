/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report_table.h - one table of a report, in text
 */
#ifndef SMTPSNOOP_REPORT_TABLE_H
#define SMTPSNOOP_REPORT_TABLE_H

#include "base/number.h"
#include "present/report.h"

/* round: a column of its own for those that went round the MTA; without it all of them did. */
void report_table(const struct text *text, const struct report_part *part, bool round);

/* "1204 connections, 12 messages accepted, 1216 recipients, 1204 refused" */
#define REPORT_SUMS 192
void report_sums(char out[REPORT_SUMS], const struct query_sums *sums);

/* That the answer has another span than was asked for; false: it has not. */
#define REPORT_MOVED 256
bool report_moved(char out[REPORT_MOVED], const struct query_plan *plan);

#endif
