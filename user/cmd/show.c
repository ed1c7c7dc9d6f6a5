/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * show.c - the unprivileged half of trace and snapshot: shows what was heard
 *
 * A reader of ours that is gone (EPIPE) ends us, and with us the trace.
 */
#include "cmd/show.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/msg.h"
#include "cmd/hear.h"
#include "cmd/output.h"
#include "present/present.h"

#define QUIET_NS                                                                                   \
	UINT64_C(1000000000) /* then a burst of equal rows is over, and their number is told */
#define NO_PROGRESS UINT32_MAX /* all that is shown is shown at the end */
#define LOSS_SECONDS 1 /* at most one line about losses a second */

struct show {
	const struct trace_options *options;
	struct hear hear;
	struct present *presents[2]; /* on standard output, and in the records of the evidence */
	int present_count;
	FILE *records; /* of the evidence; NULL = there is none */
	struct sockets *sockets; /* of a snapshot; else NULL */
	struct processes *processes; /* the same */
	struct frame_looked looked;
	struct hiding_places places;
	struct queues queues;
	FILE *out;
	struct msg_limit loss_limit;
	uint64_t shown;
	int enough; /* closed when no more is wanted; -1 = it was */
	int kept_uid; /* root's, because nobody may change it here */
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

	if (show->processes)
		processes_judge(show->processes, connection, socket);
	if (show->sockets)
		queues_count(&show->queues, connection);
	for (int i = 0; i < show->present_count; i++)
		present_existing(show->presents[i], connection, socket, show->hear.wall_minus_boot);
	if (show->options->verdicts & 1u << connection->verdict.class)
		show->shown++;
}

static void on_progress(void *context, const struct connection *connection)
{
	struct show *show = context;

	present_progress(show->presents[0], connection, show->hear.now, show->hear.wall_minus_boot);
}

static void on_step(void *context, const struct connection *connection, uint64_t time,
		    const char *what, const char *line, size_t length)
{
	struct show *show = context;

	present_step(show->presents[0], connection, time, what, line, length,
		     show->hear.wall_minus_boot);
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
				present_socket(show->presents[i], socket, show->hear.now,
					       show->hear.wall_minus_boot);
	if (!show->sockets)
		return;
	for (int i = 0; i < show->present_count; i++)
		present_processes(show->presents[i], show->processes, show->hear.now,
				  show->hear.wall_minus_boot);
	search.hiding = sockets_hiding(show->sockets);
	search.over = sockets_over(show->sockets);
	for (int i = 0; i < show->present_count; i++)
		present_looked(show->presents[i], &search);
}

static int on_frame_end(void *context, const struct frame_end *end,
			const struct frame_loss_row *rows, size_t count)
{
	struct show *show = context;

	show_sockets(show);
	for (int i = 0; i < show->present_count; i++)
		present_end(show->presents[i], end, rows, count, table_over(show->hear.table),
			    table_orphans(show->hear.table), show->hear.now,
			    show->hear.wall_minus_boot);
	if (!show->records || (!fflush(show->records) && !ferror(show->records)))
		return end->status;
	msg_error("cannot write the records of the evidence: %s; nothing is kept", strerror(errno));
	return EXIT_FAILED;
}

static void on_start(void *context, const struct frame_start *start)
{
	struct show *show = context;

	if (show->kept_uid && getuid() == 0)
		msg_warn("the parsing half keeps root's user id, as changing it needs "
			 "CAP_SETUID and CAP_SETGID; it has no capability and opens no "
			 "file");
	for (int i = 0; i < show->present_count; i++)
		present_start(show->presents[i], start, show->hear.now, show->hear.wall_minus_boot);
}

static void on_loss(void *context, const struct event_counters *counters)
{
	struct show *show = context;
	uint64_t held;

	if (msg_allowed(&show->loss_limit, show->hear.now / 1000000000, LOSS_SECONDS, &held))
		present_loss(show->presents[0], counters, show->hear.now,
			     show->hear.wall_minus_boot);
}

static int on_frame(void *context, uint16_t kind, const void *payload, size_t size)
{
	struct show *show = context;

	if (!show->sockets)
		return -EBADMSG;
	switch (kind) {
	case FRAME_PROCESS:
	case FRAME_PROCESSES:
		return processes_frame(show->processes, kind, payload, size);
	case FRAME_HIDING:
		return hiding_frame(&show->places, payload, size);
	case FRAME_QUEUE:
		return queues_frame(&show->queues, payload, size,
				    ((int64_t)show->hear.now + show->hear.wall_minus_boot) /
					    1000000000);
	case FRAME_LOOKED:
		if (size != sizeof(show->looked))
			return -EBADMSG;
		memcpy(&show->looked, payload, size);
		return 0;
	default:
		return sockets_frame(show->sockets, kind, payload, size);
	}
}

static uint64_t on_tick(void *context)
{
	struct show *show = context;

	return present_waits(show->presents[0]) ? QUIET_NS : UINT64_MAX;
}

static bool on_round(void *context)
{
	struct show *show = context;

	if (show->hear.quiet)
		present_quiet(show->presents[0]);
	if (resized) {
		resized = 0;
		present_width(show->presents[0], output_width());
	}
	if (!output_flush(show->out))
		return false;
	if (show->enough >= 0 && show->options->count && show->shown >= show->options->count) {
		close(show->enough);
		show->enough = -1;
	}
	return true;
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
		.values = options->environ,
		.snapshot = options->snapshot,
		.evidence = options->evidence,
		.selected = options->tracer.cgroup || options->tracer.has_uid ||
			    options->tracer.has_pid,
		.verdicts = options->verdicts,
	};
	static const struct hear_to to = {
		.start = on_start,
		.loss = on_loss,
		.frame = on_frame,
		.end = on_frame_end,
		.tick = on_tick,
		.round = on_round,
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
	if (hear_init(&show->hear, options->config, &to, show, &table))
		return -ENOMEM;
	show->presents[0] = present_new(&how);
	show->present_count = 1;
	if (!show->presents[0])
		return -ENOMEM;
	if (!options->snapshot)
		return 0;
	show->sockets = sockets_new();
	show->processes = processes_new();
	return show->sockets && show->processes ? 0 : -ENOMEM;
}

int show_run(int channel, int enough, int records, const struct rights_user *user,
	     const struct trace_options *options)
{
	const struct sigaction resize = {.sa_handler = on_resize};
	struct show show = {.options = options, .enough = enough};
	char error[256];
	int status;

	tzset();
	hear_no_signals();
	sigaction(SIGWINCH, &resize, NULL);
	if (prepare(&show) || prepare_records(&show, records)) {
		msg_error("out of memory");
		return EXIT_FAILED;
	}
	if (rights_drop(user, &show.kept_uid, error, sizeof(error))) {
		msg_error("%s", error);
		return EXIT_FAILED;
	}
	status = hear_run(&show.hear, channel);
	if (show.hear.started && !show.hear.ended) {
		present_end(show.presents[0], NULL, NULL, 0, table_over(show.hear.table),
			    table_orphans(show.hear.table), show.hear.now,
			    show.hear.wall_minus_boot);
		fflush(show.out);
	}
	if (status == EXIT_DONE && options->exit_code && present_saw_bypass(show.presents[0]))
		status = EXIT_SEEN;
	for (int i = 0; i < show.present_count; i++)
		present_free(show.presents[i]);
	hear_free(&show.hear);
	sockets_free(show.sockets);
	processes_free(show.processes);
	queues_free(&show.queues);
	fclose(show.out);
	return status;
}
