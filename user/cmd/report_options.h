/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report_options.h - the command line of `smtpsnoop report`
 */
#ifndef SMTPSNOOP_REPORT_OPTIONS_H
#define SMTPSNOOP_REPORT_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "enrich/config.h"
#include "present/report.h"
#include "store/query.h"

struct report_options {
	struct config *config; /* NULL: --store was given */
	const char *directory; /* of the store */
	enum report_kind kind;
	const char
		*connection; /* the one that is asked for, by number or event.id; NULL = a report */
	struct query query;
	uint16_t ports[CONFIG_PORTS_MAX];
	bool selected, verdicts;
	unsigned int top; /* rows */
	unsigned int top_values; /* of destinations and answers beside others */
	bool json, csv;
	const char *html; /* the file that the page goes to; NULL = no page */
};

/* Status to exit with, or -1 = go on. now: Unix ns. Messages are out. Free with report_options_free(). */
int report_options_parse(struct report_options *options, int argc, char **argv, int64_t now);
void report_options_free(struct report_options *options);

#endif
