/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pack.h - a record's JSON members, as small as they lie in the store
 *
 * Raw DEFLATE (RFC 1951) with a preset dictionary of what records are made of; the first byte is the dictionary's number.
 */
#ifndef SMTPSNOOP_PACK_H
#define SMTPSNOOP_PACK_H

#include <stddef.h>

#include "base/bytes.h"

struct pack;

/* Compresses and expands; holds the memory for both, some 300 kB. NULL = out of memory. */
struct pack *pack_new(void);
void pack_free(struct pack *pack);

/* The result lasts until the next call with this struct. 0, -E2BIG: the text is over LIMIT_STORE_JSON, -ENOMEM. */
int pack_text(struct pack *pack, struct bytes text, struct bytes *packed);

/* Likewise. -EBADMSG: it is damaged, of a dictionary that is not known, or over LIMIT_STORE_JSON. */
int pack_expand(struct pack *pack, struct bytes packed, struct bytes *text);

#endif
