/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * address.h - Internet addresses as the records carry them: 16 bytes, IPv4 as ::ffff:a.b.c.d
 */
#ifndef SMTPSNOOP_ADDRESS_H
#define SMTPSNOOP_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * "192.0.2.1", "2001:db8::/32": an address with or without a prefix length, which counts from 128 in *prefix (an
 * IPv4 /24 gives 120). 0, or -EINVAL: no address, a length out of range, or bits set behind the prefix.
 */
int address_parse(const char *text, uint8_t address[16], uint8_t *prefix);

/* Do the first `prefix` bits agree? */
bool address_in(const uint8_t address[16], const uint8_t net[16], uint8_t prefix);

bool address_is_v4(const uint8_t address[16]); /* IPv4-mapped */

/* fe80::/10: means something on one link only, and not in another network namespace. */
bool address_is_link_local(const uint8_t address[16]);

/* 127/8 and ::1, and the wildcards 0.0.0.0 and ::, which connect() takes for loopback. */
bool address_is_loopback(const uint8_t address[16]);

#endif
