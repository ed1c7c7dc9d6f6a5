/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * member.c - names of what is in an archive, which lead nowhere else when it is unpacked
 *
 * Pure. Nothing is fatal.
 */
#include "base/member.h"

static bool is_plain(struct bytes part)
{
	return part.length && !bytes_are(part, ".") && !bytes_are(part, "..");
}

bool member_split(const char *name, struct bytes *top, struct bytes *below)
{
	struct bytes left = bytes_of(name);

	if (bytes_end(left, "/"))
		left.length--;
	top->length = 0;
	do {
		const char *slash = left.length ? memchr(left.at, '/', left.length) : NULL;
		struct bytes part = {left.at, slash ? (size_t)(slash - left.at) : left.length};

		if (!is_plain(part) || (slash && part.length + 1 == left.length))
			return false;
		left = bytes_after(left, part.length + 1);
		if (!top->length) {
			*top = part;
			*below = left;
		}
	} while (left.length);
	return true;
}
