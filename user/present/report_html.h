/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report_html.h - the parts of a report's page
 */
#ifndef SMTPSNOOP_REPORT_HTML_H
#define SMTPSNOOP_REPORT_HTML_H

#include "present/html.h"
#include "present/report.h"

/* The element that says what the page may load, which is nothing, and the style sheet that it names by its hash. */
void report_html_style(FILE *out);

/* In a sentence, or for the head of the page. */
void report_html_summary(FILE *out, const struct report *report);

/* When: a picture for wide screens and one for narrow, and the same as a table. */
void report_html_hours(FILE *out, const struct report *report);

/* One table; what the rows are of has the head `name`. round: a column for those that went round the MTA. */
void report_html_table(FILE *out, const struct report_part *part, const char *name, bool round);
void report_html_verdicts(FILE *out, const struct report_part *part);
void report_html_connections(FILE *out, const char *caption, const struct report_connection *all,
			     unsigned int count);

/* The box in which a wide table is moved to and fro, alone. */
void report_html_box(FILE *out, const char *label);
void report_html_box_end(FILE *out);

/* What a verdict means, in a line. */
const char *report_html_verdict(enum verdict_class class);

/* "2026-11-22 03:12 +0100" */
#define REPORT_MOMENT 32
void report_html_moments(char since[REPORT_MOMENT], char until[REPORT_MOMENT], int64_t begin,
			 int64_t end); /* with seconds where they are of the same minute */
void report_html_moment(char out[REPORT_MOMENT], int64_t unix_ns);

#endif
