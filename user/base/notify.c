/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * notify.c - tells the service manager how it goes
 *
 * The protocol is a datagram to a socket that the environment names: sd_notify(3), "Notes". Nothing is fatal.
 */
#include "base/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/number.h"

/* Is it for us? A child of the one that it is for inherits the environment. */
static uint64_t watchdog(void)
{
	const char *pid = getenv("WATCHDOG_PID"), *period = getenv("WATCHDOG_USEC");
	uint64_t number;

	if (pid && (number_parse(pid, 1, INT32_MAX, &number) || number != (uint64_t)getpid()))
		return 0;
	if (!period || number_parse(period, 1, UINT64_MAX / 1000, &number))
		return 0;
	return number * 1000;
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = strlen(path);
	int fd, error;

	if ((path[0] != '/' && path[0] != '@') || length >= sizeof(address.sun_path))
		return -EINVAL;
	memcpy(address.sun_path, path, length);
	if (path[0] == '@')
		address.sun_path[0] = '\0'; /* the abstract namespace */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&address,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) == 0)
		return fd;
	error = errno;
	close(fd);
	return -error;
}

int notify_open(struct notify *notify)
{
	const char *path = getenv("NOTIFY_SOCKET");
	int fd = -1, rc = 0;

	if (path && *path) {
		fd = connect_to(path);
		rc = fd < 0 ? fd : 0;
	}
	*notify = (struct notify){.fd = rc ? -1 : fd};
	if (notify->fd >= 0)
		notify->watchdog = watchdog();
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	return rc;
}

void notify_close(struct notify *notify)
{
	if (notify->fd >= 0)
		close(notify->fd);
	notify->fd = -1;
}

void notify_say(const struct notify *notify, const char *format, ...)
{
	char text[256];
	va_list arguments;
	int length;

	if (notify->fd < 0)
		return;
	va_start(arguments, format);
	length = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (length > 0 && (size_t)length < sizeof(text))
		send(notify->fd, text, (size_t)length, MSG_NOSIGNAL);
}
