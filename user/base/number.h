/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * number.h - numbers that people write, checked to the last character
 */
#ifndef SMTPSNOOP_NUMBER_H
#define SMTPSNOOP_NUMBER_H

#include <stdint.h>

/* "s", or nothing: "1 connection", "2 connections". */
static inline const char *plural(uint64_t number)
{
	return number == 1 ? "" : "s";
}

/* Decimal digits and nothing else, within low..high. 0, -EINVAL (no number) or -ERANGE; *out is set only with 0. */
int number_parse(const char *text, uint64_t low, uint64_t high, uint64_t *out);

#endif
