/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * msg.c - what the program says about itself, on standard error
 *
 * A message is put together on the stack and written with one write(2), so that the lines of the two halves do not mix. A longer
 * one is cut. Failing writes have nobody to be told to. Nothing is fatal, and errno stays.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/msg.h"

#define MESSAGE_MAX 2048 /* a path of the file system with a sentence around it, twice */

static bool verbose;

static void say(const char *severity, const char *format, va_list arguments)
{
	char line[MESSAGE_MAX];
	int saved = errno;
	size_t length = snprintf(line, sizeof(line), "smtpsnoop: %s", severity);
	size_t room = sizeof(line) - length - 1;
	int wanted;

	errno = saved; /* for %m */
	wanted = vsnprintf(line + length, room, format, arguments);
	if (wanted > 0)
		length += (size_t)wanted < room ? (size_t)wanted : room - 1;
	line[length++] = '\n';
	while (write(STDERR_FILENO, line, length) < 0 && errno == EINTR)
		;
	errno = saved;
}

void msg_verbose(bool on)
{
	verbose = on;
}

void msg_error(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say("", format, arguments);
	va_end(arguments);
}

void msg_warn(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say("warning: ", format, arguments);
	va_end(arguments);
}

void msg_info(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say("", format, arguments);
	va_end(arguments);
}

void msg_debug(const char *format, ...)
{
	va_list arguments;

	if (!verbose)
		return;
	va_start(arguments, format);
	say("", format, arguments);
	va_end(arguments);
}

bool msg_allowed(struct msg_limit *limit, uint64_t now, uint64_t seconds, uint64_t *held)
{
	if (limit->used && now - limit->last < seconds) {
		limit->held++;
		return false;
	}
	*held = limit->held;
	limit->used = true;
	limit->last = now;
	limit->held = 0;
	return true;
}
