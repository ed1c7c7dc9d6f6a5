/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report_selection.c - what a report is of, where that is not all of the host, in words
 *
 * Pure. Nothing is fatal.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "present/label.h"
#include "present/report.h"

#define PORT_COLUMNS 7 /* "65535, " */

struct selection {
	report_selected_fn *say;
	void *context;
};

static void text(const struct selection *selection, const char *name, const char *value)
{
	if (value)
		selection->say(selection->context, name, bytes_of(value), true);
}

static void number(const struct selection *selection, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void number(const struct selection *selection, const char *name, const char *format, ...)
{
	char value[96];
	va_list list;

	va_start(list, format);
	vsnprintf(value, sizeof(value), format, list);
	va_end(list);
	selection->say(selection->context, name, bytes_of(value), false);
}

static void ports(const struct selection *selection, const struct query *query)
{
	char value[CONFIG_PORTS_MAX * PORT_COLUMNS + 1];

	label_ports(value, sizeof(value), query->ports, query->port_count);
	if (value[0])
		selection->say(selection->context, "port", bytes_of(value), false);
}

static void net(const struct selection *selection, const struct query *query)
{
	char address[LABEL_ADDRESS];
	bool v4 = label_address(address, sizeof(address), query->net);

	number(selection, "destination", "%s/%d", address,
	       v4 && query->prefix >= 96 ? query->prefix - 96 : query->prefix);
}

static void verdicts(const struct selection *selection, const struct query *query)
{
	char value[96] = "";
	size_t used = 0;

	for (int i = 0; i < VERDICT_CLASSES; i++)
		if (query->verdicts >> i & 1)
			used += (size_t)snprintf(value + used, sizeof(value) - used, "%s%s",
						 used ? ", " : "",
						 verdict_name((enum verdict_class)i));
	selection->say(selection->context, "verdict", bytes_of(value), false);
}

void report_selected_each(const struct report *report, report_selected_fn *say, void *context)
{
	const struct selection selection = {say, context};
	const struct query *query = report->query;

	if (!report->selected && !report->verdicts)
		return;
	text(&selection, "a name with", query->who);
	text(&selection, "a script with", query->script);
	text(&selection, "an executable with", query->exe);
	text(&selection, "a service with", query->service);
	text(&selection, "a HELO name with", query->helo);
	text(&selection, "the cgroup", query->cgroup);
	if (query->has_uid)
		number(&selection, "user id", "%" PRIu32, query->uid);
	if (query->actor)
		number(&selection, "actor", "%" PRId64, query->actor);
	ports(&selection, query);
	if (query->has_net)
		net(&selection, query);
	if (report->verdicts)
		verdicts(&selection, query);
}
