/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * load.c - fixed loops over TCP on loopback, timed: what the bench compares without and with a tracer
 *
 * load NAME --port PORT [options], see usage below
 *
 * One thread plays both ends, so that nothing waits for a scheduler and everything the kernel does for an operation, the other end's
 * softirq included, is in its time. Time is taken over chunks of operations; the median chunk is told, and the quarter below and
 * above it, so that what else the machine does in between costs no accuracy. Prints one JSON object:
 *	{"load":"send","ns":2345.6,"low":2301.0,"high":2400.2,"operations":120000}
 * Fatal: anything the kernel refuses.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net.h"

/* A chunk takes a tenth of a millisecond or a few, so that most of them are spared when somebody else gets the CPU. */
#define CHUNK_OPERATIONS 32
#define CHUNK_LARGE 4 /* connections, sessions, 64 KiB sends */
#define CHUNKS_LEAST 31 /* whatever the time: one long interruption must not be the median */
#define CHUNKS_MAX 65536
#define LARGE 65536
#define HELD_MAX 60000
#define NOTHING "nothing" /* a load that spawn executes */
#define FILES_ELSE 16 /* beside those of connections */

static const char usage[] =
	"usage: load NAME --port PORT [--milliseconds T] [--cpu N] [--hold N]\n"
	"  send       a send of 1 byte, delivered     receive    a receive of 1 byte\n"
	"  turn       1 byte there and 1 byte back    large      64 KiB sent and received\n"
	"  call       connect() alone                 connect    connect, accept, both closed\n"
	"  session    a whole SMTP session, 1 message\n"
	"  spawn      a process that executes a program and ends\n"
	"  hold       keeps N connections open and says \"ready\", until standard input ends\n"
	"send, receive, turn and large begin their connection with the words of HTTP.";

struct ends {
	int client, server;
};

static struct sockaddr_in address = {.sin_family = AF_INET};
static char large[LARGE];
static double chunks[CHUNKS_MAX];

static int listen_at(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 1024))
		net_fail("listen");
	return fd;
}

/* Ends with RST however it ends: no TIME_WAIT, so that ports do not run out. */
static int client_socket(void)
{
	struct linger reset = {.l_onoff = 1};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)))
		net_fail("socket");
	return fd;
}

/* *took, unless NULL: the ns of connect() alone. */
static struct ends connect_ends(int listener, uint64_t *took)
{
	struct ends ends = {.client = client_socket()};
	uint64_t began = net_now();

	if (connect(ends.client, (struct sockaddr *)&address, sizeof(address)))
		net_fail("connect");
	if (took)
		*took = net_now() - began;
	ends.server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (ends.server < 0)
		net_fail("accept");
	return ends;
}

static void close_ends(struct ends ends)
{
	close(ends.client);
	close(ends.server);
}

static void put(int fd, const char *bytes, size_t length)
{
	if (send(fd, bytes, length, 0) != (ssize_t)length)
		net_fail("send");
}

static void take(int fd, size_t length)
{
	while (length) {
		ssize_t n = recv(fd, large, length < LARGE ? length : LARGE, 0);

		if (n <= 0)
			net_fail("receive");
		length -= (size_t)n;
	}
}

static void say(int from, int to, const char *line)
{
	put(from, line, strlen(line));
	take(to, strlen(line));
}

static struct ends web_ends(int listener)
{
	struct ends ends = connect_ends(listener, NULL);
	int yes = 1;

	setsockopt(ends.client, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	setsockopt(ends.server, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	say(ends.client, ends.server, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
	say(ends.server, ends.client, "HTTP/1.1 200 OK\r\n\r\n");
	return ends;
}

/* Each load does one chunk and returns the ns that its timed part took; *operations is how many that were. */
typedef uint64_t load_fn(int listener, struct ends *ends, unsigned int *operations);

/*
 * One byte and what becomes of it until it lies in the other end's queue. Each is taken out before the next one: the sender would
 * wait for ACKs otherwise, and send many bytes as one segment.
 */
static uint64_t load_byte(struct ends *ends, bool receive, unsigned int *operations)
{
	uint64_t before, between, took = 0;

	for (int i = 0; i < CHUNK_OPERATIONS; i++) {
		before = net_now();
		put(ends->client, "x", 1);
		between = net_now();
		take(ends->server, 1);
		took += receive ? net_now() - between : between - before;
	}
	*operations = CHUNK_OPERATIONS;
	return took;
}

static uint64_t load_send(int listener, struct ends *ends, unsigned int *operations)
{
	(void)listener;
	return load_byte(ends, false, operations);
}

static uint64_t load_receive(int listener, struct ends *ends, unsigned int *operations)
{
	(void)listener;
	return load_byte(ends, true, operations);
}

static uint64_t load_turn(int listener, struct ends *ends, unsigned int *operations)
{
	uint64_t began = net_now();

	(void)listener;
	for (int i = 0; i < CHUNK_OPERATIONS; i++) {
		put(ends->client, "x", 1);
		take(ends->server, 1);
		put(ends->server, "y", 1);
		take(ends->client, 1);
	}
	*operations = CHUNK_OPERATIONS;
	return net_now() - began;
}

static uint64_t load_large(int listener, struct ends *ends, unsigned int *operations)
{
	uint64_t began = net_now();

	(void)listener;
	for (int i = 0; i < CHUNK_LARGE; i++) {
		put(ends->client, large, LARGE);
		take(ends->server, LARGE);
	}
	*operations = CHUNK_LARGE;
	return net_now() - began;
}

static uint64_t load_call(int listener, struct ends *ends, unsigned int *operations)
{
	uint64_t one, took = 0;

	(void)ends;
	for (int i = 0; i < CHUNK_LARGE; i++) {
		close_ends(connect_ends(listener, &one));
		took += one;
	}
	*operations = CHUNK_LARGE;
	return took;
}

static uint64_t load_connect(int listener, struct ends *ends, unsigned int *operations)
{
	uint64_t began = net_now();

	(void)ends;
	for (int i = 0; i < CHUNK_LARGE; i++)
		close_ends(connect_ends(listener, NULL));
	*operations = CHUNK_LARGE;
	return net_now() - began;
}

static uint64_t load_session(int listener, struct ends *ends, unsigned int *operations)
{
	static const char *const dialogue[] = {
		"220 mx.example.net ESMTP\r\n",
		"EHLO bot.example.net\r\n",
		"250-mx.example.net\r\n250 PIPELINING\r\n",
		"MAIL FROM:<offer@example.net>\r\n",
		"250 2.1.0 Ok\r\n",
		"RCPT TO:<victim@example.com>\r\n",
		"250 2.1.5 Ok\r\n",
		"DATA\r\n",
		"354 End data with <CR><LF>.<CR><LF>\r\n",
		"Subject: offer\r\n\r\nBuy now, and buy a lot.\r\n.\r\n",
		"250 2.0.0 Ok: queued as 4VxQ9k\r\n",
		"QUIT\r\n",
		"221 2.0.0 Bye\r\n",
	};
	uint64_t began = net_now();

	(void)ends;
	for (int i = 0; i < CHUNK_LARGE; i++) {
		struct ends both = connect_ends(listener, NULL);

		for (size_t line = 0; line < sizeof(dialogue) / sizeof(dialogue[0]); line++)
			say(line % 2 ? both.client : both.server,
			    line % 2 ? both.server : both.client, dialogue[line]);
		close_ends(both);
	}
	*operations = CHUNK_LARGE;
	return net_now() - began;
}

/* The program is this one, which ends at once. */
static uint64_t load_spawn(int listener, struct ends *ends, unsigned int *operations)
{
	static char name[] = "load", nothing[] = NOTHING;
	static char *const arguments[] = {name, nothing, NULL};
	uint64_t began = net_now();

	(void)listener;
	(void)ends;
	for (int i = 0; i < CHUNK_LARGE; i++) {
		pid_t child;

		if (posix_spawn(&child, "/proc/self/exe", NULL, NULL, arguments, environ))
			net_fail("posix_spawn");
		if (waitpid(child, NULL, 0) < 0)
			net_fail("waitpid");
	}
	*operations = CHUNK_LARGE;
	return net_now() - began;
}

static const struct load {
	const char *name;
	load_fn *chunk;
	bool web; /* over one connection that is not SMTP */
} loads[] = {
	{"send", load_send, true},	  {"receive", load_receive, true},
	{"turn", load_turn, true},	  {"large", load_large, true},
	{"call", load_call, false},	  {"connect", load_connect, false},
	{"session", load_session, false}, {"spawn", load_spawn, false},
};

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void run(const struct load *load, uint64_t milliseconds)
{
	int listener = listen_at();
	struct ends ends = {-1, -1};
	uint64_t end, operations = 0;
	unsigned int each;
	size_t count = 0;

	if (load->web)
		ends = web_ends(listener);
	load->chunk(listener, &ends, &each); /* warm */
	end = net_now() + milliseconds * (NET_SECOND / 1000);
	while ((net_now() < end || count < CHUNKS_LEAST) && count < CHUNKS_MAX) {
		chunks[count] = (double)load->chunk(listener, &ends, &each) / each;
		operations += each;
		count++;
	}
	qsort(chunks, count, sizeof(chunks[0]), compare);
	printf("{\"load\":\"%s\",\"ns\":%.1f,\"low\":%.1f,\"high\":%.1f,\"operations\":%llu}\n",
	       load->name, chunks[count / 2], chunks[count / 4], chunks[count * 3 / 4],
	       (unsigned long long)operations);
}

/* Holds them until standard input ends; says so to `ready` with one byte. */
static void keep(int listener, uint64_t number, int ready)
{
	char byte;

	for (uint64_t i = 0; i < number; i++)
		connect_ends(listener, NULL);
	if (write(ready, "\n", 1) != 1)
		net_fail("ready");
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
}

/* As many processes as the limit of open files wants; one after another, so that each accepts its own connections. */
static void hold(uint64_t number)
{
	int listener = listen_at(), ready[2];
	struct rlimit limit;
	char byte;

	net_many_files();
	if (getrlimit(RLIMIT_NOFILE, &limit) || pipe(ready))
		net_fail("hold");
	while (number) {
		uint64_t most = (limit.rlim_cur - FILES_ELSE) / 2;
		uint64_t part = number < most ? number : most;
		pid_t child = fork();

		if (child < 0)
			net_fail("fork");
		if (!child) {
			close(ready[0]);
			keep(listener, part, ready[1]);
			exit(0);
		}
		number -= part;
		if (!number)
			close(ready[1]); /* a child that fails ends our wait */
		if (read(ready[0], &byte, 1) != 1)
			exit(1);
	}
	puts("ready");
	fflush(stdout);
	while (wait(NULL) > 0)
		;
}

static void pin(uint64_t cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		net_fail("--cpu");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"port", required_argument, NULL, 'p'},
		{"milliseconds", required_argument, NULL, 't'},
		{"cpu", required_argument, NULL, 'c'},
		{"hold", required_argument, NULL, 'n'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	uint64_t milliseconds = 500, held = 10000;
	int letter;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (letter == 'p')
			address.sin_port = htons((uint16_t)net_number("--port", optarg, 1, 65535));
		else if (letter == 't')
			milliseconds = net_number("--milliseconds", optarg, 1, 3600000);
		else if (letter == 'c')
			pin(net_number("--cpu", optarg, 0, CPU_SETSIZE - 1));
		else if (letter == 'n')
			held = net_number("--hold", optarg, 1, HELD_MAX);
		else
			net_usage("%s", usage);
	}
	if (argc == 2 && !strcmp(argv[1], NOTHING))
		return 0;
	if (optind + 1 != argc || !address.sin_port)
		net_usage("%s", usage);
	if (!strcmp(argv[optind], "hold")) {
		hold(held);
		return 0;
	}
	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
		if (strcmp(argv[optind], loads[i].name))
			continue;
		run(&loads[i], milliseconds);
		return 0;
	}
	net_usage("%s", usage);
}
