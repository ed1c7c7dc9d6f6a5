/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * blocklist.c - which blocklist a refusal names
 *
 * One table. A needle is found as whole words only ("absorbs" is not SORBS), in any case. The big providers do not name a list
 * but have wording of their own, in their published explanations: Microsoft S3140 and S3150, Gmail 5.7.1. Needles further
 * up win, so that a reply that names a list and quotes a provider is the list's.
 */
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "smtp/blocklist.h"

/* `also` must be in the line too, where the needle alone proves nothing. */
static const struct row {
	const char *needle;
	const char *name;
	const char *also;
} rows[] = {
	{"spamhaus", "spamhaus", NULL},
	{"abusix", "abusix", NULL},
	{"spamcop", "spamcop", NULL},
	{"barracudacentral", "barracuda", NULL},
	{"barracuda reputation", "barracuda", NULL},
	{"brbl", "barracuda", NULL},
	{"uceprotect", "uceprotect", NULL},
	{"sorbs", "sorbs", NULL},
	{"abuseat", "cbl", NULL},
	{"cbl", "cbl", NULL},
	{"psbl", "psbl", NULL},
	{"mailspike", "mailspike", NULL},
	{"hostkarma", "hostkarma", NULL},
	{"junkemailfilter", "hostkarma", NULL},
	{"invaluement", "invaluement", NULL},
	{"ivmsip", "invaluement", NULL},
	{"ivmuri", "invaluement", NULL},
	{"s3140", "microsoft", NULL},
	{"s3150", "microsoft", NULL},
	{"gsmtp", "gmail", "5.7.1"},
	{"our system has detected", "gmail", "5.7.1"},
	{"support.google.com", "gmail", "5.7.1"},
	{"unsolicitedmessageerror", "gmail", NULL},
	{"unsolicitediperror", "gmail", NULL},
};

static bool word_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Does the needle stand at `at`, as whole words? */
static bool stands(const char *line, size_t length, size_t at, const char *needle)
{
	size_t size;

	if ((line[at] | 0x20) != needle[0] && line[at] != needle[0])
		return false;
	size = strlen(needle);
	return size <= length - at && strncasecmp(line + at, needle, size) == 0 &&
	       (at + size == length || !word_char(line[at + size])) &&
	       (at == 0 || !word_char(line[at - 1]));
}

static bool contains(const char *line, size_t length, const char *needle)
{
	for (size_t at = 0; at < length; at++) {
		if (stands(line, length, at, needle))
			return true;
	}
	return false;
}

const char *blocklist_in_reply(const char *line, size_t length)
{
	if (length < 4 || (line[0] != '4' && line[0] != '5'))
		return NULL;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (contains(line, length, rows[i].needle) &&
		    (!rows[i].also || contains(line, length, rows[i].also)))
			return rows[i].name;
	}
	return NULL;
}
