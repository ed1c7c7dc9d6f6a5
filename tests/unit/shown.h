/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * shown.h - what a presenter printed, and what has to be in it
 */
#ifndef SMTPSNOOP_SHOWN_H
#define SMTPSNOOP_SHOWN_H

#include <string.h>

static char *shown; /* what the last call printed */
static size_t shown_size;

static void __attribute__((unused)) has(const char *text)
{
	if (!strstr(shown, text))
		fail_msg("no \"%s\" in:\n%s", text, shown);
}

static void __attribute__((unused)) has_not(const char *text)
{
	if (strstr(shown, text))
		fail_msg("\"%s\" in:\n%s", text, shown);
}

#endif
