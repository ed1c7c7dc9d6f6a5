/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * trace.c - the privileged half of trace, snapshot and collect
 *
 * Forks the half that parses and shows before anything is loaded, so that it never holds a descriptor of the kernel programs; then
 * loads, attaches, and passes records on until a signal, --duration, or the other half's end. Detaches first, then drains, then
 * says the totals: what was counted has been said. A first signal detaches even while the output is blocked: halves.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/msg.h"
#include "cmd/cmd.h"
#include "cmd/descriptors.h"
#include "cmd/evidence.h"
#include "cmd/evidence_list.h"
#include "cmd/halves.h"
#include "cmd/keep.h"
#include "cmd/places.h"
#include "cmd/process_list.h"
#include "cmd/queue_ask.h"
#include "cmd/runtimes.h"
#include "cmd/service.h"
#include "cmd/show.h"
#include "cmd/socket_list.h"
#include "cmd/trace_options.h"
#include "enrich/cmdline.h"
#include "enrich/enrich.h"
#include "enrich/process.h"
#include "enrich/script.h"
#include "enrich/script_stat.h"
#include "enrich/users.h"
#include "pass/channel.h"
#include "pass/rights.h"
#include "source/kernel.h"
#include "source/tracer.h"

#define WAITS_MS 1000 /* a full channel is waited for, until the watchdog is thought of */

struct trace {
	const struct trace_options *options;
	struct tracer *tracer;
	struct enrich *enrich;
	struct runtimes *runtimes; /* NULL = none is looked for */
	const struct rights_user *user;
	struct evidence *evidence; /* NULL = none is kept */
	struct process_list *processes; /* NULL = no snapshot */
	struct service *service; /* of collect; else NULL */
	struct places places; /* likewise */
	struct queue_ask *queues; /* NULL = they are not asked for */
	struct channel_writer writer;
	struct event_counters said; /* losses the other half knows of */
	uint64_t adopted; /* connections from before the start */
	uint64_t deadline; /* CLOCK_BOOTTIME ns, 0 = none */
	struct halves halves;
	int enough; /* readable (end of file) when the other half wants no more */
	bool collecting; /* records came a moment ago: those behind them may gather */
	bool detached;
};

static int write_start(struct trace *trace)
{
	const struct config *config = trace->options->config;
	struct frame_start start;
	struct utsname kernel;
	int rc;

	memset(&start, 0, sizeof(start));
	kernel_boot_id(start.boot_id);
	gethostname(start.host, sizeof(start.host) - 1);
	uname(&kernel);
	snprintf(start.kernel, sizeof(start.kernel), "%.64s", kernel.release);
	snprintf(start.hooks, sizeof(start.hooks), "%s", tracer_hooks(trace->tracer));
	snprintf(start.degraded, sizeof(start.degraded), "%s", tracer_degraded(trace->tracer));
	if (!tracer_adopts(trace->tracer)) {
		size_t used = strlen(start.degraded);

		snprintf(start.degraded + used, sizeof(start.degraded) - used,
			 "%siter/task_file: refused; connections from before the start are not "
			 "seen",
			 used ? "\n" : "");
	}
	for (unsigned int i = 0; i < config->port_count && i < 64; i++)
		start.ports[start.port_count++] = config->ports[i];
	rc = channel_write(&trace->writer, FRAME_START, &start, sizeof(start), NULL, 0);
	return rc ? rc : channel_flush(&trace->writer);
}

static int add_runtime(void *context, const struct script_runtime *key,
		       const struct script_layout *layout, const char *path)
{
	const struct trace *trace = context;

	if (layout && !layout->library)
		msg_debug("PHP %u.%u: %s%s%s", layout->version / 100, layout->version % 100, path,
			  layout->status == SCRIPT_READ ? "" : ": scripts are not named: ",
			  layout->status == SCRIPT_READ ? "" : script_status_name(layout->status));
	return tracer_runtime(trace->tracer, key, layout);
}

static int bad_record(void)
{
	msg_error("the kernel programs wrote a record that is none");
	return -EBADMSG;
}

/* A path is turned round here, and given to the kernel. */
static void see_runtime(struct trace *trace, const struct event_open *open, size_t size)
{
	char path[EVENT_PATH_MAX + PROCESS_TURN_EXTRA + 1];
	size_t length = 0;

	if (open->exe_len <= EVENT_PATH_MAX &&
	    open->exe_len <= size - offsetof(struct event_open, text))
		length = process_turn_path(path, (struct bytes){open->text, open->exe_len}, false);
	path[length] = '\0';
	runtimes_see(trace->runtimes, &open->who, path);
}

static bool find_layout(void *context, const struct script_runtime *exe, uint64_t start_code,
			struct script_layout *layout)
{
	const struct trace *trace = context;

	return tracer_layout(trace->tracer, exe, start_code, layout);
}

static int on_script(void *context, const void *record, size_t size)
{
	struct trace *trace = context;
	struct event_script script;
	struct script_facts facts;

	if (size > sizeof(script) || size < offsetof(struct event_script, text))
		return bad_record();
	memcpy(&script, record, size);
	if (trace->evidence)
		evidence_script(trace->evidence, record, size);
	script_stat(&script, size, &facts);
	if (facts.known == SCRIPT_FILE_THERE)
		enrich_user(trace->enrich, facts.uid, clock_ns(CLOCK_BOOTTIME), facts.owner,
			    sizeof(facts.owner));
	return channel_write(&trace->writer, FRAME_SCRIPT, &facts, sizeof(facts), &script, size);
}

/* Our own kernel code wrote it; it is still only bytes until its lengths have been looked at. */
static int on_record(void *context, const void *record, size_t size)
{
	struct trace *trace = context;
	const struct event_head *head = record;
	struct enrichment extra;
	struct event_open open;
	uint16_t kind;

	if (size < sizeof(*head) || head->size > size || head->size < sizeof(*head))
		return bad_record();
	kind = head->kind;
	if (kind == EVENT_SCRIPT)
		return on_script(trace, record, head->size);
	if (kind != EVENT_OPEN && kind != EVENT_SENDER)
		return channel_write(&trace->writer, FRAME_EVENT, record, head->size, NULL, 0);
	size = head->size;
	if (size > sizeof(open) || size < offsetof(struct event_open, text))
		return bad_record();
	memcpy(&open, record, size);
	trace->adopted += kind == EVENT_OPEN && open.head.flags & EVENT_F_EXISTING;
	size = cmdline_add(&open, size);
	if (trace->runtimes)
		see_runtime(trace, &open, size);
	enrich_open(trace->enrich, &open, size, clock_ns(CLOCK_BOOTTIME), &extra);
	if (trace->evidence)
		evidence_process(trace->evidence, &extra, &open, size);
	process_list_open(trace->processes, &extra, &open);
	return channel_write(&trace->writer, FRAME_WHO, &extra, sizeof(extra), &open, size);
}

static int write_losses(struct trace *trace)
{
	struct event_counters now;
	int rc = 0;

	tracer_counters(trace->tracer, &now);
	if (now.counted_only != trace->said.counted_only ||
	    now.data_lost != trace->said.data_lost || now.states_lost != trace->said.states_lost ||
	    now.senders_lost != trace->said.senders_lost ||
	    now.scripts_lost != trace->said.scripts_lost)
		rc = channel_write(&trace->writer, FRAME_LOSS, &now, sizeof(now), NULL, 0);
	trace->said = now;
	return rc;
}

/* Passes on what waits. 0 or -errno. */
static int drain(void *context)
{
	struct trace *trace = context;
	int rc;

	if (trace->service)
		service_drains(trace->service, trace->tracer);
	rc = tracer_drain(trace->tracer, on_record, trace);
	trace->collecting = rc > 0;
	if (rc > 0)
		rc = write_losses(trace);
	return rc < 0 ? rc : channel_flush(&trace->writer);
}

static int write_end(struct trace *trace, int status)
{
	struct frame_loss_row *rows = calloc(LIMIT_LOSS_SHOWN, sizeof(*rows));
	struct frame_end end;
	size_t shown;
	int rc;

	memset(&end, 0, sizeof(end));
	end.status = status;
	tracer_counters(trace->tracer, &end.counters);
	if (rows)
		end.loss_rows = tracer_losses(trace->tracer, rows, LIMIT_LOSS_SHOWN);
	end.states_missed = tracer_missed(trace->tracer);
	shown = end.loss_rows < LIMIT_LOSS_SHOWN ? end.loss_rows : LIMIT_LOSS_SHOWN;
	for (size_t i = 0; i < shown; i++)
		enrich_user(trace->enrich, rows[i].key.uid, clock_ns(CLOCK_BOOTTIME), rows[i].user,
			    sizeof(rows[i].user));
	rc = channel_write(&trace->writer, FRAME_END, &end, sizeof(end), rows,
			   shown * sizeof(*rows));
	free(rows);
	return rc ? rc : channel_flush(&trace->writer);
}

/* Milliseconds until something is due, -1 = nothing is. */
static int poll_timeout(const struct trace *trace)
{
	uint64_t until = trace->service ? service_due(trace->service) : trace->deadline;
	uint64_t now = clock_ns(CLOCK_BOOTTIME);

	if (!until)
		return -1;
	if (now >= until)
		return 0;
	return (until - now) / 1000000 + 1 > 1000000 ? 1000000 : (int)((until - now) / 1000000 + 1);
}

/* That may take a while: signals that came meanwhile still belong to the wish that it fulfils. */
static void detach(struct trace *trace)
{
	if (trace->detached)
		return;
	trace->detached = true;
	tracer_stop(trace->tracer);
	trace->halves.asked_at = clock_ns(CLOCK_BOOTTIME);
}

/* The channel is full: the other half waits for who reads its output, or for its disk. */
static int wait_for_room(void *context)
{
	struct trace *trace = context;
	struct pollfd fds[] = {
		{.fd = trace->writer.fd, .events = POLLOUT},
		{.fd = trace->halves.signals, .events = POLLIN},
	};

	if (poll(fds, 2, trace->service ? WAITS_MS : -1) < 0)
		return errno == EINTR ? 0 : -errno;
	if (fds[1].revents) {
		halves_hear(&trace->halves);
		if (trace->halves.asked)
			detach(trace);
	}
	if (trace->service)
		service_waits(trace->service, clock_ns(CLOCK_BOOTTIME));
	return trace->halves.given_up ? -EPIPE : 0;
}

/* Of a service: what was asked for, and what is due. 0 or -errno. */
static int serve(struct trace *trace)
{
	uint64_t now = clock_ns(CLOCK_BOOTTIME);
	int rc = 0;

	if (trace->halves.reload) {
		trace->halves.reload = false;
		rc = service_reload(trace->service, trace->enrich, now);
	}
	return rc ? rc : service_beat(trace->service, now);
}

/*
 * 1 = go on, 0 = stop, -errno. While records gather, nobody waits for the ring: the kernel wakes nobody then, and we look at the
 * end of LIMIT_COLLECT. When that finds nothing, the next record wakes us at once.
 */
static int step(struct trace *trace)
{
	struct pollfd fds[] = {
		{.fd = trace->collecting ? -1 : tracer_fd(trace->tracer), .events = POLLIN},
		{.fd = trace->halves.signals, .events = POLLIN},
		{.fd = trace->enough, .events = POLLIN},
		{.fd = enrich_fd(trace->enrich), .events = POLLIN},
	};
	int rc = poll(fds, 4, trace->collecting ? LIMIT_COLLECT : poll_timeout(trace));

	if (rc < 0)
		return errno == EINTR ? 1 : -errno;
	if (fds[3].revents)
		enrich_ready(trace->enrich);
	if (fds[0].revents || trace->collecting) {
		rc = drain(trace);
		cmdline_rest();
		if (rc)
			return rc;
	}
	if (fds[1].revents)
		halves_hear(&trace->halves);
	if (trace->halves.asked || fds[2].revents)
		return 0;
	if (trace->service) {
		rc = serve(trace);
		if (rc)
			return rc;
	}
	return trace->deadline && clock_ns(CLOCK_BOOTTIME) >= trace->deadline ? 0 : 1;
}

/* Who has them open, and what they wrote to the ring meanwhile. */
static int on_holders(void *context, const struct event_holder *holders, size_t count)
{
	struct trace *trace = context;
	int rc = 0;

	for (size_t i = 0; i < count; i++) {
		if (trace->evidence)
			evidence_holder(trace->evidence, &holders[i]);
		process_list_holder(trace->processes, &holders[i]);
	}
	for (size_t i = 0; i < count && trace->options->snapshot && !rc; i++)
		rc = channel_write(&trace->writer, FRAME_HOLDER, &holders[i], sizeof(holders[i]),
				   NULL, 0);
	return rc ? rc : drain(trace);
}

/* Connections from before the start. -errno: the other half is gone, or the sockets are not to be had. */
static int adopt(struct trace *trace)
{
	int rc = tracer_adopts(trace->tracer) ? tracer_adopt(trace->tracer, on_holders, trace) : 0;

	if (rc && rc != -EPIPE) {
		msg_warn("not all connections from before the start are seen: %s", strerror(-rc));
		rc = 0;
	}
	if (trace->evidence)
		evidence_holders_end(trace->evidence);
	if (!rc && trace->options->snapshot)
		rc = socket_list_write(trace->tracer, trace->enrich, &trace->writer,
				       trace->options);
	if (!rc)
		rc = process_list_write(trace->processes);
	cmdline_rest();
	return rc ? rc : channel_flush(&trace->writer);
}

static bool prepare_runtimes(struct trace *trace)
{
	trace->runtimes = runtimes_new(trace->user, add_runtime, trace);
	if (!trace->runtimes) {
		msg_error("out of memory");
		return false;
	}
	/* Where nothing is attached those that have connections will do. */
	if (!trace->options->tracer.only_existing)
		runtimes_scan(trace->runtimes);
	return true;
}

static int bring_up(struct trace *trace)
{
	char error[512];
	int status = EXIT_FAILED;

	trace->tracer = tracer_start(&trace->options->tracer, &status, error, sizeof(error));
	if (!trace->tracer) {
		msg_error("%s", error);
		return status;
	}
	trace->enrich = enrich_new(trace->options->config, clock_ns(CLOCK_BOOTTIME));
	if (!trace->enrich) {
		msg_error("cannot read the host's addresses: %s", strerror(errno));
		return EXIT_FAILED;
	}
	if (!prepare_runtimes(trace))
		return EXIT_FAILED;
	if (write_start(trace) || adopt(trace))
		return EXIT_FAILED;
	if (trace->options->snapshot)
		trace->queues = queue_ask_start(trace->enrich, trace->user);
	malloc_trim(0); /* what reading the kernel's types took */
	if (rights_reduce(error, sizeof(error))) {
		msg_error("%s", error);
		return EXIT_FAILED;
	}
	if (trace->options->duration)
		trace->deadline =
			clock_ns(CLOCK_BOOTTIME) + trace->options->duration * 1000000000ULL;
	if (trace->service &&
	    service_begin(trace->service, clock_ns(CLOCK_BOOTTIME), trace->tracer, trace->adopted))
		return EXIT_FAILED;
	return EXIT_DONE;
}

static int run(struct trace *trace)
{
	int status = bring_up(trace);
	int rc = !trace->options->tracer.only_existing;

	if (status)
		return status;
	while (rc == 1)
		rc = step(trace);
	if (trace->service)
		service_ends(trace->service);
	detach(trace);
	if (rc == 0)
		rc = drain(trace);
	/* Those that were seen since, on other ports than SMTP's among them. */
	if (rc == 0)
		rc = process_list_write(trace->processes);
	if (rc == -EPIPE)
		return EXIT_FAILED; /* the other half has said why, or was killed: see halves_end() */
	if (rc < 0)
		msg_error("the trace ends early: %s", strerror(-rc));
	if (queue_ask_end(&trace->queues, &trace->writer, trace->evidence) ||
	    write_end(trace, rc < 0 ? EXIT_FAILED : EXIT_DONE))
		return EXIT_FAILED;
	return rc < 0 ? EXIT_FAILED : EXIT_DONE;
}

static void open_process_list(struct trace *trace)
{
	const struct process_list_options options = {
		.writer = &trace->writer,
		.values = trace->options->environ,
		.stop = trace->halves.signals,
		.context = trace,
		.between = drain,
		.layout = find_layout,
		.script = on_script,
	};

	trace->processes = process_list_new(&options);
}

/* False: it can't be kept, which was said. */
static bool open_evidence(struct trace *trace)
{
	if (!trace->options->evidence)
		return true;
	trace->evidence = evidence_new(trace->options->evidence);
	return trace->evidence != NULL;
}

/* The other half is over, and has written its records. */
static int end_evidence(struct trace *trace, int status)
{
	const char *path = trace->options->evidence;
	bool good = status == EXIT_DONE || status == EXIT_SEEN;

	if (evidence_end(trace->evidence, good))
		return good ? EXIT_FAILED : status;
	if (path && good)
		msg_info("kept in %s: smtpsnoop snapshot --verify %s compares it", path, path);
	return status;
}

static int be_other_half(const struct trace *trace, const int channel[2], const int enough[2])
{
	const struct trace_options *options = trace->options;

	close(channel[1]);
	close(enough[0]);
	if (options->store)
		return keep_run(channel[0], enough[1], &trace->places, trace->user, options);
	return show_run(channel[0], enough[1],
			trace->evidence ? evidence_only_records(trace->evidence) : -1, trace->user,
			options);
}

/* The other half is there. */
static int be_privileged_half(struct trace *trace, pid_t child, int channel, int enough)
{
	bool service = trace->options->store;
	int status = EXIT_DONE;

	signal(SIGPIPE, SIG_IGN);
	trace->enough = enough;
	channel_writer_init(&trace->writer, channel, wait_for_room, trace);
	if (service)
		trace->service =
			service_new(trace->options, &trace->writer, &trace->places.runner, child);
	if (halves_init(&trace->halves, child, service) || (service && !trace->service))
		status = EXIT_FAILED;
	if (trace->options->snapshot)
		open_process_list(trace);
	if (status == EXIT_DONE)
		status = run(trace);
	close(channel);
	queue_ask_end(&trace->queues, NULL, NULL); /* if something went wrong before */
	status = halves_end(&trace->halves, status);
	status = end_evidence(trace, status);
	service_free(trace->service);
	process_list_free(trace->processes);
	places_close(&trace->places);
	runtimes_free(trace->runtimes);
	enrich_free(trace->enrich);
	tracer_free(trace->tracer);
	close(trace->halves.signals);
	close(enough);
	return status;
}

static int run_halves(const struct trace_options *options)
{
	struct trace trace = {.options = options};
	int channel[2], enough[2];
	struct rights_user user;
	pid_t child = -1;

	if (!descriptors_raise())
		return EXIT_CANNOT;
	rights_user(&user);
	trace.user = &user;
	/* First: who keeps evidence must not hold an end of what tells one half that the other is gone. */
	if (!open_evidence(&trace))
		return EXIT_CANNOT;
	if (!places_open(&trace.places, options, &user)) {
		evidence_end(trace.evidence, false);
		return EXIT_CANNOT;
	}
	fflush(NULL);
	if (!channel_open(channel) && !pipe2(enough, O_CLOEXEC))
		child = fork();
	if (child < 0) {
		msg_error("cannot make the other half: %s", strerror(errno));
		evidence_end(trace.evidence, false);
		places_close(&trace.places);
		return EXIT_FAILED;
	}
	if (child == 0)
		_exit(be_other_half(&trace, channel, enough));
	places_handed_over(&trace.places);
	close(channel[0]);
	close(enough[1]);
	return be_privileged_half(&trace, child, channel[1], enough[0]);
}

static int run_command(enum live_mode mode, int argc, char **argv)
{
	struct trace_options options;
	int status;

	if (mode == LIVE_COLLECT)
		msg_journal();
	status = trace_options_parse(&options, mode, argc, argv);
	if (status < 0)
		status = options.verify ? evidence_verify(options.verify) : run_halves(&options);
	trace_options_free(&options);
	return status;
}

int cmd_trace(int argc, char **argv)
{
	return run_command(LIVE_TRACE, argc, argv);
}

int cmd_snapshot(int argc, char **argv)
{
	return run_command(LIVE_SNAPSHOT, argc, argv);
}

int cmd_collect(int argc, char **argv)
{
	return run_command(LIVE_COLLECT, argc, argv);
}
