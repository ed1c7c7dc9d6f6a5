/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * alert_run.c - runs the commands of alert rules, in a process of its own
 *
 * It keeps the rights that it takes to become each rule's user, and all of them only where a rule runs as root; it reads nothing of a
 * request but its length and two numbers. A command gets a session and process group of its own, the text as a sealed file on its standard input, and no descriptor
 * else. It is killed with its group when its time is over. Never more than LIMIT_ALERT_RUNS run at once; what finds no room is counted
 * and said. Signals that end the tracer are not for this process: it ends when nobody can ask any more.
 */
#include "cmd/alert_run.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/escape.h"
#include "base/limits.h"
#include "base/msg.h"
#include "cmd/alert_exec.h"
#include "pass/rights.h"

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_SECOND UINT64_C(1000000000)
#define FULL_SECONDS 60 /* so often at most it is said that there is no room */
#define READS 16 /* of what a command says, before the others are looked after */
#define LAST_MS 1000 /* from killing a command at the end until it is left alone */
#define REQUEST_MAX (sizeof(struct alert_request) + LIMIT_ALERT_BYTES)

struct waiting {
	struct waiting *next;
	struct alert_command command;
	size_t length;
	char text[];
};

struct run {
	pid_t pid; /* 0 = nothing runs here */
	int end; /* a descriptor of the process */
	int output; /* what it says, -1 = nothing more */
	bool killed, at_end; /* at_end: because we end */
	uint64_t deadline;
	struct alert_command command;
	char said[LIMIT_ALERT_SAID];
	size_t said_length;
};

struct runner {
	int ask, rules;
	struct alert_table table;
	struct run runs[LIMIT_ALERT_RUNS];
	struct waiting *first, **last;
	unsigned int waiting;
	struct msg_limit full;
	uint64_t until; /* at the end; 0 = it is not */
};

/* Kills all of its group; the child may not have made one yet. */
static void end_run(struct run *run)
{
	if (kill(-run->pid, SIGKILL))
		kill(run->pid, SIGKILL);
	run->killed = true;
}

/* Reads what there is: the beginning is kept, so that the pipe never fills up. */
static void hear_run(struct run *run)
{
	char bytes[4096];
	ssize_t got = 1;

	/* Not for ever: somebody may write faster than this. */
	for (int i = 0; i < READS && (got = read(run->output, bytes, sizeof(bytes))) > 0; i++) {
		size_t room = sizeof(run->said) - run->said_length;
		size_t kept = (size_t)got < room ? (size_t)got : room;

		memcpy(run->said + run->said_length, bytes, kept);
		run->said_length += kept;
	}
	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
		close(run->output);
		run->output = -1;
	}
}

static void say_end(const struct run *run, int how)
{
	char said[2 * LIMIT_ALERT_SAID], name[256];
	const char *colon;

	escape_text(said, sizeof(said), run->said, run->said_length, NULL);
	escape_text(name, sizeof(name), run->command.program, strlen(run->command.program), NULL);
	colon = said[0] ? ", saying: " : "";
	if (run->killed && run->at_end)
		msg_warn("alert %s: %s was killed, as smtpsnoop ends%s%s", run->command.rule, name,
			 colon, said);
	else if (run->killed)
		msg_warn("alert %s: %s took longer than %" PRIu32 " s and was killed%s%s",
			 run->command.rule, name, run->command.timeout, colon, said);
	else if (WIFSIGNALED(how))
		msg_warn("alert %s: %s was ended by signal %d%s%s", run->command.rule, name,
			 WTERMSIG(how), colon, said);
	else if (WEXITSTATUS(how))
		msg_warn("alert %s: %s ended with status %d%s%s", run->command.rule, name,
			 WEXITSTATUS(how), colon, said);
}

static void reap(struct run *run)
{
	int how = 0;

	if (waitpid(run->pid, &how, WNOHANG) != run->pid)
		return;
	if (run->output >= 0)
		hear_run(run);
	say_end(run, how);
	if (run->output >= 0)
		close(run->output);
	close(run->end);
	run->pid = 0;
}

/* What the command reads: a file, so that nobody has to wait for it to do so. -1 with errno. */
static int text_file(const char *text, size_t length)
{
	int fd = memfd_create("smtpsnoop-alert", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	size_t done = 0;
	ssize_t wrote;

	if (fd < 0)
		return -1;
	while (done < length) {
		wrote = write(fd, text + done, length - done);
		if (wrote <= 0) {
			close(fd);
			return -1;
		}
		done += (size_t)wrote;
	}
	fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

/* 0 or -errno. */
static int start(struct run *run, const struct alert_command *command, const char *text,
		 size_t length)
{
	int input = text_file(text, length), output[2];
	pid_t child = -1;
	int error;

	if (input < 0 || pipe2(output, O_CLOEXEC)) {
		error = errno;
		if (input >= 0)
			close(input);
		return -error;
	}
	child = fork();
	if (child == 0)
		alert_exec(command, input, output[1]);
	error = errno;
	close(input);
	close(output[1]);
	*run = (struct run){.output = output[0], .command = *command};
	if (child > 0) {
		fcntl(run->output, F_SETFL, O_NONBLOCK);
		run->end = (int)syscall(SYS_pidfd_open, child, 0);
		error = errno;
		run->deadline = clock_ns(CLOCK_MONOTONIC) + command->timeout * NS_PER_SECOND;
	}
	if (child > 0 && run->end >= 0) {
		run->pid = child;
		return 0;
	}
	if (child > 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	close(run->output);
	return -error;
}

static void start_next(struct runner *runner, struct run *run)
{
	struct waiting *next = runner->first;
	int rc;

	if (!next)
		return;
	runner->first = next->next;
	if (!runner->first)
		runner->last = &runner->first;
	runner->waiting--;
	rc = start(run, &next->command, next->text, next->length);
	if (rc)
		msg_error("alert %s: its command cannot be started: %s", next->command.rule,
			  strerror(-rc));
	free(next);
}

static void fill(struct runner *runner)
{
	for (unsigned int i = 0; i < LIMIT_ALERT_RUNS; i++)
		while (!runner->runs[i].pid && runner->first)
			start_next(runner, &runner->runs[i]);
}

static void no_room(struct runner *runner, const struct alert_command *command)
{
	uint64_t held;

	if (msg_allowed(&runner->full, clock_ns(CLOCK_MONOTONIC) / NS_PER_SECOND, FULL_SECONDS,
			&held))
		msg_warn("alert %s: its command is not run, as %d wait already (%" PRIu64
			 " more since the last time that this was said)",
			 command->rule, LIMIT_ALERT_QUEUE, held);
}

static void take_request(struct runner *runner, const struct alert_request *request, size_t size)
{
	const struct alert_table *table = &runner->table;
	const struct alert_command *command;
	struct waiting *waiting;
	size_t length;

	if (size <= sizeof(*request) || size > REQUEST_MAX ||
	    request->generation != table->generation || request->rule >= table->count ||
	    !table->commands[request->rule].program[0]) {
		msg_warn("a command of an alert was asked for that there is none of: rules that "
			 "have just changed");
		return;
	}
	command = &table->commands[request->rule];
	length = size - sizeof(*request);
	waiting = runner->waiting < LIMIT_ALERT_QUEUE ? malloc(sizeof(*waiting) + length) : NULL;
	if (!waiting) {
		no_room(runner, command);
		return;
	}
	waiting->next = NULL;
	waiting->command = *command;
	waiting->length = length;
	memcpy(waiting->text, request + 1, length);
	*runner->last = waiting;
	runner->last = &waiting->next;
	runner->waiting++;
}

/* False: nobody asks any more. */
static bool read_requests(struct runner *runner)
{
	static char bytes[REQUEST_MAX + 1] __attribute__((aligned(8)));
	ssize_t got;

	while ((got = recv(runner->ask, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		take_request(runner, (const struct alert_request *)bytes, (size_t)got);
	return got < 0 && (errno == EAGAIN || errno == EINTR);
}

static void read_rules(struct runner *runner)
{
	static struct alert_table table;
	ssize_t got = recv(runner->rules, &table, sizeof(table), MSG_DONTWAIT);

	if (got == (ssize_t)sizeof(table))
		runner->table = table;
	else if (got >= 0 || (errno != EAGAIN && errno != EINTR)) {
		close(runner->rules);
		runner->rules = -1;
	}
}

/* Milliseconds, -1 = nothing is to be ended. */
static int until_deadline(const struct runner *runner, uint64_t now)
{
	uint64_t first = runner->until ? runner->until : UINT64_MAX;

	for (unsigned int i = 0; i < LIMIT_ALERT_RUNS; i++) {
		const struct run *run = &runner->runs[i];

		if (run->pid && !run->killed && run->deadline < first)
			first = run->deadline;
	}
	if (first == UINT64_MAX)
		return -1;
	return first <= now ? 0 : (int)((first - now) / NS_PER_MS + 1);
}

static void look_after(struct runner *runner)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	for (unsigned int i = 0; i < LIMIT_ALERT_RUNS; i++) {
		struct run *run = &runner->runs[i];

		if (run->pid && run->output >= 0)
			hear_run(run);
		if (run->pid && !run->killed && run->deadline <= now)
			end_run(run);
		if (run->pid)
			reap(run);
	}
}

/* False: nobody asks any more. */
static bool step(struct runner *runner)
{
	struct pollfd fds[2 + 2 * LIMIT_ALERT_RUNS] = {
		{.fd = runner->ask, .events = POLLIN},
		{.fd = runner->rules, .events = POLLIN},
	};
	bool asked = true;

	for (unsigned int i = 0; i < LIMIT_ALERT_RUNS; i++) {
		const struct run *run = &runner->runs[i];

		fds[2 + 2 * i] = (struct pollfd){.fd = run->pid ? run->end : -1, .events = POLLIN};
		fds[3 + 2 * i] =
			(struct pollfd){.fd = run->pid ? run->output : -1, .events = POLLIN};
	}
	poll(fds, sizeof(fds) / sizeof(fds[0]), until_deadline(runner, clock_ns(CLOCK_MONOTONIC)));
	if (fds[1].revents)
		read_rules(runner);
	if (fds[0].revents)
		asked = read_requests(runner);
	look_after(runner);
	fill(runner);
	return asked;
}

static bool any_runs(const struct runner *runner)
{
	for (unsigned int i = 0; i < LIMIT_ALERT_RUNS; i++)
		if (runner->runs[i].pid)
			return true;
	return false;
}

/* What has begun may end, within limits; what waits is not begun any more. */
static void finish(struct runner *runner)
{
	uint64_t last = clock_ns(CLOCK_MONOTONIC) + LIMIT_ALERT_END_MS * NS_PER_MS;

	if (runner->waiting)
		msg_warn("%u commands of alerts are not run: smtpsnoop ends", runner->waiting);
	while (runner->first) {
		struct waiting *next = runner->first->next;

		free(runner->first);
		runner->first = next;
	}
	for (unsigned int i = 0; i < LIMIT_ALERT_RUNS; i++)
		if (runner->runs[i].pid && runner->runs[i].deadline > last) {
			runner->runs[i].deadline = last;
			runner->runs[i].at_end = true;
		}
	close(runner->ask);
	runner->ask = -1;
	/* What waits for a file system that never answers can't even be killed. */
	runner->until = last + LAST_MS * NS_PER_MS;
	while (any_runs(runner) && clock_ns(CLOCK_MONOTONIC) < runner->until)
		step(runner);
}

void alert_run(int ask, int rules, const struct alert_table *table, bool root)
{
	char error[256];
	static const int theirs[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
	static struct runner runner;
	const int mine[] = {ask, rules};

	for (size_t i = 0; i < sizeof(theirs) / sizeof(theirs[0]); i++)
		signal(theirs[i], SIG_IGN);
	prctl(PR_SET_NAME, "smtpsnoop-alert");
	prctl(PR_SET_DUMPABLE, 0); /* nothing that runs as the same user shall get in here */
	rights_close_others(mine, 2);
	if (!root && rights_reduce_to_becoming(error, sizeof(error))) {
		msg_error("alerts run no commands: %s", error);
		return;
	}
	runner.ask = ask;
	runner.rules = rules;
	runner.table = *table;
	runner.last = &runner.first;
	while (step(&runner))
		;
	finish(&runner);
}
