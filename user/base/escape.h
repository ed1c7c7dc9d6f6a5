/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * escape.h - hostile bytes made harmless, for terminals, logs and JSON
 *
 * Input is any bytes, NUL included. Valid, printable UTF-8 passes (Unicode's "Default_Ignorable", bidirectional controls
 * U+200E/F, U+202A..E, U+2066..9, C1 controls U+0080..9F, U+2028/9, surrogates, non-characters, overlong forms do not:
 * they could reorder or hide text on a terminal). Text form: "\xNN" for each byte of what does not pass, "\n" "\r" "\t" for
 * those three, and "\\" for a backslash, so that the original can be told. JSON form: RFC 8259 string contents without the
 * quotes; bytes that are no valid UTF-8 become the six characters \u00NN (Latin-1 reading), so
 * that nothing is lost; forbidden characters become \uNNNN.
 */
#ifndef SMTPSNOOP_ESCAPE_H
#define SMTPSNOOP_ESCAPE_H

#include <stddef.h>

/*
 * Both write at most size - 1 bytes and a NUL (size must be > 0), never cut an escape or a UTF-8 sequence in the middle, and
 * return the bytes written without the NUL. *used (may be NULL) gets the input bytes that found room.
 */
size_t escape_text(char *out, size_t size, const char *src, size_t len, size_t *used);
size_t escape_json(char *out, size_t size, const char *src, size_t len, size_t *used);

/* Columns that an escaped text takes on a terminal (wide East Asian characters two, combining ones none). */
size_t escape_columns(const char *text, size_t len);

#endif
