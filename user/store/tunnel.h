/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tunnel.h - where a proxy was asked to connect to
 */
#ifndef SMTPSNOOP_TUNNEL_H
#define SMTPSNOOP_TUNNEL_H

#include <stddef.h>
#include <stdint.h>

/*
 * The target of an HTTP CONNECT line (RFC 9110 9.3.6) or a SOCKS 4 or 5 request (RFC 1928 4), as "host:port" bytes: hostile ones, to
 * be escaped where they are shown. Returns the length, at most `size`; 0 = none could be read.
 */
size_t tunnel_target(char *out, size_t size, const uint8_t *request, size_t length);

#endif
