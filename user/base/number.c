/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * number.c - numbers that people write, checked to the last character
 *
 * Pure. strtoul() is not used: it takes signs, white space and octal, and wraps "-1" around.
 */
#include <errno.h>

#include "base/number.h"

int number_parse(const char *text, uint64_t low, uint64_t high, uint64_t *out)
{
	uint64_t value = 0;

	if (*text == '\0')
		return -EINVAL;
	for (const char *at = text; *at; at++) {
		unsigned int digit = (unsigned int)(*at - '0');

		if (*at < '0' || *at > '9')
			return -EINVAL;
		if (value > (UINT64_MAX - digit) / 10)
			return -ERANGE;
		value = value * 10 + digit;
	}
	if (value < low || value > high)
		return -ERANGE;
	*out = value;
	return 0;
}
