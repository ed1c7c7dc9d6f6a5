/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * clienthello.h - the server name in a TLS ClientHello (RFC 8446 4.1.2, RFC 6066 3)
 */
#ifndef SMTPSNOOP_CLIENTHELLO_H
#define SMTPSNOOP_CLIENTHELLO_H

#include <stddef.h>
#include <stdint.h>

/* Returns the name inside data (not terminated) and its length in *length, or NULL: no ClientHello, none named, or cut. */
const char *clienthello_sni(const uint8_t *data, size_t size, size_t *length);

#endif
