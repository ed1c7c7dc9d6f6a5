/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * source.c - a bot that speaks SMTP: the load of the benches, the culprit of the tests and the demo
 *
 * source --to ADDRESS:PORT [--to ...] [options], see source_options.c
 *
 * Non-blocking, edge-triggered epoll, as many independent threads as --threads says: good for some twenty thousand short
 * sessions a second. Ends when --connections are over, after --duration, or by SIGTERM or SIGINT, and prints one JSON
 * object; its counts are exact, because the tests compare the tracer's with them. Fatal: no memory, no threads.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "net.h"
#include "source_options.h"

#define OPENED_A_TURN 64 /* so that a burst of openings doesn't starve what is open */
#define EVENTS_A_TURN 512
#define BUFFER 65536 /* holds a pipelined group of 1,000 RCPT */
#define LOOK_EVERY (NET_SECOND / 4) /* for timeouts */

static struct source_options options;

enum bot_state { BOT_FREE, BOT_CONNECTING, BOT_TALKING, BOT_HOLDING };

struct bot {
	int fd;
	enum bot_state state;
	bool held; /* --hold-seconds is over */
	uint64_t since; /* last progress */
	struct bot *next; /* free list, or queue of those that hold */
	char *pending; /* what found no room in the socket; owned, but for the body */
	size_t pending_length, pending_done;
	struct source_session session;
};

struct worker {
	pthread_t thread;
	int poll_fd;
	uint64_t quota, opened; /* attempts that are ours, and those begun */
	uint64_t number; /* of the next connection: chooses addresses */
	uint64_t interval, next_due;
	size_t live;
	struct bot *bots, *free;
	size_t bot_count;
	struct bot *hold_first, *hold_last;
	struct source_counts counts;
	char buffer[BUFFER];
};

static uint64_t started;

static void drop_pending(struct bot *bot)
{
	if (bot->pending != options.plan.body)
		free(bot->pending);
	bot->pending = NULL;
}

static void hang_up(struct worker *worker, struct bot *bot)
{
	struct linger reset = {.l_onoff = 1};

	if (options.reset)
		setsockopt(bot->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(bot->fd);
	drop_pending(bot);
	bot->state = BOT_FREE;
	bot->next = worker->free;
	worker->free = bot;
	worker->live--;
}

static void fail(struct worker *worker, struct bot *bot, int error)
{
	struct source_counts *counts = &worker->counts;

	counts->failed++;
	if (error == ECONNREFUSED)
		counts->refused++;
	else if (error == ETIMEDOUT)
		counts->timeout++;
	else if (error == ENETUNREACH || error == EHOSTUNREACH)
		counts->unreachable++;
	else
		counts->other++;
	hang_up(worker, bot);
}

/* The other side hung up, or fell silent. */
static void broke(struct worker *worker, struct bot *bot)
{
	const struct source_session *session = &bot->session;

	/* After a bad greeting, or when all was said, that is how such a dialogue ends. */
	if (session->greeted_badly || source_session_over(session, &options.plan))
		worker->counts.finished++;
	else
		worker->counts.broken++;
	hang_up(worker, bot);
}

/* Writes from pending; -1 = the connection is gone, 0 = the socket is full, 1 = all is written. */
static int write_pending(struct worker *worker, struct bot *bot)
{
	ssize_t n;

	if (!bot->pending)
		return 1;
	n = net_write(bot->fd, bot->pending + bot->pending_done,
		      bot->pending_length - bot->pending_done, options.single);
	if (n < 0) {
		broke(worker, bot);
		return -1;
	}
	worker->counts.bytes_out += (uint64_t)n;
	bot->pending_done += (size_t)n;
	if (bot->pending_done < bot->pending_length)
		return 0;
	drop_pending(bot);
	return 1;
}

/* Commands go out at once; only what finds no room is kept. Returns as write_pending(). */
static int say(struct worker *worker, struct bot *bot, size_t length)
{
	ssize_t n = net_write(bot->fd, worker->buffer, length, options.single);

	if (n < 0) {
		broke(worker, bot);
		return -1;
	}
	worker->counts.bytes_out += (uint64_t)n;
	if ((size_t)n == length)
		return 1;
	bot->pending_length = length - (size_t)n;
	bot->pending_done = 0;
	bot->pending = malloc(bot->pending_length);
	if (!bot->pending)
		net_fail("commands");
	memcpy(bot->pending, worker->buffer + n, bot->pending_length);
	return 0;
}

static void hold(struct worker *worker, struct bot *bot)
{
	bot->state = BOT_HOLDING;
	bot->since = net_now();
	bot->next = NULL;
	*(worker->hold_first ? &worker->hold_last->next : &worker->hold_first) = bot;
	worker->hold_last = bot;
}

/* Says what may be said now. */
static void talk(struct worker *worker, struct bot *bot)
{
	while (write_pending(worker, bot) == 1) {
		size_t used;

		if (options.hold && !bot->held &&
		    source_session_over(&bot->session, &options.plan)) {
			hold(worker, bot);
			return;
		}
		switch (source_session_next(&bot->session, &options.plan, worker->buffer, BUFFER,
					    &used)) {
		case SOURCE_WAIT:
			return;
		case SOURCE_OVER:
			worker->counts.finished++;
			hang_up(worker, bot);
			return;
		case SOURCE_BODY:
			bot->pending = options.plan.body;
			bot->pending_length = options.plan.body_length;
			bot->pending_done = 0;
			break;
		case SOURCE_SAY:
			if (say(worker, bot, used) != 1)
				return;
			break;
		}
	}
}

/* `closing`: the other side has hung up, so read up to that. */
static void hear(struct worker *worker, struct bot *bot, bool closing)
{
	ssize_t n;

	do {
		n = recv(bot->fd, worker->buffer, BUFFER, 0);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n <= 0) {
			broke(worker, bot);
			return;
		}
		bot->since = net_now();
		worker->counts.bytes_in += (uint64_t)n;
		source_session_feed(&bot->session, &options.plan, &worker->counts, worker->buffer,
				    (size_t)n);
	} while (n == BUFFER || closing);
	talk(worker, bot);
}

static void on_event(struct worker *worker, struct bot *bot, uint32_t events)
{
	if (bot->state == BOT_CONNECTING) {
		int error = 0;
		socklen_t length = sizeof(error);

		if (!(events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
			return;
		getsockopt(bot->fd, SOL_SOCKET, SO_ERROR, &error, &length);
		if (error) {
			fail(worker, bot, error);
			return;
		}
		worker->counts.established++;
		bot->state = BOT_TALKING;
		bot->since = net_now();
		if (!(events & EPOLLIN)) {
			talk(worker, bot);
			return;
		}
	}
	if (bot->state == BOT_HOLDING)
		return; /* a server that hangs up meanwhile is noticed at QUIT */
	if (!bot->session.said) {
		talk(worker,
		     bot); /* an early talker comes first even if the greeting is here already */
		if (bot->state != BOT_TALKING)
			return;
	}
	if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
		hear(worker, bot, events & EPOLLRDHUP);
	else
		talk(worker, bot);
}

static int make_socket(const struct net_address *to, const struct net_address *from)
{
	int fd = socket(to->name.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		return -1;
	if (options.single || options.plan.early)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (options.reuse)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (from) {
		setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
		if (bind(fd, (const struct sockaddr *)&from->name, from->length)) {
			close(fd);
			return -1;
		}
	}
	return fd;
}

/* Begins one connection. False = not now: no free port or descriptor, which is no attempt. */
static bool open_bot(struct worker *worker, uint64_t now)
{
	const struct net_address *to = &options.to[worker->number % options.to_count];
	const struct net_address *from =
		options.bind_count ? &options.bind[worker->number % options.bind_count] : NULL;
	struct bot *bot = worker->free;
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
				    .data.ptr = bot};
	int fd = make_socket(to, from), error = 0;

	if (fd < 0) {
		if (errno != EADDRINUSE && errno != EADDRNOTAVAIL && errno != EMFILE)
			net_fail("socket");
		worker->counts.no_port++;
		return false;
	}
	if (connect(fd, (const struct sockaddr *)&to->name, to->length) && errno != EINPROGRESS)
		error = errno;
	if (error == EADDRNOTAVAIL || error == EADDRINUSE) {
		worker->counts.no_port++;
		close(fd);
		return false;
	}
	worker->free = bot->next;
	*bot = (struct bot){.fd = fd, .state = BOT_CONNECTING, .since = now};
	worker->live++;
	worker->number += options.threads;
	worker->opened++;
	worker->counts.attempts++;
	if (error)
		fail(worker, bot, error);
	else if (epoll_ctl(worker->poll_fd, EPOLL_CTL_ADD, fd, &event))
		net_fail("epoll_ctl");
	return true;
}

static bool may_open(const struct worker *worker, uint64_t now)
{
	return worker->free && worker->opened < worker->quota &&
	       (!worker->interval || worker->next_due <= now);
}

static int open_some(struct worker *worker, uint64_t now)
{
	for (int i = 0; i < OPENED_A_TURN && may_open(worker, now); i++) {
		if (!open_bot(worker, now))
			return 1; /* ask again in a millisecond */
		worker->next_due += worker->interval;
	}
	if (may_open(worker, now))
		return 0;
	if (worker->interval && worker->free && worker->opened < worker->quota)
		return (int)((worker->next_due - now) / 1000000) + 1;
	return (int)(LOOK_EVERY / 1000000);
}

static void hold_over(struct worker *worker, uint64_t now)
{
	while (worker->hold_first && worker->hold_first->since + options.hold <= now) {
		struct bot *bot = worker->hold_first;

		worker->hold_first = bot->next;
		bot->held = true;
		bot->state = BOT_TALKING;
		hear(worker, bot, false);
	}
}

static void look_for_timeouts(struct worker *worker, uint64_t now)
{
	for (size_t i = 0; i < worker->bot_count; i++) {
		struct bot *bot = &worker->bots[i];

		if (bot->state == BOT_FREE || bot->state == BOT_HOLDING ||
		    bot->since + options.timeout > now)
			continue;
		if (bot->state == BOT_CONNECTING)
			fail(worker, bot, ETIMEDOUT);
		else
			broke(worker, bot);
	}
}

static void stop_all(struct worker *worker)
{
	for (size_t i = 0; i < worker->bot_count; i++) {
		struct bot *bot = &worker->bots[i];

		if (bot->state == BOT_CONNECTING)
			fail(worker, bot, EINTR);
		else if (bot->state != BOT_FREE)
			broke(worker, bot);
	}
}

static void *work(void *context)
{
	struct worker *worker = context;
	struct epoll_event events[EVENTS_A_TURN];
	uint64_t now = net_now(), looked = now;

	worker->next_due = now;
	while (!net_stopped && (worker->live || worker->opened < worker->quota)) {
		int wait, n;

		now = net_now();
		if (options.duration && now - started >= options.duration)
			break;
		wait = open_some(worker, now);
		n = epoll_wait(worker->poll_fd, events, EVENTS_A_TURN, wait);
		for (int i = 0; i < n; i++)
			on_event(worker, events[i].data.ptr, events[i].events);
		now = net_now();
		hold_over(worker, now);
		if (now - looked >= LOOK_EVERY) {
			look_for_timeouts(worker, now);
			looked = now;
		}
	}
	stop_all(worker);
	return NULL;
}

/* Its part of a whole that `threads` share. */
static uint64_t share(uint64_t whole, uint64_t number)
{
	return whole / options.threads + (number < whole % options.threads);
}

static struct worker *start_worker(uint64_t number)
{
	struct worker *worker = calloc(1, sizeof(*worker));

	if (!worker)
		net_fail("worker");
	worker->quota = options.connections ? share(options.connections, number) : UINT64_MAX;
	worker->number = number;
	worker->interval = options.rate ? NET_SECOND * options.threads / options.rate : 0;
	worker->bot_count = share(options.concurrency, number);
	worker->bots = calloc(worker->bot_count, sizeof(*worker->bots));
	worker->poll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (!worker->bots || worker->poll_fd < 0)
		net_fail("worker");
	for (size_t i = 0; i < worker->bot_count; i++) {
		worker->bots[i].next = worker->free;
		worker->free = &worker->bots[i];
	}
	if (pthread_create(&worker->thread, NULL, work, worker))
		net_fail("thread");
	return worker;
}

static void print_counts(const struct source_counts *counts, double seconds)
{
	static const struct {
		const char *name;
		size_t offset;
	} members[] = {
#define MEMBER(name) {#name, offsetof(struct source_counts, name)}
		MEMBER(attempts),   MEMBER(established),
		MEMBER(failed),	    MEMBER(finished),
		MEMBER(broken),	    MEMBER(refused),
		MEMBER(timeout),    MEMBER(unreachable),
		MEMBER(other),	    MEMBER(no_port),
		MEMBER(accepted),   MEMBER(messages_refused),
		MEMBER(recipients), MEMBER(recipients_refused),
		MEMBER(bytes_out),  MEMBER(bytes_in),
#undef MEMBER
	};

	putchar('{');
	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
		printf("\"%s\":%llu,", members[i].name,
		       (unsigned long long)*(const uint64_t *)((const char *)counts +
							       members[i].offset));
	printf("\"seconds\":%.3f,\"rate\":%.0f}\n", seconds, (double)counts->finished / seconds);
}

int main(int argc, char **argv)
{
	struct worker *workers[SOURCE_THREADS];
	struct source_counts sum = {0};
	uint64_t *total = (uint64_t *)&sum;

	source_options_read(&options, argc, argv);
	options.plan.body = source_body(options.body_bytes, options.marker, options.plan.from,
					&options.plan.body_length);
	if (!options.plan.body)
		net_fail("body");

	net_stop_on_signals();
	net_many_files();
	started = net_now();
	for (uint64_t i = 0; i < options.threads; i++)
		workers[i] = start_worker(i);
	for (uint64_t i = 0; i < options.threads; i++) {
		const uint64_t *part = (const uint64_t *)&workers[i]->counts;

		pthread_join(workers[i]->thread, NULL);
		for (size_t j = 0; j < sizeof(sum) / sizeof(*total); j++)
			total[j] += part[j];
		close(workers[i]->poll_fd);
		free(workers[i]->bots);
		free(workers[i]);
	}
	free(options.plan.body);
	print_counts(&sum, (double)(net_now() - started) / 1e9);
	return fflush(stdout) ? 1 : 0;
}
