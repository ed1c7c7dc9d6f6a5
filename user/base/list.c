/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * list.c - comma-separated lists that people write
 *
 * Pure; nothing is changed in the list itself.
 */
#include <errno.h>
#include <string.h>

#include "base/list.h"

#define BLANKS " \t"

int list_next(const char **at, char *word, size_t size)
{
	const char *start, *end;

	if (!*at)
		return 0;
	start = *at + strspn(*at, BLANKS);
	end = start + strcspn(start, ",");
	*at = *end ? end + 1 : NULL;
	while (end > start && strchr(BLANKS, end[-1]))
		end--;
	if (end == start || (size_t)(end - start) >= size)
		return -EINVAL;
	memcpy(word, start, (size_t)(end - start));
	word[end - start] = '\0';
	return 1;
}
