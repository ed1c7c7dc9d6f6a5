/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hash.h - uthash, as we use it: without memory an insertion fails (its hh.tbl is NULL), and nobody dies
 */
#ifndef SMTPSNOOP_HASH_H
#define SMTPSNOOP_HASH_H

#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* Frees the table and all its members. The table first: then no member is looked for. `first` is NULL afterwards. */
#define HASH_FREE(first)                                                                           \
	do {                                                                                       \
		__typeof__(first) hash_at = (first), hash_next;                                    \
		if (hash_at)                                                                       \
			HASH_CLEAR(hh, first);                                                     \
		for (; hash_at; hash_at = hash_next) {                                             \
			hash_next = hash_at->hh.next;                                              \
			free(hash_at);                                                             \
		}                                                                                  \
	} while (0)

#endif
