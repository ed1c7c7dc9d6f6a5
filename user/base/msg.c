/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * msg.c - what the program says about itself, on standard error
 *
 * A message is put together on the stack and written with one write(2), so that the lines of the two halves do not mix. A longer
 * one is cut. Failing writes have nobody to be told to. Nothing is fatal, and errno stays.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/msg.h"

#define MESSAGE_MAX 2048 /* a path of the file system with a sentence around it, twice */

enum priority { PRIORITY_ERROR = 3, PRIORITY_WARNING = 4, PRIORITY_INFO = 6, PRIORITY_DEBUG = 7 };

static bool verbose, journal;

static void say(enum priority priority, const char *format, va_list arguments)
{
	char line[MESSAGE_MAX];
	int saved = errno;
	size_t length, room;
	int wanted;

	if (journal)
		length = snprintf(line, sizeof(line), "<%d>", priority);
	else
		length = snprintf(line, sizeof(line), "smtpsnoop: %s",
				  priority == PRIORITY_WARNING ? "warning: " : "");
	room = sizeof(line) - length - 1;
	errno = saved; /* for %m */
	wanted = vsnprintf(line + length, room, format, arguments);
	if (wanted > 0)
		length += (size_t)wanted < room ? (size_t)wanted : room - 1;
	line[length++] = '\n';
	while (write(STDERR_FILENO, line, length) < 0 && errno == EINTR)
		;
	errno = saved;
}

/* systemd.exec(5): "device:inode" of what it has connected to the journal; a redirection since then is not that. */
void msg_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t device, inode;
	struct stat file;

	journal = stream && sscanf(stream, "%ju:%ju", &device, &inode) == 2 &&
		  fstat(STDERR_FILENO, &file) == 0 && file.st_dev == device && file.st_ino == inode;
}

void msg_verbose(bool on)
{
	verbose = on;
}

void msg_error(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(PRIORITY_ERROR, format, arguments);
	va_end(arguments);
}

void msg_warn(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(PRIORITY_WARNING, format, arguments);
	va_end(arguments);
}

void msg_info(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(PRIORITY_INFO, format, arguments);
	va_end(arguments);
}

void msg_debug(const char *format, ...)
{
	va_list arguments;

	if (!verbose)
		return;
	va_start(arguments, format);
	say(PRIORITY_DEBUG, format, arguments);
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
