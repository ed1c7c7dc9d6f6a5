/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sink.c - an SMTP server that keeps nothing: the outside world of the tests, the benches and the demo
 *
 * sink --listen ADDRESS:PORT [--listen ...] [options], see usage below
 *
 * One thread, epoll, no allocation for a connection but its session: good for some ten thousand connections a second.
 * Prints "ready ADDRESS:PORT ..." when it listens (port 0 = the kernel's choice), and one JSON object with its counts when
 * it ends: by SIGTERM or SIGINT, --duration or --max. Fatal: no address to listen on, no memory.
 */
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "net.h"
#include "sink_session.h"

#define LISTENERS_MAX 64
#define BACKLOG 65535 /* the kernel lowers it to net.core.somaxconn */
#define ACCEPTS_A_TURN 256 /* so that a flood of connections doesn't starve those that are open */
#define EVENTS_A_TURN 512
#define RECEIVE_MAX 65536
#define COUNT_FILE_EVERY (NET_SECOND / 10)

static const char usage[] =
	"usage: sink --listen ADDRESS:PORT [--listen ...] [options]\n"
	"  --greeting TEXT       default \"220 sink ESMTP\"; \\n makes lines, \\xNN any byte; \"\" "
	"= none\n"
	"  --reply VERB=TEXT     scripted answer, e.g. 'RCPT=554 5.7.1 ...'; DOT is the end of a "
	"body,\n"
	"                        LONG a line that is too long; \"drop\" hangs up, \"reset\" with "
	"RST;\n"
	"                        given again for a verb: in turn, the last one for ever\n"
	"  --starttls HOW        refuse | accept-then-garbage\n"
	"  --no-pipelining --chunking --auth   what EHLO offers (PIPELINING alone by default)\n"
	"  --delay-ms N          before every answer    --banner-delay-ms N   before the greeting\n"
	"  --byte-by-byte        a segment for every byte\n"
	"  --fastopen            accept data in the SYN, without a cookie\n"
	"  --max N               end after N connections    --duration SECONDS\n"
	"  --count-file FILE     the counts so far, ten times a second\n"
	"  --ready-fd N          write \"ready\" there instead of to standard output\n"
	"  --quiet               no \"ready\" line";

struct delay;

struct connection {
	int fd; /* first in both kinds of epoll data, < 0 for a listener */
	bool greeted;
	uint32_t events; /* asked of epoll */
	uint64_t due; /* output waits until then, 0 = now */
	struct connection *next, *previous; /* in a queue of delays */
	struct delay *queue;
	struct sink_text out;
	size_t written;
	struct sink_session session;
};

/* All that wait equally long: first in, first out. */
struct delay {
	uint64_t length;
	struct connection *first, *last;
};

static struct {
	struct sink_rules rules;
	struct net_address names[LISTENERS_MAX];
	unsigned int name_count;
	struct delay reply_delay, banner_delay;
	bool single, fastopen, quiet;
	int ready_fd;
	uint64_t max, duration;
	const char *count_file;
} options = {.ready_fd = STDOUT_FILENO};

struct listener {
	int marker; /* -1, where a connection has its socket */
	int fd;
};

static struct listener listeners[LISTENERS_MAX];
static struct sink_counts counts;
static uint64_t open_now, open_most;
static int poll_fd;

static void print_counts(FILE *file, double seconds)
{
	fprintf(file,
		"{\"connections\":%llu,\"messages\":%llu,\"recipients\":%llu,"
		"\"refused_recipients\":%llu,\"commands\":%llu,\"bytes\":%llu,"
		"\"body_bytes\":%llu,\"most_open\":%llu,\"seconds\":%.3f}\n",
		(unsigned long long)counts.connections, (unsigned long long)counts.messages,
		(unsigned long long)counts.recipients,
		(unsigned long long)counts.refused_recipients, (unsigned long long)counts.commands,
		(unsigned long long)counts.bytes, (unsigned long long)counts.body_bytes,
		(unsigned long long)open_most, seconds);
}

/* Replaced as a whole, so that a reader never sees half of it. */
static void write_count_file(double seconds)
{
	char name[4096];
	FILE *file;

	snprintf(name, sizeof(name), "%s.new", options.count_file);
	file = fopen(name, "w");
	if (!file)
		net_fail(name);
	print_counts(file, seconds);
	if (fclose(file) || rename(name, options.count_file))
		net_fail(options.count_file);
}

static void wait_for(struct connection *connection, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = connection};

	if (connection->events == events)
		return;
	epoll_ctl(poll_fd, EPOLL_CTL_MOD, connection->fd, &event);
	connection->events = events;
}

static void delay_remove(struct connection *connection)
{
	struct delay *queue = connection->queue;

	if (!queue)
		return;
	*(connection->previous ? &connection->previous->next : &queue->first) = connection->next;
	*(connection->next ? &connection->next->previous : &queue->last) = connection->previous;
	connection->queue = NULL;
}

static void delay_add(struct delay *queue, struct connection *connection)
{
	connection->due = net_now() + queue->length;
	connection->queue = queue;
	connection->next = NULL;
	connection->previous = queue->last;
	*(queue->last ? &queue->last->next : &queue->first) = connection;
	queue->last = connection;
	wait_for(connection, 0);
}

static void hang_up(struct connection *connection)
{
	struct linger reset = {.l_onoff = 1};

	delay_remove(connection);
	if (connection->session.reset)
		setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(connection->fd);
	free(connection->out.bytes);
	free(connection);
	open_now--;
}

/* Writes what there is; false = the connection is gone. */
static bool flush(struct connection *connection)
{
	struct sink_text *out = &connection->out;
	ssize_t n = net_write(connection->fd, out->bytes + connection->written,
			      out->length - connection->written, options.single);

	if (n < 0) {
		hang_up(connection);
		return false;
	}
	connection->written += (size_t)n;
	if (connection->written < out->length) {
		wait_for(connection, EPOLLOUT);
		return true;
	}
	out->length = connection->written = 0;
	if (connection->session.shut) {
		hang_up(connection);
		return false;
	}
	wait_for(connection, EPOLLIN);
	return true;
}

static void receive(struct connection *connection)
{
	static char bytes[RECEIVE_MAX];
	ssize_t n = recv(connection->fd, bytes, sizeof(bytes), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		hang_up(connection);
		return;
	}
	sink_session_feed(&connection->session, &options.rules, &counts, bytes, (size_t)n,
			  &connection->out);
	if (options.reply_delay.length && connection->out.length)
		delay_add(&options.reply_delay, connection);
	else if (connection->out.length || connection->session.shut)
		flush(connection);
}

static void greet(struct connection *connection)
{
	connection->greeted = true;
	sink_session_greet(&connection->session, &options.rules, &connection->out);
	flush(connection);
}

static void delay_over(struct delay *queue, uint64_t now)
{
	while (queue->first && queue->first->due <= now) {
		struct connection *connection = queue->first;

		delay_remove(connection);
		if (connection->greeted)
			flush(connection);
		else
			greet(connection);
	}
}

static void open_connection(int fd)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	struct epoll_event event = {.data.ptr = connection};
	int on = 1;

	if (!connection)
		net_fail("connection");
	connection->fd = fd;
	if (options.single)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	counts.connections++;
	if (++open_now > open_most)
		open_most = open_now;
	connection->events = options.banner_delay.length ? 0 : EPOLLIN;
	event.events = connection->events;
	if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event))
		net_fail("epoll_ctl");
	if (options.banner_delay.length)
		delay_add(&options.banner_delay, connection);
	else
		greet(connection);
}

static void accept_some(struct listener *listener)
{
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		int fd;

		if (options.max && counts.connections == options.max)
			return;
		fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			open_connection(fd);
		} else if (errno == EMFILE || errno == ENFILE) {
			usleep(1000); /* others will close; the backlog keeps those that wait */
			return;
		} else if (errno == EAGAIN) {
			return;
		}
	}
}

static void start_listening(struct listener *listener, struct net_address *address)
{
	int on = 1, queue = 4096;
	int fd = socket(address->name.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = listener};
	char text[NET_TEXT_MAX];

	*listener = (struct listener){.marker = -1, .fd = fd};
	if (fd < 0)
		net_fail("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (address->name.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (options.fastopen) {
		setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, &queue, sizeof(queue));
		setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, &on, sizeof(on));
	}
	if (bind(fd, (struct sockaddr *)&address->name, address->length) || listen(fd, BACKLOG))
		net_fail(net_text(address, text));
	getsockname(fd, (struct sockaddr *)&address->name, &address->length);
	if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event))
		net_fail("epoll_ctl");
}

static void say_ready(void)
{
	char text[NET_TEXT_MAX];

	if (options.quiet)
		return;
	dprintf(options.ready_fd, "ready");
	for (unsigned int i = 0; i < options.name_count; i++)
		dprintf(options.ready_fd, " %s", net_text(&options.names[i], text));
	dprintf(options.ready_fd, "\n");
	if (options.ready_fd > STDERR_FILENO)
		close(options.ready_fd);
}

static bool over(uint64_t started, uint64_t now)
{
	if (net_stopped || (options.duration && now - started >= options.duration))
		return true;
	return options.max && counts.connections == options.max && !open_now;
}

/* Milliseconds until something is due; a second at most, which bounds how late --duration is seen. */
static int patience(uint64_t now)
{
	uint64_t due =
		now + (options.count_file || options.duration ? COUNT_FILE_EVERY : NET_SECOND);
	const struct connection *reply = options.reply_delay.first,
				*banner = options.banner_delay.first;

	if (reply && reply->due < due)
		due = reply->due;
	if (banner && banner->due < due)
		due = banner->due;
	return due > now ? (int)((due - now + 999999) / 1000000) : 0;
}

static void serve(uint64_t started)
{
	struct epoll_event events[EVENTS_A_TURN];
	uint64_t now = started, shown = 0, shown_bytes = 0;

	while (!over(started, now)) {
		int n = epoll_wait(poll_fd, events, EVENTS_A_TURN, patience(now));

		for (int i = 0; i < n; i++) {
			struct connection *connection = events[i].data.ptr;

			if (connection->fd < 0)
				accept_some(events[i].data.ptr);
			else if (events[i].events & EPOLLIN)
				receive(connection);
			else if (events[i].events & (EPOLLERR | EPOLLHUP))
				hang_up(connection);
			else if (events[i].events & EPOLLOUT)
				flush(connection);
		}
		now = net_now();
		delay_over(&options.reply_delay, now);
		delay_over(&options.banner_delay, now);
		if (options.count_file && now - shown >= COUNT_FILE_EVERY &&
		    (!shown || shown_bytes != counts.bytes + counts.connections)) {
			write_count_file((double)(now - started) / 1e9);
			shown = now;
			shown_bytes = counts.bytes + counts.connections;
		}
	}
}

static const struct option long_options[] = {
	{"listen", required_argument, NULL, 'l'},
	{"greeting", required_argument, NULL, 'g'},
	{"reply", required_argument, NULL, 'r'},
	{"starttls", required_argument, NULL, 's'},
	{"no-pipelining", no_argument, NULL, 'P'},
	{"chunking", no_argument, NULL, 'C'},
	{"auth", no_argument, NULL, 'A'},
	{"delay-ms", required_argument, NULL, 'd'},
	{"banner-delay-ms", required_argument, NULL, 'b'},
	{"byte-by-byte", no_argument, NULL, 'B'},
	{"fastopen", no_argument, NULL, 'F'},
	{"max", required_argument, NULL, 'm'},
	{"duration", required_argument, NULL, 'D'},
	{"count-file", required_argument, NULL, 'c'},
	{"ready-fd", required_argument, NULL, 'f'},
	{"quiet", no_argument, NULL, 'q'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static enum sink_starttls parse_starttls(const char *text)
{
	if (!strcmp(text, "refuse"))
		return STARTTLS_REFUSE;
	if (!strcmp(text, "accept-then-garbage"))
		return STARTTLS_GARBAGE;
	net_usage("--starttls wants refuse or accept-then-garbage, not \"%s\"", text);
}

static uint64_t milliseconds(const char *option, const char *text)
{
	return net_number(option, text, 0, 3600000) * (NET_SECOND / 1000);
}

static void take_option(int letter, char *value)
{
	switch (letter) {
	case 'l':
		if (options.name_count == LISTENERS_MAX)
			net_usage("more than %d addresses", LISTENERS_MAX);
		options.names[options.name_count++] = net_parse(value);
		break;
	case 'g':
		net_unescape(value);
		options.rules.greeting = sink_render(value);
		break;
	case 'r':
		net_unescape(value);
		sink_script_add(&options.rules, value);
		break;
	case 's':
		options.rules.starttls = parse_starttls(value);
		break;
	case 'P':
		options.rules.no_pipelining = true;
		break;
	case 'C':
		options.rules.chunking = true;
		break;
	case 'A':
		options.rules.auth = true;
		break;
	case 'd':
		options.reply_delay.length = milliseconds("--delay-ms", value);
		break;
	case 'b':
		options.banner_delay.length = milliseconds("--banner-delay-ms", value);
		break;
	case 'B':
		options.single = true;
		break;
	case 'F':
		options.fastopen = true;
		break;
	case 'm':
		options.max = net_number("--max", value, 1, UINT32_MAX);
		break;
	case 'D':
		options.duration = net_number("--duration", value, 1, 86400) * NET_SECOND;
		break;
	case 'c':
		options.count_file = value;
		break;
	case 'f':
		options.ready_fd = (int)net_number("--ready-fd", value, 1, 65535);
		break;
	case 'q':
		options.quiet = true;
		break;
	case 'h':
		puts(usage);
		exit(0);
	default:
		exit(2); /* getopt said why */
	}
}

int main(int argc, char **argv)
{
	int letter;
	uint64_t started;

	while ((letter = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		take_option(letter, optarg);
	if (optind < argc || !options.name_count)
		net_usage("nothing to listen on, or too much said; --help says how");
	if (!options.rules.greeting)
		options.rules.greeting = sink_render("220 sink ESMTP");

	net_stop_on_signals();
	net_many_files();
	poll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (poll_fd < 0)
		net_fail("epoll_create1");
	for (unsigned int i = 0; i < options.name_count; i++)
		start_listening(&listeners[i], &options.names[i]);
	say_ready();

	started = net_now();
	serve(started);
	if (options.count_file)
		write_count_file((double)(net_now() - started) / 1e9);
	print_counts(stdout, (double)(net_now() - started) / 1e9);
	return fflush(stdout) ? 1 : 0;
}
