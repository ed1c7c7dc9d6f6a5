/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bytes.h - a piece of text of foreign origin: a pointer and a length, no NUL, no promise
 */
#ifndef SMTPSNOOP_BYTES_H
#define SMTPSNOOP_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct bytes {
	const char *at; /* not terminated; may hold any byte; NULL only with length 0 */
	size_t length;
};

static inline struct bytes bytes_of(const char *text)
{
	return (struct bytes){text, strlen(text)};
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
	return a.length == b.length && (a.length == 0 || memcmp(a.at, b.at, a.length) == 0);
}

static inline bool bytes_are(struct bytes bytes, const char *text)
{
	return bytes_equal(bytes, bytes_of(text));
}

static inline bool bytes_begin(struct bytes bytes, const char *prefix)
{
	size_t length = strlen(prefix);

	return bytes.length >= length && memcmp(bytes.at, prefix, length) == 0;
}

static inline bool bytes_end(struct bytes bytes, const char *suffix)
{
	size_t length = strlen(suffix);

	return bytes.length >= length &&
	       memcmp(bytes.at + bytes.length - length, suffix, length) == 0;
}

static inline bool bytes_hold(struct bytes bytes, const char *part)
{
	return bytes.length && memmem(bytes.at, bytes.length, part, strlen(part)) != NULL;
}

/* What is left after the first `count` bytes; nothing when there are fewer. */
static inline struct bytes bytes_after(struct bytes bytes, size_t count)
{
	if (count >= bytes.length)
		return (struct bytes){NULL, 0};
	return (struct bytes){bytes.at + count, bytes.length - count};
}

/* The last component of a path. */
static inline struct bytes bytes_leaf(struct bytes path)
{
	const char *slash = path.length ? memrchr(path.at, '/', path.length) : NULL;

	return slash ? bytes_after(path, (size_t)(slash - path.at) + 1) : path;
}

#endif
