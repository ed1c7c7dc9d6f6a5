/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report_ask.h - the questions that a report is made of
 */
#ifndef SMTPSNOOP_REPORT_ASK_H
#define SMTPSNOOP_REPORT_ASK_H

#include "cmd/report_options.h"

/*
 * Fills the report; it borrows options->query. What has no answer says why in its place. Returns the sentence of the first such,
 * NULL = all were answered. Free with report_free().
 */
const char *report_ask(struct report *report, struct query_store *store,
		       const struct report_options *options, int64_t now);

#endif
