/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * show.c - the unprivileged half: everything that reads the attacker's text happens here
 *
 * Signals that stop the trace are for the other half: it drains the ring, says how it ended and closes the channel; only then do
 * we end, so that nothing is lost. A reader that is gone (EPIPE) ends us, and with us the trace.
 */
#include "cmd/show.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/msg.h"
#include "cmd/output.h"
#include "pass/channel.h"
#include "present/present.h"

#define QUIET_NS                                                                                   \
	UINT64_C(1000000000) /* then a burst of equal rows is over, and their number is told */
#define NO_PROGRESS UINT32_MAX /* all that is shown is shown at the end */
#define LOSS_SECONDS 1 /* at most one line about losses a second */

struct show {
	const struct trace_options *options;
	struct judge *judge;
	struct table *table;
	struct present *presents[2]; /* on standard output, and in the records of the evidence */
	int present_count;
	FILE *records; /* of the evidence; NULL = there is none */
	struct sockets *sockets; /* of a snapshot; else NULL */
	struct frame_looked looked;
	struct hiding_places places;
	struct queues queues;
	FILE *out;
	struct msg_limit loss_limit;
	int64_t wall_minus_boot;
	uint64_t now;
	uint64_t shown;
	int status;
	int kept_uid; /* root's, because nobody may change it here */
	bool started, ended;
};

static volatile sig_atomic_t resized;

static void on_resize(int signal)
{
	(void)signal;
	resized = 1;
}

static void on_end(void *context, const struct connection *connection)
{
	struct show *show = context;

	struct socket_seen *socket =
		show->sockets ? sockets_find(show->sockets, connection->cookie) : NULL;

	if (show->sockets)
		queues_count(&show->queues, connection);
	for (int i = 0; i < show->present_count; i++)
		present_existing(show->presents[i], connection, socket, show->wall_minus_boot);
	if (show->options->verdicts & 1u << connection->verdict.class)
		show->shown++;
}

static void on_progress(void *context, const struct connection *connection)
{
	struct show *show = context;

	present_progress(show->presents[0], connection, show->now, show->wall_minus_boot);
}

static void on_step(void *context, const struct connection *connection, uint64_t time,
		    const char *what, const char *line, size_t length)
{
	struct show *show = context;

	present_step(show->presents[0], connection, time, what, line, length,
		     show->wall_minus_boot);
}

/* Those that no connection was shown of. With --pid what nobody holds is nobody's. */
static void show_sockets(struct show *show)
{
	struct socket_seen *socket = show->sockets ? sockets_first(show->sockets) : NULL;
	struct snapshot_search search = {
		.looked = &show->looked, .places = &show->places, .queues = &show->queues};

	for (; socket; socket = socket->hh.next)
		if (socket->known && !socket->shown && !show->options->tracer.has_pid)
			for (int i = 0; i < show->present_count; i++)
				present_socket(show->presents[i], socket, show->now,
					       show->wall_minus_boot);
	if (!show->sockets)
		return;
	search.hiding = sockets_hiding(show->sockets);
	search.over = sockets_over(show->sockets);
	for (int i = 0; i < show->present_count; i++)
		present_looked(show->presents[i], &search);
}

static int frame_end(struct show *show, const void *payload, size_t size)
{
	const struct frame_end *end = payload;
	size_t rows;

	if (size < sizeof(*end))
		return -EBADMSG;
	rows = (size - sizeof(*end)) / sizeof(struct frame_loss_row);
	table_end(show->table, show->now);
	show_sockets(show);
	for (int i = 0; i < show->present_count; i++)
		present_end(show->presents[i], end, (const struct frame_loss_row *)(end + 1), rows,
			    table_over(show->table), table_orphans(show->table), show->now,
			    show->wall_minus_boot);
	show->ended = true;
	show->status = end->status;
	if (show->records && (fflush(show->records) || ferror(show->records))) {
		msg_error("cannot write the records of the evidence: %s; nothing is kept",
			  strerror(errno));
		show->status = EXIT_FAILED;
	}
	return 0;
}

static int on_frame(void *context, const struct batch_head *head, uint16_t kind,
		    const void *payload, size_t size)
{
	struct show *show = context;
	uint64_t held;

	show->wall_minus_boot = head->wall_minus_boot;
	show->now = head->now;
	switch (kind) {
	case FRAME_START:
		if (size != sizeof(struct frame_start))
			return -EBADMSG;
		show->started = true;
		if (show->kept_uid && getuid() == 0)
			msg_warn("the parsing half keeps root's user id, as changing it needs "
				 "CAP_SETUID and CAP_SETGID; it has no capability and opens no "
				 "file");
		for (int i = 0; i < show->present_count; i++)
			present_start(show->presents[i], payload, show->now, show->wall_minus_boot);
		return 0;
	case FRAME_WHO:
	case FRAME_SCRIPT:
	case FRAME_EVENT:
		return table_frame(show->table, kind, payload, size);
	case FRAME_SOCKET:
	case FRAME_HOLDER:
		return show->sockets ? sockets_frame(show->sockets, kind, payload, size) : -EBADMSG;
	case FRAME_HIDING:
		return show->sockets ? hiding_frame(&show->places, payload, size) : -EBADMSG;
	case FRAME_QUEUE:
		return show->sockets ? queues_frame(&show->queues, payload, size,
						    ((int64_t)show->now + show->wall_minus_boot) /
							    1000000000)
				     : -EBADMSG;
	case FRAME_LOOKED:
		if (size != sizeof(show->looked))
			return -EBADMSG;
		memcpy(&show->looked, payload, size);
		return 0;
	case FRAME_LOSS:
		if (size != sizeof(struct event_counters))
			return -EBADMSG;
		if (msg_allowed(&show->loss_limit, show->now / 1000000000, LOSS_SECONDS, &held))
			present_loss(show->presents[0], payload, show->now, show->wall_minus_boot);
		return 0;
	case FRAME_END:
		return frame_end(show, payload, size);
	default:
		return -EBADMSG;
	}
}

/* Everything, as JSON. */
static int prepare_records(struct show *show, int records)
{
	struct present_options how = {.json = true,
				      .recipients = show->options->recipients,
				      .snapshot = true,
				      .verdicts = (1u << VERDICT_CLASSES) - 1};

	if (records < 0)
		return 0;
	show->records = how.out = fdopen(records, "w");
	show->presents[1] = how.out ? present_new(&how) : NULL;
	show->present_count = 2;
	return show->presents[1] ? 0 : -ENOMEM;
}

static int prepare(struct show *show)
{
	const struct trace_options *options = show->options;
	struct present_options how = {
		.json = options->json,
		.recipients = options->recipients,
		.snapshot = options->snapshot,
		.selected = options->tracer.cgroup || options->tracer.has_uid ||
			    options->tracer.has_pid,
		.verdicts = options->verdicts,
	};
	struct table_options table = {
		.keep_recipients = options->recipients,
		.progress_seconds =
			options->snapshot ? NO_PROGRESS : options->config->progress_seconds,
		.context = show,
		.on_end = on_end,
		.on_progress = on_progress,
		.on_step = options->events ? on_step : NULL,
	};

	if (!output_describe(&how))
		return -ENOMEM;
	show->out = how.out;
	show->judge = judge_new(options->config);
	table.judge = show->judge;
	show->table = show->judge ? table_new(&table) : NULL;
	show->presents[0] = present_new(&how);
	show->present_count = 1;
	show->sockets = options->snapshot ? sockets_new() : NULL;
	return show->table && show->presents[0] && (show->sockets || !options->snapshot) ? 0
											 : -ENOMEM;
}

static void ignore_signals(void)
{
	static const int theirs[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
	struct sigaction resize = {.sa_handler = on_resize};

	for (size_t i = 0; i < sizeof(theirs) / sizeof(theirs[0]); i++)
		signal(theirs[i], SIG_IGN);
	sigaction(SIGWINCH, &resize, NULL);
}

static int poll_timeout(uint64_t nanoseconds)
{
	uint64_t milliseconds = nanoseconds / 1000000 + 1;

	return nanoseconds == UINT64_MAX ? -1 : milliseconds > 60000 ? 60000 : (int)milliseconds;
}

/* 1 = go on, 0 = the other half is gone, -errno */
static int step(struct show *show, int channel, uint8_t *buffer)
{
	struct pollfd poll_channel = {.fd = channel, .events = POLLIN};
	uint64_t wait = table_tick(show->table, clock_ns(CLOCK_BOOTTIME));
	int rc;

	if (present_waits(show->presents[0]) && wait > QUIET_NS)
		wait = QUIET_NS;
	rc = poll(&poll_channel, 1, poll_timeout(wait));
	if (rc == 0)
		present_quiet(show->presents[0]);

	if (resized) {
		resized = 0;
		present_width(show->presents[0], output_width());
	}
	if (rc < 0)
		return errno == EINTR ? 1 : -errno;
	show->now = clock_ns(CLOCK_BOOTTIME);
	return rc ? channel_read(channel, buffer, on_frame, show) : 1;
}

static int show_loop(struct show *show, int channel, int enough)
{
	static uint8_t buffer[LIMIT_BATCH] __attribute__((aligned(8)));
	int rc = 1;

	while (rc == 1) {
		rc = step(show, channel, buffer);
		if (!output_flush(show->out))
			return EXIT_FAILED;
		if (show->ended)
			return show->status;
		if (enough >= 0 && show->options->count && show->shown >= show->options->count) {
			close(enough);
			enough = -1;
		}
	}
	if (rc == -EBADMSG)
		msg_error("the tracing half sent a record that is none: stopped");
	else if (rc < 0)
		msg_error("cannot read from the tracing half: %s", strerror(-rc));
	return EXIT_FAILED;
}

int show_run(int channel, int enough, int records, const struct rights_user *user,
	     const struct trace_options *options)
{
	struct show show = {.options = options};
	char error[256];
	int status;

	tzset();
	ignore_signals();
	if (prepare(&show) || prepare_records(&show, records)) {
		msg_error("out of memory");
		return EXIT_FAILED;
	}
	if (rights_drop(user, &show.kept_uid, error, sizeof(error))) {
		msg_error("%s", error);
		return EXIT_FAILED;
	}
	status = show_loop(&show, channel, enough);
	if (show.started && !show.ended) {
		table_end(show.table, show.now);
		present_end(show.presents[0], NULL, NULL, 0, table_over(show.table),
			    table_orphans(show.table), show.now, show.wall_minus_boot);
		fflush(show.out);
	}
	if (status == EXIT_DONE && options->exit_code && present_saw_bypass(show.presents[0]))
		status = EXIT_SEEN;
	for (int i = 0; i < show.present_count; i++)
		present_free(show.presents[i]);
	table_free(show.table);
	sockets_free(show.sockets);
	queues_free(&show.queues);
	judge_free(show.judge);
	fclose(show.out);
	return status;
}
