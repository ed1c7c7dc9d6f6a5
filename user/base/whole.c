/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * whole.c - a stream whose lines reach a descriptor whole or not at all
 */
#include "base/whole.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/limits.h"

struct whole {
	int fd;
	int error; /* of the first write that failed */
	char *line; /* its end is still to come */
	size_t used, room;
};

/* Other writers of the file, if there are any, have written behind us: then nothing is cut. */
static void cut_back(int fd, size_t part)
{
	off_t at = lseek(fd, 0, SEEK_CUR);
	struct stat status;

	if (at < (off_t)part || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) ||
	    status.st_size != at)
		return;
	if (ftruncate(fd, at - (off_t)part) == 0)
		lseek(fd, at - (off_t)part, SEEK_SET);
}

static bool write_all(struct whole *whole, const char *at, size_t size)
{
	const char *start = at, *end = at + size, *newline;
	ssize_t wrote = 0;

	while (at < end) {
		wrote = write(whole->fd, at, (size_t)(end - at));
		if (wrote > 0)
			at += wrote;
		else if (wrote == 0 || errno != EINTR)
			break;
	}
	if (at == end)
		return true;
	whole->error = wrote < 0 ? errno : EIO;
	newline = memrchr(start, '\n', (size_t)(at - start));
	newline = newline ? newline + 1 : start;
	if (at > newline)
		cut_back(whole->fd, (size_t)(at - newline));
	return false;
}

static bool keep(struct whole *whole, const char *data, size_t size)
{
	size_t needed = whole->used + size;
	char *line;

	if (needed > whole->room) {
		line = realloc(whole->line, 2 * needed);
		if (!line) {
			whole->error = ENOMEM;
			return false;
		}
		whole->line = line;
		whole->room = 2 * needed;
	}
	memcpy(whole->line + whole->used, data, size);
	whole->used = needed;
	return true;
}

static bool flush_kept(struct whole *whole)
{
	bool done = write_all(whole, whole->line, whole->used);

	whole->used = 0;
	return done;
}

static bool take(struct whole *whole, const char *data, size_t size)
{
	const char *newline = memrchr(data, '\n', size);
	size_t lines = newline ? (size_t)(newline + 1 - data) : 0;

	if (lines && whole->used) {
		/* The end of the line that is kept goes out with it. */
		const char *first = memchr(data, '\n', size);
		size_t rest = (size_t)(first + 1 - data);

		if (!keep(whole, data, rest) || !flush_kept(whole))
			return false;
		data += rest;
		size -= rest;
		lines -= rest;
	}
	if (lines && !write_all(whole, data, lines))
		return false;
	if (size > lines && !keep(whole, data + lines, size - lines))
		return false;
	return whole->used <= LIMIT_WHOLE || flush_kept(whole);
}

static ssize_t on_write(void *cookie, const char *data, size_t size)
{
	struct whole *whole = cookie;

	if (!whole->error && take(whole, data, size))
		return (ssize_t)size;
	errno = whole->error;
	return 0; /* fopencookie(3): never negative */
}

static int on_close(void *cookie)
{
	struct whole *whole = cookie;
	bool done = !whole->error && (!whole->used || flush_kept(whole));
	int error = whole->error;

	free(whole->line);
	free(whole);
	errno = error;
	return done ? 0 : EOF;
}

FILE *whole_open(int fd)
{
	static const cookie_io_functions_t functions = {.write = on_write, .close = on_close};
	struct whole *whole = calloc(1, sizeof(*whole));
	FILE *stream;

	if (!whole)
		return NULL;
	whole->fd = fd;
	stream = fopencookie(whole, "w", functions);
	if (!stream)
		free(whole);
	else if (isatty(fd))
		setlinebuf(stream);
	return stream;
}
