/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * blocklist.c - which blocklist a refusal names
 *
 * One table of needles, by their first letter: refusals come by the thousand, so a line is gone through once. A needle is found as
 * whole words only ("absorbs" is not SORBS), in any case. The big providers do not name a list but have wording of their own, in
 * their published explanations: Microsoft S3140 and S3150, Gmail 5.7.1. A reply that names a list and quotes a provider is
 * the list's.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>
#include <string.h>

#include "smtp/blocklist.h"

/* Where several are named, the first of these counts. */
enum list {
	SPAMHAUS,
	ABUSIX,
	SPAMCOP,
	BARRACUDA,
	UCEPROTECT,
	SORBS,
	CBL,
	PSBL,
	MAILSPIKE,
	HOSTKARMA,
	INVALUEMENT,
	MICROSOFT,
	GMAIL,
	GMAIL_HINT, /* proves nothing without GMAIL_CODE */
};

#define GMAIL_CODE "5.7.1"

static const char *const names[] = {
	[SPAMHAUS] = "spamhaus",
	[ABUSIX] = "abusix",
	[SPAMCOP] = "spamcop",
	[BARRACUDA] = "barracuda",
	[UCEPROTECT] = "uceprotect",
	[SORBS] = "sorbs",
	[CBL] = "cbl",
	[PSBL] = "psbl",
	[MAILSPIKE] = "mailspike",
	[HOSTKARMA] = "hostkarma",
	[INVALUEMENT] = "invaluement",
	[MICROSOFT] = "microsoft",
	[GMAIL] = "gmail",
	[GMAIL_HINT] = "gmail",
};

struct needle {
	const char *text; /* lower case */
	enum list list;
};

#define NEEDLES(...) ((const struct needle[]){__VA_ARGS__, {NULL, 0}})

static const struct needle *const needles[26] = {
	['a' - 'a'] = NEEDLES({"abusix", ABUSIX}, {"abuseat", CBL}),
	['b' - 'a'] = NEEDLES({"barracudacentral", BARRACUDA}, {"barracuda reputation", BARRACUDA},
			      {"brbl", BARRACUDA}),
	['c' - 'a'] = NEEDLES({"cbl", CBL}),
	['g' - 'a'] = NEEDLES({"gsmtp", GMAIL_HINT}),
	['h' - 'a'] = NEEDLES({"hostkarma", HOSTKARMA}),
	['i' - 'a'] = NEEDLES({"invaluement", INVALUEMENT}, {"ivmsip", INVALUEMENT},
			      {"ivmuri", INVALUEMENT}),
	['j' - 'a'] = NEEDLES({"junkemailfilter", HOSTKARMA}),
	['m' - 'a'] = NEEDLES({"mailspike", MAILSPIKE}),
	['o' - 'a'] = NEEDLES({"our system has detected", GMAIL_HINT}),
	['p' - 'a'] = NEEDLES({"psbl", PSBL}),
	['s' - 'a'] = NEEDLES({"spamhaus", SPAMHAUS}, {"spamcop", SPAMCOP}, {"sorbs", SORBS},
			      {"s3140", MICROSOFT}, {"s3150", MICROSOFT},
			      {"support.google.com", GMAIL_HINT}),
	['u' - 'a'] = NEEDLES({"uceprotect", UCEPROTECT}, {"unsolicitedmessageerror", GMAIL},
			      {"unsolicitediperror", GMAIL}),
};

/* Letters and digits: what words are made of. */
static const bool in_word[256] = {
	['0' ... '9'] = true,
	['A' ... 'Z'] = true,
	['a' ... 'z'] = true,
};

/* Where the word behind the one at `at` begins, or the length. */
static size_t next_word(const char *line, size_t length, size_t at)
{
	while (at < length && in_word[(uint8_t)line[at]])
		at++;
	while (at < length && !in_word[(uint8_t)line[at]])
		at++;
	return at;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* Does the needle stand at `at`, where a word begins, as whole words? */
static inline bool stands(const char *line, size_t length, size_t at, const char *needle)
{
	for (; *needle; needle++, at++) {
		if (at == length || lower(line[at]) != *needle)
			return false;
	}
	return at == length || !in_word[(uint8_t)line[at]];
}

/* Is the word at `at` part of a mail address? Refusals quote the recipient, which the client has chosen. */
static bool in_address(const char *line, size_t length, size_t at)
{
	size_t begin = at, end = at;

	while (begin > 0 && line[begin - 1] != ' ' && line[begin - 1] != '<')
		begin--;
	while (end < length && line[end] != ' ' && line[end] != '>')
		end++;
	return memchr(line + begin, '@', end - begin) != NULL;
}

static bool contains(const char *line, size_t length, const char *needle)
{
	for (size_t at = 0; at < length; at = next_word(line, length, at)) {
		if (stands(line, length, at, needle))
			return true;
	}
	return false;
}

/* The lists that the line names, a bit each. It begins with a word: its code. */
static uint32_t lists_in(const char *line, size_t length)
{
	uint32_t found = 0;

	/* Nothing counts more than the first list. */
	for (size_t at = 0; at < length && !(found & 1u << SPAMHAUS);
	     at = next_word(line, length, at)) {
		char first = lower(line[at]);
		const struct needle *needle = first >= 'a' ? needles[first - 'a'] : NULL;

		for (; needle && needle->text; needle++) {
			if (stands(line, length, at, needle->text) && !in_address(line, length, at))
				found |= 1u << needle->list;
		}
	}
	return found;
}

const char *blocklist_in_reply(const char *line, size_t length)
{
	uint32_t found;

	if (length < 4 || (line[0] != '4' && line[0] != '5'))
		return NULL;
	found = lists_in(line, length);
	if (!found || (found == 1u << GMAIL_HINT && !contains(line, length, GMAIL_CODE)))
		return NULL;
	return names[__builtin_ctz(found)];
}
