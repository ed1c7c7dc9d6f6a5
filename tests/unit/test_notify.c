/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_notify.c - what the service manager hears
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/notify.h"

static struct notify notify;
static int manager;
static char name[64];

/* A manager that listens in the abstract namespace. */
static int begin(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int length;

	(void)state;
	snprintf(name, sizeof(name), "@smtpsnoop-test-%d", (int)getpid());
	length = snprintf(address.sun_path, sizeof(address.sun_path), "%s", name);
	address.sun_path[0] = '\0';
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	return bind(manager, (struct sockaddr *)&address,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)length));
}

static int end(void **state)
{
	(void)state;
	notify_close(&notify);
	return close(manager);
}

static const char *heard(void)
{
	static char text[512];
	ssize_t length = recv(manager, text, sizeof(text) - 1, 0);

	text[length > 0 ? length : 0] = '\0';
	return text;
}

static void test_heard(void **state)
{
	(void)state;
	setenv("NOTIFY_SOCKET", name, 1);
	assert_int_equal(notify_open(&notify), 0);
	assert_null(getenv("NOTIFY_SOCKET"));
	assert_true(notify.watchdog == 0);
	notify_say(&notify, "READY=1\nSTATUS=%s", "it runs");
	assert_string_equal(heard(), "READY=1\nSTATUS=it runs");
	assert_string_equal(heard(), "");
}

static void test_watchdog(void **state)
{
	char pid[16];

	(void)state;
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("NOTIFY_SOCKET", name, 1);
	setenv("WATCHDOG_USEC", "30000000", 1);
	setenv("WATCHDOG_PID", pid, 1);
	assert_int_equal(notify_open(&notify), 0);
	assert_true(notify.watchdog == UINT64_C(30000000000));
	assert_null(getenv("WATCHDOG_USEC"));
	notify_close(&notify);
	setenv("NOTIFY_SOCKET", name, 1);
	setenv("WATCHDOG_USEC", "30000000", 1);
	setenv("WATCHDOG_PID", "1", 1); /* somebody else's */
	assert_int_equal(notify_open(&notify), 0);
	assert_true(notify.watchdog == 0);
	notify_close(&notify);
	setenv("NOTIFY_SOCKET", name, 1);
	setenv("WATCHDOG_USEC", "soon", 1);
	assert_int_equal(notify_open(&notify), 0);
	assert_true(notify.watchdog == 0);
}

/* No manager, one that is gone, and a name that is none: nobody is told, and nothing happens. */
static void test_nobody(void **state)
{
	static const char *const names[] = {"/nonexistent/notify", "relative", "@smtpsnoop-nobody"};

	(void)state;
	assert_int_equal(notify_open(&notify), 0);
	notify_say(&notify, "READY=1");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		setenv("NOTIFY_SOCKET", names[i], 1);
		assert_true(notify_open(&notify) < 0);
		assert_int_equal(notify.fd, -1);
		notify_say(&notify, "READY=1");
	}
	assert_string_equal(heard(), "");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_heard),
		TEST(test_watchdog),
		TEST(test_nobody),
	};

	return cmocka_run_group_tests_name("notify", tests, NULL, NULL);
}
