/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * net.c - what the load tools share
 *
 * Option errors end the program with status 2 and one sentence; everything else is returned.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "net.h"

volatile int net_stopped;

void net_usage(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(2);
}

void net_fail(const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
	exit(1);
}

uint64_t net_number(const char *option, const char *text, uint64_t low, uint64_t high)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || value < low || value > high)
		net_usage("%s wants a number from %llu to %llu, not \"%s\"", option,
			  (unsigned long long)low, (unsigned long long)high, text);
	return value;
}

struct net_address net_parse(const char *text)
{
	struct net_address address = {0};
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&address.name;
	struct sockaddr_in *four = (struct sockaddr_in *)&address.name;
	const char *colon = strrchr(text, ':');
	const char *port = colon ? colon + 1 : text;
	char host[INET6_ADDRSTRLEN + 2] = "0.0.0.0";
	size_t length = colon ? (size_t)(colon - text) : 0;
	in_port_t number = htons((uint16_t)net_number("port", port, 0, 65535));

	if (length >= sizeof(host))
		net_usage("\"%s\" is no address", text);
	if (colon) {
		memcpy(host, text, length);
		host[length] = '\0';
	}
	if (host[0] == '[' && host[length - 1] == ']') {
		host[length - 1] = '\0';
		six->sin6_family = AF_INET6;
		six->sin6_port = number;
		address.length = sizeof(*six);
		if (inet_pton(AF_INET6, host + 1, &six->sin6_addr) == 1)
			return address;
	} else {
		four->sin_family = AF_INET;
		four->sin_port = number;
		address.length = sizeof(*four);
		if (inet_pton(AF_INET, host, &four->sin_addr) == 1)
			return address;
	}
	net_usage("\"%s\" is not ADDRESS:PORT or [IPV6]:PORT", text);
}

const char *net_text(const struct net_address *address, char text[NET_TEXT_MAX])
{
	char host[INET6_ADDRSTRLEN];

	if (address->name.ss_family == AF_INET6) {
		const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&address->name;

		inet_ntop(AF_INET6, &six->sin6_addr, host, sizeof(host));
		snprintf(text, NET_TEXT_MAX, "[%s]:%u", host, ntohs(six->sin6_port));
	} else {
		const struct sockaddr_in *four = (const struct sockaddr_in *)&address->name;

		inet_ntop(AF_INET, &four->sin_addr, host, sizeof(host));
		snprintf(text, NET_TEXT_MAX, "%s:%u", host, ntohs(four->sin_port));
	}
	return text;
}

size_t net_unescape(char *text)
{
	char *in = text, *out = text;

	while (*in) {
		if (*in != '\\') {
			*out++ = *in++;
			continue;
		}
		switch (in[1]) {
		case 'n':
			*out++ = '\n';
			break;
		case 'r':
			*out++ = '\r';
			break;
		case 't':
			*out++ = '\t';
			break;
		case '\\':
			*out++ = '\\';
			break;
		case 'x': {
			unsigned int byte;

			if (sscanf(in + 2, "%2x", &byte) != 1 || !in[3] || !byte)
				net_usage("\\x wants two hexadecimal digits, not 00: \"%s\"", in);
			*out++ = (char)byte;
			in += 2;
			break;
		}
		default:
			net_usage("unknown escape \"%s\"; known are \\n \\r \\t \\\\ \\xNN", in);
		}
		in += 2;
	}
	*out = '\0';
	return (size_t)(out - text);
}

uint64_t net_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NET_SECOND + (uint64_t)now.tv_nsec;
}

void net_many_files(void)
{
	struct rlimit limit;

	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void on_signal(int number)
{
	(void)number;
	net_stopped = 1;
}

void net_stop_on_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

ssize_t net_write(int fd, const char *bytes, size_t length, int single)
{
	size_t done = 0;

	while (done < length) {
		ssize_t n = send(fd, bytes + done, single ? 1 : length - done, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return (ssize_t)done;
}
