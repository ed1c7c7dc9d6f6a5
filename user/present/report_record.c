/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report_record.c - one connection of the store in full, for people
 *
 * The record says it all; here are its members in the order of a reader's questions, with names that are words. All is foreign, and
 * escaped. A member that is not in the table is not shown: --json has it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/escape.h"
#include "present/json_read.h"
#include "present/report.h"

#define LABELS 16 /* columns of a member's name */
#define VALUE 4096 /* of one member, all elements of a list together; over it an ellipsis stands */

static const struct member {
	const char *path, *name;
} members[] = {
	{NULL, "What it is"},
	{"verdict.class", "verdict"},
	{"verdict.reasons", "reasons"},
	{"event.id", "id"},
	{"event.start", "opened"},
	{"event.end", "ended"},
	{"event.reason", "end"},
	{"event.outcome", "outcome"},
	{NULL, "Who did it"},
	{"user.name", "user"},
	{"user.id", "uid"},
	{"user.login.name", "logged in as"},
	{"login.name", "logged in as"},
	{"process.executable", "program"},
	{"process.name", "name"},
	{"process.pid", "pid"},
	{"process.args", "arguments"},
	{"process.working_directory", "directory"},
	{"process.start", "started"},
	{"process.parent.name", "parent"},
	{"process.ancestors.name", "ancestors"},
	{"process.exe.deleted", "exe deleted"},
	{"process.exe.memfd", "exe in memory"},
	{"sender.executable", "handed over to"},
	{"sender.pid", "its pid"},
	{"service.name", "service"},
	{"container.id", "container"},
	{"container.runtime", "runtime"},
	{"cgroup.path", "cgroup"},
	{NULL, "Which script, and who asked for it"},
	{"script.file", "script"},
	{"script.line", "line"},
	{"script.function", "function"},
	{"script.language", "language"},
	{"script.status", "status"},
	{"script.entry", "entry"},
	{"script.changed", "changed"},
	{"script.owner.name", "owner"},
	{"script.method", "method"},
	{"script.host", "host"},
	{"script.url", "url"},
	{"script.client.ip", "client"},
	{"script.backtrace.file", "called from"},
	{NULL, "Where to"},
	{"destination.ip", "address"},
	{"destination.port", "port"},
	{"source.ip", "from address"},
	{"source.bytes", "bytes sent"},
	{"destination.bytes", "bytes received"},
	{"smtp.target", "through a proxy"},
	{NULL, "What was said"},
	{"tls.mode", "TLS"},
	{"tls.sni", "server name"},
	{"smtp.greeting", "greeting"},
	{"smtp.helo", "HELO"},
	{"smtp.auth.mechanism", "AUTH"},
	{"smtp.auth.outcome", "AUTH ended in"},
	{"smtp.from", "MAIL FROM"},
	{"smtp.to", "RCPT TO"},
	{"smtp.domains", "domains"},
	{"smtp.messages", "messages"},
	{"smtp.accepted", "accepted"},
	{"smtp.recipients", "recipients"},
	{"smtp.refused", "refused"},
	{NULL, "What was answered"},
	{"smtp.replies.2xx", "2xx"},
	{"smtp.replies.3xx", "3xx"},
	{"smtp.replies.4xx", "4xx"},
	{"smtp.replies.5xx", "5xx"},
	{"smtp.blocklist", "blocklist"},
	{"smtp.receipt", "receipt"},
	{"smtp.last_reply", "last reply"},
	{NULL, "What is not known"},
	{"smtp.gaps", "gaps"},
	{"smtp.lost_bytes", "bytes lost"},
};

/* One member is looked for at a time: a record is small. */
struct search {
	const char *path;
	char value[VALUE];
	size_t length;
	bool found, cut;
};

static void add(struct search *search, struct bytes value)
{
	size_t used;

	if (search->found && search->length + 2 < VALUE)
		search->value[search->length++] = ' ';
	search->found = true;
	search->length += escape_text(search->value + search->length, VALUE - search->length,
				      value.at, value.length, &used);
	search->cut = search->cut || used < value.length;
}

static void take(void *context, const struct json_item *item)
{
	struct search *search = context;

	if (strcmp(item->path, search->path) != 0)
		return;
	if (item->kind == JSON_IS_STRING || item->kind == JSON_IS_NUMBER)
		add(search, item->value);
	else if (item->kind == JSON_IS_TRUE || item->kind == JSON_IS_FALSE)
		add(search, bytes_of(item->kind == JSON_IS_TRUE ? "yes" : "no"));
}

static bool is_time(const char *path)
{
	return strcmp(path, "event.start") == 0 || strcmp(path, "event.end") == 0 ||
	       strcmp(path, "process.start") == 0;
}

/* "2026-11-28T15:01:35.497474Z" as the rest of a report has it: local time, and here what that is. Anything else stays. */
static void local_time(struct search *search)
{
	struct tm tm = {.tm_isdst = 0};
	const char *end = strptime(search->value, "%Y-%m-%dT%H:%M:%S", &tm);
	char fraction[8] = "", date[32], zone[8];
	time_t seconds;

	if (!end || (*end == '.' && sscanf(end, ".%6[0-9]", fraction) != 1))
		return;
	end += fraction[0] ? 1 + strlen(fraction) : 0;
	seconds = timegm(&tm);
	if (strcmp(end, "Z") != 0 || !localtime_r(&seconds, &tm) ||
	    !strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &tm) ||
	    !strftime(zone, sizeof(zone), "%z", &tm))
		return;
	snprintf(search->value, VALUE, "%s%s%s %s", date, fraction[0] ? "." : "", fraction, zone);
}

static void put_member(const struct text *text, const char *name, struct search *search)
{
	struct line line;

	line_clear(&line);
	line_add(&line, "  ");
	line_add(&line, name);
	line_pad(&line, LABELS + 2);
	if (search->cut)
		strcpy(search->value + (search->length < VALUE - 4 ? search->length : VALUE - 4),
		       "...");
	text_whole(text, &line, search->value, LABELS + 2, 0);
	text_put(text, &line);
}

int report_record_text(const struct text *text, int64_t seq, struct bytes record)
{
	const char *head = NULL;
	struct search search = {.path = ""};
	int rc = json_read(record, take, &search);

	if (rc)
		return rc;
	fprintf(text->out, "Connection %" PRId64 "\n", seq);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		if (!members[i].path) {
			head = members[i].name;
			continue;
		}
		memset(&search, 0, sizeof(search));
		search.path = members[i].path;
		json_read(record, take, &search);
		if (!search.found)
			continue;
		if (head)
			fprintf(text->out, "\n%s\n", head);
		head = NULL;
		if (is_time(members[i].path))
			local_time(&search);
		put_member(text, members[i].name, &search);
	}
	return 0;
}
