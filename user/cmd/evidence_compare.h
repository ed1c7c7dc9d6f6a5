/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evidence_compare.h - evidence compared with its list, wherever it is kept
 */
#ifndef SMTPSNOOP_EVIDENCE_COMPARE_H
#define SMTPSNOOP_EVIDENCE_COMPARE_H

#include <stddef.h>

#include <sha2.h>

#define EVIDENCE_LIST "SHA256SUMS"

struct comparison;

/* The list: malloc()ed, with room for a NUL at text[size], and taken over. NULL: no memory, and the text stays the caller's. */
struct comparison *compare_new(char *text, size_t size);

/* The digest, in hexadecimal, of what has this name. 0; -EBADMSG: it is no regular file; or -errno. */
typedef int compare_fn(void *context, const char *name, char sum[SHA256_DIGEST_STRING_LENGTH]);

/* First: tells what of the list is not as it was kept. Then, for each that is there, those that are not in the list. */
void compare_listed(struct comparison *comparison, compare_fn *fn, void *context);
void compare_there(struct comparison *comparison, const char *name);

/* Tells the numbers, and frees it. An enum exit_status. */
int compare_end(struct comparison *comparison);

#endif
