/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * net.h - what the load tools share: addresses, checked numbers, escapes in options, the clock
 *
 * The tools measure the program from outside: they use nothing of user/, so that a mistake there can't hide itself.
 */
#ifndef SMTPSNOOP_TOOLS_NET_H
#define SMTPSNOOP_TOOLS_NET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct net_address {
	struct sockaddr_storage name;
	socklen_t length;
};

/* One sentence on standard error, then exit status 2 (wrong usage) or 1 (errno's text is added). */
_Noreturn void net_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void net_fail(const char *what);

/* "127.0.0.1:25", "[::1]:25"; a port alone is an IPv4 wildcard. Ends the program on anything else. */
struct net_address net_parse(const char *text);

/* The same form again, for messages; the returned buffer is the caller's. */
#define NET_TEXT_MAX 64
const char *net_text(const struct net_address *address, char text[NET_TEXT_MAX]);

/* A whole number in low..high; ends the program, naming the option, if it is none. */
uint64_t net_number(const char *option, const char *text, uint64_t low, uint64_t high);

/*
 * Replaces \n \r \t \\ and \xNN in place, so that options can carry any byte but NUL. Returns the length. Ends the program
 * on an unknown escape.
 */
size_t net_unescape(char *text);

uint64_t net_now(void); /* CLOCK_MONOTONIC, ns */
#define NET_SECOND 1000000000ULL

void net_many_files(void); /* soft limit of open files up to the hard one */

/* SIGINT and SIGTERM set net_stopped and interrupt a wait; SIGPIPE is ignored. */
extern volatile int net_stopped;
void net_stop_on_signals(void);

/*
 * Writes to a non-blocking socket, one byte a segment if `single`. Returns the bytes written, which may be fewer than
 * asked for when the socket is full, or -errno.
 */
ssize_t net_write(int fd, const char *bytes, size_t length, int single);

#endif
