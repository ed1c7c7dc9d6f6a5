/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * alert_out.c - where alerts go: the journal, or syslog, or standard error; and to the commands of rules
 *
 * Works in the half without rights, by descriptors that were opened before. What the journal or syslog does not take is written to standard
 * error; and there it is written too where that is not the journal itself. Nothing is fatal.
 */
#include "cmd/alert_out.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/datagram.h"
#include "base/msg.h"
#include "cmd/alert_run.h"
#include "present/alert.h"

#define JOURNAL "/run/systemd/journal/socket"
#define SYSLOG "/dev/log"
#define MISSED_SECONDS 60 /* so often at most it is said that commands are not run */

struct alert_out {
	const struct config *config;
	const struct record_origin *origin;
	struct alert_ends ends;
	struct alerts *rules;
	uint32_t generation; /* of the rules, as the runner counts them */
	struct msg_limit missed_limit;
	struct json json;
	FILE *memory; /* what json writes, in `bytes` */
	char *bytes;
	size_t size;
};

void alert_ends_open(struct alert_ends *ends)
{
	*ends = (struct alert_ends){.journal = datagram_connect(JOURNAL), .syslog = -1, .ask = -1};
	if (ends->journal < 0)
		ends->syslog = datagram_connect(SYSLOG);
}

void alert_ends_close(struct alert_ends *ends)
{
	int *const all[] = {&ends->journal, &ends->syslog, &ends->ask};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (*all[i] >= 0)
			close(*all[i]);
		*all[i] = -1;
	}
}

struct alert_out *alert_out_new(const struct config *config, const struct alert_ends *ends,
				const struct record_origin *origin)
{
	struct alert_out *out = calloc(1, sizeof(*out));

	if (!out)
		return NULL;
	out->config = config;
	out->origin = origin;
	out->ends = *ends;
	out->rules = alerts_new(config);
	out->memory = open_memstream(&out->bytes, &out->size);
	if (out->rules && out->memory)
		return out;
	alert_out_free(out);
	return NULL;
}

void alert_out_free(struct alert_out *out)
{
	if (!out)
		return;
	alerts_free(out->rules);
	if (out->memory)
		fclose(out->memory);
	free(out->bytes);
	free(out);
}

struct alerts *alert_out_rules(struct alert_out *out)
{
	return out->rules;
}

void alert_out_configure(struct alert_out *out, const struct config *config)
{
	out->config = config;
	out->generation++;
	alerts_configure(out->rules, config);
}

/* False: it was not taken. */
static bool give(int fd, const char *bytes, size_t length)
{
	return fd >= 0 && write(fd, bytes, length) == (ssize_t)length;
}

static void tell_log(const struct alert_out *out, const struct alert_view *view, const char *line)
{
	static char bytes[LIMIT_ALERT_FIELDS];
	bool told;

	if (out->ends.journal >= 0)
		told = give(out->ends.journal, bytes,
			    alert_journal(bytes, sizeof(bytes), view, line));
	else
		told = give(out->ends.syslog, bytes,
			    alert_syslog(bytes, sizeof(bytes), view, (uint32_t)getpid(), line));
	if (!told || !msg_to_journal())
		msg_alert(alert_priority(view) == ALERT_CRITICAL, line);
}

/* True: it is in `bytes`, behind the room for a request's head. */
static bool write_text(struct alert_out *out, const struct alert_view *view, const char *line,
		       bool only_line)
{
	alert_json(&out->json, out->memory, view, line, only_line);
	if (fflush(out->memory) == 0 && !ferror(out->memory))
		return out->size <= LIMIT_ALERT_BYTES;
	clearerr(out->memory);
	return false;
}

static void tell_command(struct alert_out *out, const struct alert_view *view, const char *line)
{
	static char message[sizeof(struct alert_request) + LIMIT_ALERT_BYTES];
	const struct alert_request request = {.generation = out->generation,
					      .rule = view->alert->index};
	uint64_t held;
	int error = ENOMEM;

	if (write_text(out, view, line, false) || write_text(out, view, line, true)) {
		memcpy(message, &request, sizeof(request));
		memcpy(message + sizeof(request), out->bytes, out->size);
		if (give(out->ends.ask, message, sizeof(request) + out->size))
			return;
		error = errno;
	}
	if (msg_allowed(&out->missed_limit, view->now / 1000000000, MISSED_SECONDS, &held))
		msg_error("alert %s: its command is not run: %s (%" PRIu64
			  " more since the last time that this was said)",
			  view->alert->rule->name,
			  error == EAGAIN ? "too many wait"
			  : error == EPIPE || error == ENOTCONN || error == ECONNRESET
				  ? "the process that runs them is gone; restart smtpsnoop"
				  : strerror(error),
			  held);
}

void alert_out_tell(struct alert_out *out, const struct connection *connection,
		    const struct alert *alert, uint64_t now, int64_t wall_minus_boot)
{
	const struct alert_view view = {.alert = alert,
					.connection = connection,
					.origin = out->origin,
					.config = out->config,
					.now = now,
					.wall_minus_boot = wall_minus_boot};
	char line[LIMIT_ALERT_LINE];

	alert_line(line, sizeof(line), &view);
	tell_log(out, &view, line);
	if (alert->rule->command && out->ends.ask >= 0)
		tell_command(out, &view, line);
}
