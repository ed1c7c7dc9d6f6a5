/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * utf8.h - one character of a UTF-8 text
 */
#ifndef SMTPSNOOP_UTF8_H
#define SMTPSNOOP_UTF8_H

#include <stddef.h>
#include <stdint.h>

/*
 * The length of the sequence that text begins with, 1 to 4, and its character; 0 when it is none by RFC 3629 (overlong,
 * surrogate, beyond U+10FFFF, cut) or len is 0.
 */
size_t utf8_decode(const char *text, size_t len, uint32_t *character);

#endif
