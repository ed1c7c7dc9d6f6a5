/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_tunnel.c - targets of CONNECT and SOCKS requests, whole, cut and wrong
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "store/tunnel.h"

static void target_is(const char *request, size_t length, const char *target)
{
	char out[64];
	size_t got = tunnel_target(out, sizeof(out), (const uint8_t *)request, length);

	assert_int_equal(got, strlen(target));
	assert_memory_equal(out, target, got);
}

#define TARGET(request, target) target_is(request, sizeof(request) - 1, target)

static void connect_lines(void **state)
{
	(void)state;
	TARGET("CONNECT mx.example.net:25 HTTP/1.1\r\n", "mx.example.net:25");
	TARGET("connect [2001:db8::7]:25 HTTP/1.0\r\n", "[2001:db8::7]:25");
	TARGET("CONNECT mx:25\r\n", "mx:25");
	TARGET("CONNECT  \tmx:25  HTTP/1.1\r\n", "mx:25");
	TARGET("CONNECT\tmx:25\tHTTP/1.1\r\n", "mx:25");
	TARGET("CONNECTED mx:25\r\n", "");
	TARGET("CONNECT ", "");
	TARGET("GET / HTTP/1.1\r\n", "");
}

static void socks(void **state)
{
	static const char ipv6[] =
		"\x05\x01\x00\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07\0\x19";

	(void)state;
	TARGET("\x04\x01\x00\x19\xcb\x00\x71\x07", "203.0.113.7:25");
	TARGET("\x04\x01\x00\x19\xcb", "");
	TARGET("\x05\x01\x00\x01\xcb\x00\x71\x07\x00\x19", "203.0.113.7:25");
	TARGET("\x05\x01\x00\x03\x02mx\x02\x4b", "mx:587");
	TARGET("\x05\x01\x00\x03\x09mx\x02\x4b", "");
	TARGET(ipv6, "[2001:db8::7]:25");
	target_is(ipv6, 21, "");
	TARGET("\x05\x01\x00\x02"
	       "aaaaaaaa",
	       "");
}

static void too_long(void **state)
{
	char request[300] = "CONNECT ", out[16];

	(void)state;
	memset(request + 8, 'a', sizeof(request) - 8);
	assert_int_equal(tunnel_target(out, sizeof(out), (uint8_t *)request, sizeof(request)), 16);
	memcpy(request, "\x05\x01\x00\x03\xc8", 5);
	assert_int_equal(tunnel_target(out, sizeof(out), (uint8_t *)request, sizeof(request)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connect_lines),
		cmocka_unit_test(socks),
		cmocka_unit_test(too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
