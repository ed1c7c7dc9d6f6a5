/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fragments.h - IP fragments put together
 *
 * RFC 791 3.2, 8200 4.5. Where fragments overlap with different bytes the first ones stay. Bounded by LIMIT_FRAGMENTS datagrams
 * and LIMIT_FRAGMENT_SECONDS of capture time.
 */
#ifndef SMTPSNOOP_FRAGMENTS_H
#define SMTPSNOOP_FRAGMENTS_H

#include "capture/packet.h"

struct fragments;

struct fragments *fragments_new(void); /* NULL = out of memory */
void fragments_free(struct fragments *fragments); /* NULL is fine */

/*
 * Takes one fragment. True: the datagram is complete, and `ip` is changed to it; its payload is good until the next call.
 */
bool fragments_take(struct fragments *fragments, struct packet_ip *ip, uint64_t now);

/* Datagrams given up so far, and those that still wait for a part. */
uint64_t fragments_incomplete(const struct fragments *fragments);

#endif
