/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * alert_journal.c - an alert as the fields of the journal, and as a message of syslog
 *
 * systemd's native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): "NAME=value\n", or "NAME\n", the value's length in 64 bits with the lowest
 * byte first, the value, "\n". The second form is used for all that is not our own word or number: no value can begin another field,
 * whatever it is; that it is escaped as well is for who prints it. Pure.
 */
#include <endian.h>
#include <inttypes.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "base/escape.h"
#include "present/alert.h"
#include "present/answer.h"
#include "present/label.h"
#include "present/record_script.h"

#define VALUE_BYTES 2048

struct fields {
	char *out;
	size_t size, used;
};

/* Or nothing, if it does not fit. */
static void put(struct fields *fields, const char *name, const char *value, size_t length)
{
	uint64_t size = htole64(length);
	size_t key = strlen(name);
	char *at = fields->out + fields->used;

	if (!length || key + length + sizeof(size) + 2 > fields->size - fields->used)
		return;
	memcpy(at, name, key);
	at[key] = '\n';
	memcpy(at + key + 1, &size, sizeof(size));
	memcpy(at + key + 1 + sizeof(size), value, length);
	at[key + 1 + sizeof(size) + length] = '\n';
	fields->used += key + length + sizeof(size) + 2;
}

static void text(struct fields *fields, const char *name, const char *value)
{
	put(fields, name, value, strlen(value));
}

static void foreign(struct fields *fields, const char *name, struct bytes value)
{
	char escaped[VALUE_BYTES];

	if (value.length)
		put(fields, name, escaped,
		    escape_text(escaped, sizeof(escaped), value.at, value.length, NULL));
}

static void number(struct fields *fields, const char *name, uint64_t value)
{
	size_t room = fields->size - fields->used;
	int length = snprintf(fields->out + fields->used, room, "%s=%" PRIu64 "\n", name, value);

	if (length > 0 && (size_t)length < room)
		fields->used += (size_t)length;
}

static void process_fields(struct fields *fields, const struct process *process)
{
	if (!process)
		return;
	number(fields, "SMTPSNOOP_UID", process->id.uid);
	foreign(fields, "SMTPSNOOP_USER",
		(struct bytes){process->extra.user,
			       strnlen(process->extra.user, sizeof(process->extra.user))});
	number(fields, "SMTPSNOOP_PID", process->id.tgid);
	foreign(fields, "SMTPSNOOP_COMM",
		(struct bytes){process->id.comm, strnlen(process->id.comm, EVENT_COMM_LEN)});
	foreign(fields, "SMTPSNOOP_EXE", process->exe);
	foreign(fields, "SMTPSNOOP_CGROUP", process->cgroup);
	foreign(fields, "SMTPSNOOP_SERVICE", process->unit);
	foreign(fields, "SMTPSNOOP_CONTAINER", process->container);
}

static void reason_fields(struct fields *fields, uint64_t reasons)
{
	for (unsigned int i = 0; i < REASON_COUNT; i++)
		if (reasons >> i & 1)
			text(fields, "SMTPSNOOP_REASON",
			     verdict_reason_name((enum verdict_reason)i));
}

static void connection_fields(struct fields *fields, const struct alert_view *view)
{
	const struct connection *connection = view->connection;
	char address[LABEL_ADDRESS], answer[ANSWER_BYTES], id[RECORD_ID];
	struct script_file room;

	record_id(id, view->origin, connection);
	text(fields, "SMTPSNOOP_CONNECTION", id);
	text(fields, "SMTPSNOOP_VERDICT", verdict_name(connection->verdict.class));
	reason_fields(fields, connection->verdict.reasons);
	process_fields(fields, connection->opener);
	foreign(fields, "SMTPSNOOP_SCRIPT", record_script_file(connection, &room));
	label_address(address, sizeof(address), connection->ends.remote);
	text(fields, "SMTPSNOOP_DESTINATION", address);
	number(fields, "SMTPSNOOP_PORT", connection->ends.remote_port);
	answer_of(answer, sizeof(answer), connection, UINT16_MAX, view->origin->recipients);
	text(fields, "SMTPSNOOP_ANSWER", answer);
	if (connection->session && connection->session->facts.blocklist)
		text(fields, "SMTPSNOOP_BLOCKLIST", connection->session->facts.blocklist);
}

size_t alert_journal(char *out, size_t size, const struct alert_view *view, const char *line)
{
	struct fields fields = {.out = out, .size = size};
	const struct alert *alert = view->alert;

	text(&fields, "MESSAGE", line);
	text(&fields, "MESSAGE_ID", ALERT_MESSAGE_ID);
	number(&fields, "PRIORITY", (uint64_t)alert_priority(view));
	number(&fields, "SYSLOG_FACILITY", LOG_AUTHPRIV >> 3);
	text(&fields, "SYSLOG_IDENTIFIER", "smtpsnoop");
	text(&fields, "SMTPSNOOP_RULE", alert->rule->name);
	number(&fields, "SMTPSNOOP_CONNECTIONS", alert->connections);
	number(&fields, "SMTPSNOOP_REFUSED", alert->refused);
	number(&fields, "SMTPSNOOP_MORE", alert->more);
	connection_fields(&fields, view);
	return fields.used;
}

size_t alert_syslog(char *out, size_t size, const struct alert_view *view, uint32_t pid,
		    const char *line)
{
	/* Not in the host's language: RFC 3164 4.1.2 wants these. */
	static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t seconds = (time_t)(((int64_t)view->now + view->wall_minus_boot) / 1000000000);
	struct tm tm = {.tm_mday = 1};
	int length;

	localtime_r(&seconds, &tm);
	length = snprintf(out, size, "<%d>%s %2d %02d:%02d:%02d smtpsnoop[%" PRIu32 "]: %s",
			  LOG_AUTHPRIV | alert_priority(view), months[tm.tm_mon], tm.tm_mday,
			  tm.tm_hour, tm.tm_min, tm.tm_sec, pid, line);
	return length < 0 ? 0 : (size_t)length < size ? (size_t)length : size - 1;
}
