/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * trace.c - what is happening now: the privileged half
 *
 * Forks the half that parses and shows before anything is loaded, so that it never holds a descriptor of the kernel programs; then
 * loads, attaches, and passes records on until a signal, --duration, or the other half's end. Detaches first, then drains, then
 * says the totals: what was counted has been said. A first signal detaches even while the output is blocked; a second one kills the
 * half that writes.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/msg.h"
#include "cmd/cmd.h"
#include "cmd/evidence.h"
#include "cmd/evidence_list.h"
#include "cmd/queue_ask.h"
#include "cmd/runtimes.h"
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

#define DESCRIPTORS 256 /* where the soft limit is lower and the hard one allows it */
#define DESCRIPTORS_NEEDED 64 /* some 35 in use, and more while it starts */

struct trace {
	const struct trace_options *options;
	struct tracer *tracer;
	struct enrich *enrich;
	struct runtimes *runtimes; /* NULL = none is looked for */
	const struct rights_user *user;
	struct evidence *evidence; /* NULL = none is kept */
	struct queue_ask *queues; /* NULL = they are not asked for */
	struct channel_writer writer;
	struct event_counters said; /* losses the other half knows of */
	uint64_t deadline; /* CLOCK_BOOTTIME ns, 0 = none */
	int signals; /* signalfd */
	int enough; /* readable (end of file) when the other half wants no more */
	pid_t child;
	bool collecting; /* records came a moment ago: those behind them may gather */
	uint64_t asked_at; /* CLOCK_BOOTTIME ns, when one asked first */
	bool asked; /* a signal asked for the end */
	bool detached;
	bool given_up; /* another one did: nothing is written any more */
	bool not_killed; /* nor may the other half be killed */
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

static int on_script(struct trace *trace, const void *record, size_t size)
{
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
	size = cmdline_add(&open, size);
	if (trace->runtimes)
		see_runtime(trace, &open, size);
	enrich_open(trace->enrich, &open, size, clock_ns(CLOCK_BOOTTIME), &extra);
	if (trace->evidence)
		evidence_process(trace->evidence, &extra, &open, size);
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
static int drain(struct trace *trace)
{
	int rc = tracer_drain(trace->tracer, on_record, trace);

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

static int poll_timeout(const struct trace *trace)
{
	uint64_t now = clock_ns(CLOCK_BOOTTIME);

	if (!trace->deadline)
		return -1;
	if (now >= trace->deadline)
		return 0;
	return (trace->deadline - now) / 1000000 + 1 > 1000000
		       ? 1000000
		       : (int)((trace->deadline - now) / 1000000 + 1);
}

/* The second time: the output is blocked, and somebody wants us gone. */
static void give_up(struct trace *trace)
{
	trace->given_up = true;
	trace->not_killed = kill(trace->child, SIGKILL) < 0;
	if (trace->not_killed)
		msg_error(
			"stopped by a second signal; process %d, which waits for standard output, "
			"cannot be killed: %s",
			(int)trace->child, strerror(errno));
	else
		msg_error("stopped by a second signal: what standard output had not taken is lost");
}

/*
 * A terminal that closes may say SIGHUP twice and means nothing by it; signals at about the same moment are one wish: timeout(1)
 * signals its child and then the group that it is in.
 */
static void hear_signals(struct trace *trace)
{
	struct signalfd_siginfo info;
	uint64_t now = clock_ns(CLOCK_BOOTTIME);
	bool before = trace->asked && now - trace->asked_at > LIMIT_ONE_WISH_MS * 1000000ULL;
	bool again = false;

	if (!trace->asked)
		trace->asked_at = now;

	while (read(trace->signals, &info, sizeof(info)) == sizeof(info)) {
		trace->asked = true;
		again = again || info.ssi_signo != SIGHUP;
	}
	if (before && again && !trace->given_up)
		give_up(trace);
}

/* That may take a while: signals that came meanwhile still belong to the wish that it fulfils. */
static void detach(struct trace *trace)
{
	if (trace->detached)
		return;
	trace->detached = true;
	tracer_stop(trace->tracer);
	trace->asked_at = clock_ns(CLOCK_BOOTTIME);
}

/* The channel is full: the other half waits for who reads its output. */
static int wait_for_room(void *context)
{
	struct trace *trace = context;
	struct pollfd fds[] = {
		{.fd = trace->writer.fd, .events = POLLOUT},
		{.fd = trace->signals, .events = POLLIN},
	};

	if (poll(fds, 2, -1) < 0)
		return errno == EINTR ? 0 : -errno;
	if (fds[1].revents) {
		hear_signals(trace);
		detach(trace);
	}
	return trace->given_up ? -EPIPE : 0;
}

/*
 * 1 = go on, 0 = stop, -errno. While records gather, nobody waits for the ring: the kernel wakes nobody then, and we look at the
 * end of LIMIT_COLLECT. When that finds nothing, the next record wakes us at once.
 */
static int step(struct trace *trace)
{
	struct pollfd fds[] = {
		{.fd = trace->collecting ? -1 : tracer_fd(trace->tracer), .events = POLLIN},
		{.fd = trace->signals, .events = POLLIN},
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
		if (rc)
			return rc;
	}
	if (fds[1].revents)
		hear_signals(trace);
	if (trace->asked || fds[2].revents)
		return 0;
	return trace->deadline && clock_ns(CLOCK_BOOTTIME) >= trace->deadline ? 0 : 1;
}

/* Who has them open, and what they wrote to the ring meanwhile. */
static int on_holders(void *context, const struct event_holder *holders, size_t count)
{
	struct trace *trace = context;
	int rc = 0;

	for (size_t i = 0; i < count && trace->evidence; i++)
		evidence_holder(trace->evidence, &holders[i]);
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
	return rc ? rc : channel_flush(&trace->writer);
}

static bool scan_runtimes(struct trace *trace)
{
	trace->runtimes = runtimes_new(trace->user, add_runtime, trace);
	if (!trace->runtimes) {
		msg_error("out of memory");
		return false;
	}
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
	/* Where nothing is attached no script is read. */
	if (!trace->options->tracer.only_existing && !scan_runtimes(trace))
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
	detach(trace);
	if (rc == 0)
		rc = drain(trace);
	if (rc == -EPIPE)
		return EXIT_FAILED; /* the other half has said why, or was killed: see wait_child() */
	if (rc < 0)
		msg_error("the trace ends early: %s", strerror(-rc));
	if (queue_ask_end(&trace->queues, &trace->writer, trace->evidence) ||
	    write_end(trace, rc < 0 ? EXIT_FAILED : EXIT_DONE))
		return EXIT_FAILED;
	return rc < 0 ? EXIT_FAILED : EXIT_DONE;
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Until the other half has ended, or is to be waited for no longer. */
static void wait_for_end(struct trace *trace)
{
	struct pollfd fds[] = {
		{.fd = (int)syscall(SYS_pidfd_open, trace->child, 0), .events = POLLIN},
		{.fd = trace->signals, .events = POLLIN},
	};

	while (fds[0].fd >= 0 && !fds[0].revents && !trace->given_up)
		if (poll(fds, 2, -1) > 0 && fds[1].revents)
			hear_signals(trace);
	if (fds[0].fd >= 0)
		close(fds[0].fd);
}

/* Its status is ours, unless ours is worse. */
static int wait_child(struct trace *trace, int status)
{
	int how;

	wait_for_end(trace);
	if (trace->not_killed)
		return EXIT_FAILED;
	while (waitpid(trace->child, &how, 0) < 0)
		if (errno != EINTR)
			return EXIT_FAILED;
	if (trace->given_up)
		return EXIT_FAILED;
	if (WIFSIGNALED(how)) {
		msg_error("the parsing half was killed by signal %d: stopped", WTERMSIG(how));
		return EXIT_FAILED;
	}
	return status == EXIT_DONE ? WEXITSTATUS(how) : status;
}

/* False = there are too few, which has been said. */
static bool raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return true;
	if (limit.rlim_cur < DESCRIPTORS) {
		limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (limit.rlim_cur >= DESCRIPTORS_NEEDED)
		return true;
	msg_error("too few open files are allowed (ulimit -n %llu): %d are needed",
		  (unsigned long long)limit.rlim_cur, DESCRIPTORS_NEEDED);
	return false;
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

static int run_halves(const struct trace_options *options)
{
	struct trace trace = {.options = options};
	struct rights_user user;
	int channel[2], enough[2], status;

	if (!raise_descriptors())
		return EXIT_CANNOT;
	rights_user(&user);
	trace.user = &user;
	/* First: the keeper must not hold an end of what tells one half that the other is gone. */
	if (!open_evidence(&trace))
		return EXIT_CANNOT;
	if (channel_open(channel) || pipe2(enough, O_CLOEXEC)) {
		msg_error("cannot open a channel: %s", strerror(errno));
		evidence_end(trace.evidence, false);
		return EXIT_FAILED;
	}
	fflush(NULL);
	trace.child = fork();
	if (trace.child < 0) {
		msg_error("cannot fork: %s", strerror(errno));
		evidence_end(trace.evidence, false);
		return EXIT_FAILED;
	}
	if (trace.child == 0) {
		close(channel[1]);
		close(enough[0]);
		_exit(show_run(channel[0], enough[1],
			       trace.evidence ? evidence_only_records(trace.evidence) : -1, &user,
			       options));
	}
	close(channel[0]);
	close(enough[1]);
	signal(SIGPIPE, SIG_IGN);
	trace.enough = enough[0];
	trace.signals = open_signals();
	channel_writer_init(&trace.writer, channel[1], wait_for_room, &trace);
	status = trace.signals < 0 ? EXIT_FAILED : run(&trace);
	close(channel[1]);
	queue_ask_end(&trace.queues, NULL, NULL); /* if something went wrong before */
	status = wait_child(&trace, status);
	status = end_evidence(&trace, status);
	runtimes_free(trace.runtimes);
	enrich_free(trace.enrich);
	tracer_free(trace.tracer);
	close(trace.signals);
	close(enough[0]);
	return status;
}

static int run_command(enum live_mode mode, int argc, char **argv)
{
	struct trace_options options;
	int status = trace_options_parse(&options, mode, argc, argv);

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
