/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bytes.h - a piece of text of foreign origin: a pointer and a length, no NUL, no promise
 */
#ifndef SMTPSNOOP_BYTES_H
#define SMTPSNOOP_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
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

/* How many bytes are as in `text`, which is terminated: names are told apart by their first letters, so nobody asks for its length. */
static inline size_t bytes_common(struct bytes bytes, const char *text)
{
	size_t n = 0;

	while (n < bytes.length && text[n] && bytes.at[n] == text[n])
		n++;
	return n;
}

static inline bool bytes_are(struct bytes bytes, const char *text)
{
	size_t n = bytes_common(bytes, text);

	return n == bytes.length && !text[n];
}

static inline bool bytes_begin(struct bytes bytes, const char *prefix)
{
	return !prefix[bytes_common(bytes, prefix)];
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

/* As much as a register of x86-64 or arm64 holds; both have the lowest address in the lowest bits. */
typedef uint8_t bytes_block __attribute__((vector_size(16)));

/* Where the first `a` or `b` is among 16 bytes, or 16. */
static inline size_t bytes_in_block(const char *at, char a, char b)
{
	bytes_block block;
	uint64_t found[2];

	memcpy(&block, at, sizeof(block));
	block = (bytes_block)(block == (uint8_t)a) | (bytes_block)(block == (uint8_t)b);
	memcpy(found, &block, sizeof(found));
	if (found[0])
		return (size_t)__builtin_ctzll(found[0]) / 8;
	return found[1] ? 8 + (size_t)__builtin_ctzll(found[1]) / 8 : sizeof(block);
}

/* Where the first `a` or `b` is, or the length. Lines and words are short: memchr() twice takes thrice the time. */
static inline size_t bytes_find_either(const char *at, size_t length, char a, char b)
{
	const size_t size = sizeof(bytes_block);
	size_t i, found;

	for (i = 0; i + size <= length; i += size) {
		found = bytes_in_block(at + i, a, b);
		if (found < size)
			return i + found;
	}
	/* The last block may overlap with one in which nothing was. */
	if (i < length && length > size)
		return length - size + bytes_in_block(at + length - size, a, b);
	while (i < length && at[i] != a && at[i] != b)
		i++;
	return i;
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
