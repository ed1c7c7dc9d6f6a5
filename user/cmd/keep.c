/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * keep.c - the unprivileged half of collect: writes the store
 *
 * Each connection that is over becomes a row, each thing that the history must not hide an event. The store never waits; what it can't
 * write now it keeps in memory, and tracing goes on. How it fares is said once when it changes.
 */
#include "cmd/keep.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/msg.h"
#include "base/number.h"
#include "cmd/hear.h"
#include "cmd/metrics_server.h"
#include "present/kept.h"
#include "present/label.h"
#include "present/metrics.h"

#define LOSS_SECONDS 60 /* losses of that time are one event */
#define STATE_SECONDS 60 /* so often at most the log says that the store can't be written */

struct keep {
	struct hear hear;
	struct kept kept;
	struct store *store;
	struct metrics *metrics; /* NULL = nobody asks; so is the server */
	struct metrics_server *server;
	struct alert_out *alerts;
	enum store_status said; /* of the store, in the log */
	struct msg_limit state_limit, full_limit, loss_limit;
	uint64_t lost; /* rows that the log knows of */
	struct event_counters told, latest; /* losses in the kernel: in the store; so far */
	bool losing; /* some of them are not in the store yet */
	bool alive; /* the first FRAME_ALIVE was here */
	bool short_of_memory; /* it was said */
};

/* The store's clock. */
static int64_t unix_now(void)
{
	return (int64_t)clock_ns(CLOCK_REALTIME);
}

static void follow_clock(struct keep *keep)
{
	int64_t step = kept_clock(&keep->kept, keep->hear.wall_minus_boot);

	if (!step)
		return;
	msg_info("the clock was set %s by %.3f s", step < 0 ? "back" : "forward",
		 (double)(step < 0 ? -step : step) / 1e9);
	store_event(keep->store, STORE_EVENT_CLOCK, (uint64_t)step, NULL, unix_now());
}

static void on_connection(void *context, const struct connection *connection)
{
	struct keep *keep = context;
	struct store_row row;

	follow_clock(keep);
	if (keep->metrics)
		metrics_connection(keep->metrics, connection);
	if (kept_row(&keep->kept, connection, &row) == 0) {
		store_add(keep->store, &row, unix_now());
		return;
	}
	if (!keep->short_of_memory)
		msg_error("out of memory: connections are not kept");
	keep->short_of_memory = true;
	store_event(keep->store, STORE_EVENT_LOST_STORE, 1, "out of memory", unix_now());
}

/* One sentence a line, each ended or not. */
static void say_degraded(const char *degraded)
{
	while (*degraded) {
		size_t length = strcspn(degraded, "\n");

		msg_warn("degraded: %.*s", (int)length, degraded);
		degraded += length + (degraded[length] == '\n');
	}
}

/* The log's first line. */
static void say_start(const struct frame_start *start, const char *words)
{
	char ports[sizeof(start->ports) / sizeof(start->ports[0]) * sizeof(", 65535")];

	label_ports(ports, sizeof(ports), start->ports, start->port_count);
	msg_info("collecting, port%s %s: %s", plural(start->port_count), ports, words);
}

static void on_start(void *context, const struct frame_start *start)
{
	struct keep *keep = context;
	char words[256];

	follow_clock(keep);
	if (keep->metrics)
		metrics_start(keep->metrics, start, unix_now(), keep->hear.now);
	record_origin_set(&keep->kept.origin, start);
	snprintf(words, sizeof(words), "smtpsnoop " SMTPSNOOP_VERSION ", Linux %s, %s%s",
		 start->kernel, start->hooks, start->degraded[0] ? ", degraded" : "");
	store_event(keep->store, STORE_EVENT_STARTED, 0, words, unix_now());
	say_start(start, words);
	say_degraded(start->degraded);
}

/* Connections that are only counted, and how many records of others are missing. */
static void write_losses(struct keep *keep)
{
	const struct event_counters *now = &keep->latest, *told = &keep->told;
	uint64_t connections = now->counted_only - told->counted_only;
	uint64_t data = now->data_lost - told->data_lost;
	uint64_t others = now->states_lost - told->states_lost + now->senders_lost -
			  told->senders_lost + now->scripts_lost - told->scripts_lost;
	char words[160];

	if (!connections && !data && !others)
		return;
	snprintf(words, sizeof(words),
		 "and of others %" PRIu64 " pieces of dialogue, %" PRIu64 " other records", data,
		 others);
	msg_warn("lost in the kernel: the detail of %" PRIu64 " connection%s, %s", connections,
		 plural(connections), words);
	store_event(keep->store, STORE_EVENT_LOST_KERNEL, connections, words, unix_now());
	keep->told = *now;
}

static void on_loss(void *context, const struct event_counters *counters)
{
	struct keep *keep = context;

	keep->latest = *counters;
	keep->losing = true;
}

/* At once, and then those of a minute together. */
static void tell_losses(struct keep *keep)
{
	uint64_t held;

	if (!keep->losing ||
	    !msg_allowed(&keep->loss_limit, keep->hear.now / 1000000000, LOSS_SECONDS, &held))
		return;
	write_losses(keep);
	keep->losing = false;
}

static int on_frame(void *context, uint16_t kind, const void *payload, size_t size)
{
	const struct frame_alive *alive = payload;
	struct keep *keep = context;

	if (kind == FRAME_STATUS && size == sizeof(struct frame_status) && keep->metrics) {
		metrics_status(keep->metrics, payload, keep->hear.now);
		return 0;
	}
	if (kind != FRAME_ALIVE || size != sizeof(*alive))
		return -EBADMSG;
	follow_clock(keep);
	if (!keep->alive && alive->adopted)
		store_event(keep->store, STORE_EVENT_ADOPTED, alive->adopted, NULL, unix_now());
	keep->alive = true;
	return 0;
}

static int on_end(void *context, const struct frame_end *end, const struct frame_loss_row *rows,
		  size_t count)
{
	struct keep *keep = context;
	char words[80];

	(void)rows;
	(void)count;
	keep->latest = end->counters;
	write_losses(keep);
	snprintf(words, sizeof(words), "%llu connection%s, %llu of them counted only",
		 (unsigned long long)end->counters.attempts, plural(end->counters.attempts),
		 (unsigned long long)end->counters.counted_only);
	msg_info("ended: %s", words);
	store_event(keep->store, STORE_EVENT_ENDED, end->counters.attempts, words, unix_now());
	return end->status;
}

/* "written again" only after "cannot be written" was said. */
static void say_state(struct keep *keep)
{
	struct store_state state;
	const char *waiting;
	uint64_t held, now = keep->hear.now / 1000000000;

	store_state(keep->store, &state);
	waiting = state.queued == 1 ? " waits" : "s wait";
	if (state.status == STORE_OK && keep->said != STORE_OK) {
		msg_info("the store is written again; %" PRIu64 " connection%s", state.queued,
			 waiting);
		keep->said = STORE_OK;
	} else if (state.status != keep->said &&
		   msg_allowed(&keep->state_limit, now, STATE_SECONDS, &held)) {
		msg_warn("the store cannot be written: %s; tracing goes on, %" PRIu64
			 " connection%s",
			 store_status_text(state.status), state.queued, waiting);
		keep->said = state.status;
	}
	if (state.lost == keep->lost || !msg_allowed(&keep->full_limit, now, STATE_SECONDS, &held))
		return;
	msg_error("%" PRIu64 " connection%s lost: more wait than there is room for",
		  state.lost - keep->lost, state.lost - keep->lost == 1 ? " is" : "s are");
	keep->lost = state.lost;
}

/* What the metrics are made of at this moment. */
static struct metrics_now look(const struct keep *keep, struct store_state *state)
{
	store_state(keep->store, state);
	return (struct metrics_now){
		.now = unix_now(),
		.boot = clock_ns(CLOCK_BOOTTIME),
		.table = keep->hear.table,
		.store = state,
	};
}

static void write_metrics(void *context, FILE *out)
{
	const struct keep *keep = context;
	struct store_state state;
	struct metrics_now now = look(keep, &state);

	metrics_write(keep->metrics, &now, out);
}

static bool unhealthy(void *context, char *why, size_t size)
{
	const struct keep *keep = context;
	struct store_state state;
	struct metrics_now now = look(keep, &state);

	return metrics_unhealthy(keep->metrics, &now, why, size);
}

static int server_fd(void *context)
{
	const struct keep *keep = context;

	return metrics_server_fd(keep->server);
}

static uint64_t on_tick(void *context)
{
	struct keep *keep = context;
	uint64_t theirs =
		metrics_server_step(keep->server, keep->hear.ready, clock_ns(CLOCK_BOOTTIME));
	uint64_t ours;
	int64_t wait;

	tell_losses(keep);
	wait = store_tick(keep->store, unix_now());
	ours = wait == INT64_MAX ? UINT64_MAX : wait < 0 ? 0 : (uint64_t)wait;
	say_state(keep);
	return theirs < ours ? theirs : ours;
}

static void on_alert(void *context, const struct connection *connection, const struct alert *alert)
{
	struct keep *keep = context;

	alert_out_tell(keep->alerts, connection, alert, clock_ns(CLOCK_BOOTTIME),
		       keep->hear.wall_minus_boot);
}

static void on_config(void *context, const struct config *config)
{
	struct keep *keep = context;

	alert_out_configure(keep->alerts, config);
}

static bool prepare(struct keep *keep, const struct alert_ends *ends,
		    const struct trace_options *options)
{
	static const struct hear_to to = {
		.start = on_start,
		.loss = on_loss,
		.frame = on_frame,
		.end = on_end,
		.tick = on_tick,
		.also = server_fd,
		.config = on_config,
	};
	struct table_options table = {
		.progress_seconds = options->config->progress_seconds,
		.context = keep,
		.on_end = on_connection,
		.on_alert = on_alert,
	};

	keep->alerts = alert_out_new(options->config, ends, &keep->kept.origin);
	if (!keep->alerts)
		return false;
	table.alerts = alert_out_rules(keep->alerts);
	return hear_init(&keep->hear, options->config, &to, keep, &table) == 0 &&
	       kept_init(&keep->kept) == 0;
}

/* False: the message is out. */
static bool open_metrics(struct keep *keep, int listener)
{
	const struct metrics_answers answers = {
		.context = keep,
		.write = write_metrics,
		.unhealthy = unhealthy,
	};
	char error[256] = "out of memory";

	if (listener < 0)
		return true;
	keep->metrics = metrics_new();
	if (keep->metrics)
		keep->server = metrics_server_new(listener, &answers, error, sizeof(error));
	if (!keep->server)
		msg_error("%s", error);
	return keep->server;
}

/* Only now: what is in the file may have been written by who broke into an earlier one of us. */
static bool open_store(struct keep *keep, const struct config *config)
{
	const struct store_options options = {
		.path = "/" STORE_NAME, /* our root directory is the store's */
		.days = config->store_days,
		.rollup_days = config->store_rollup_days,
		.bytes = config->store_bytes,
	};

	keep->store = store_open(&options, unix_now());
	return keep->store;
}

int keep_run(int channel, int enough, const struct places *places, const struct rights_user *user,
	     const struct trace_options *options)
{
	const int mine[] = {channel,
			    enough,
			    places->directory,
			    places->metrics.fd,
			    places->alerts.journal,
			    places->alerts.syslog,
			    places->alerts.ask};
	struct keep keep = {.said = STORE_OK};
	char error[256];
	int lock = -1, status = EXIT_FAILED;

	tzset();
	hear_no_signals();
	umask(027);
	rights_close_others(mine, sizeof(mine) / sizeof(mine[0]));
	lock = dup(places->directory); /* what it is open for is held until we end, too */
	if (!prepare(&keep, &places->alerts, options)) {
		msg_error("out of memory");
	} else if (!open_metrics(&keep, places->metrics.fd)) {
		status = EXIT_CANNOT;
	} else if (lock < 0) {
		msg_error("cannot hold the store's lock: %s", strerror(errno));
	} else if (rights_confine(user, places->directory, places->metrics.fd, error,
				  sizeof(error))) {
		msg_error("%s", error);
	} else if (!open_store(&keep, options->config)) {
		msg_error("out of memory");
	} else {
		status = hear_run(&keep.hear, channel);
		store_close(keep.store, unix_now());
	}
	metrics_server_free(keep.server);
	metrics_free(keep.metrics);
	hear_free(&keep.hear);
	alert_out_free(keep.alerts);
	kept_free(&keep.kept);
	return status;
}
