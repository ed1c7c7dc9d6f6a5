/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tunnel.c - reads the request that the gate passed: a CONNECT line, or a SOCKS message
 *
 * Pure. A request that was cut or is none yields nothing; nothing is fatal.
 */
#include "store/tunnel.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define CONNECT "CONNECT" /* and a blank */
#define SOCKS5_IPV4 1
#define SOCKS5_NAME 3
#define SOCKS5_IPV6 4

/* Between the words of a request line there may be several, of either kind (RFC 9112 3). */
static bool blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static size_t from_connect(char *out, size_t size, const uint8_t *request, size_t length)
{
	const uint8_t *at = request + strlen(CONNECT), *end;

	length -= strlen(CONNECT);
	while (length && blank(*at)) {
		at++;
		length--;
	}
	for (end = at; end < at + length && !blank(*end) && *end != '\r' && *end != '\n';)
		end++;
	length = end - at;
	if (length > size)
		length = size;
	memcpy(out, at, length);
	return length;
}

static size_t from_address(char *out, size_t size, int family, const uint8_t *address,
			   const uint8_t *port)
{
	char text[INET6_ADDRSTRLEN];
	int length;

	inet_ntop(family, address, text, sizeof(text));
	length = snprintf(out, size, family == AF_INET6 ? "[%s]:%u" : "%s:%u", text,
			  port[0] << 8 | port[1]);
	return length > 0 && (size_t)length < size ? (size_t)length : 0;
}

static size_t from_socks5(char *out, size_t size, const uint8_t *request, size_t length)
{
	char port[8];
	size_t name;

	if (request[3] == SOCKS5_IPV4 && length >= 10)
		return from_address(out, size, AF_INET, request + 4, request + 8);
	if (request[3] == SOCKS5_IPV6 && length >= 22)
		return from_address(out, size, AF_INET6, request + 4, request + 20);
	if (request[3] != SOCKS5_NAME || length < 7 || length < 7 + (size_t)request[4])
		return 0;
	name = request[4];
	snprintf(port, sizeof(port), ":%u", request[5 + name] << 8 | request[6 + name]);
	if (name + strlen(port) > size)
		return 0;
	memcpy(out, request + 5, name);
	memcpy(out + name, port, strlen(port));
	return name + strlen(port);
}

size_t tunnel_target(char *out, size_t size, const uint8_t *request, size_t length)
{
	if (length > strlen(CONNECT) && blank(request[strlen(CONNECT)]) &&
	    strncasecmp((const char *)request, CONNECT, strlen(CONNECT)) == 0)
		return from_connect(out, size, request, length);
	/* SOCKS 4: version, command, port, address. Its 4a form has a name behind them that the gate does not pass. */
	if (length >= 8 && request[0] == 4)
		return from_address(out, size, AF_INET, request + 4, request + 2);
	if (length >= 5 && request[0] == 5)
		return from_socks5(out, size, request, length);
	return 0;
}
