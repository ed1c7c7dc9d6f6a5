/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * addresses.h - the addresses of this host
 *
 * Those of the network namespace that the program runs in, which is the host's initial one.
 */
#ifndef SMTPSNOOP_ADDRESSES_H
#define SMTPSNOOP_ADDRESSES_H

#include <stdbool.h>
#include <stdint.h>

struct addresses;

/* Reads them and listens for changes. NULL with errno: they cannot be read. Not being told of changes is no error: fd is -1. */
struct addresses *addresses_new(void);
void addresses_free(struct addresses *addresses); /* NULL is fine */

/* A descriptor that becomes readable when an address comes or goes; -1 = none. */
int addresses_fd(const struct addresses *addresses);

/* Takes what the descriptor has to say and reads the addresses again. 0, or -errno: the old ones stay. */
int addresses_refresh(struct addresses *addresses);

/* IPv4 as ::ffff:a.b.c.d. Loopback and the wildcard address, which connect() takes for loopback, are always the host's. */
bool addresses_has(const struct addresses *addresses, const uint8_t address[16]);

#endif
