/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * answer.h - what became of a connection, in the fewest words
 */
#ifndef SMTPSNOOP_ANSWER_H
#define SMTPSNOOP_ANSWER_H

#include "store/connection.h"

#define ANSWER_BYTES (4 * LIMIT_REPLY + 64)

/*
 * The worst reply, or what came in its place, as answer_reply() has it. Whole words that fill `width` stand without an ellipsis: "554 5.7.1".
 */
void answer_of(char *out, size_t size, const struct connection *connection, unsigned int width,
	       bool recipients);

/* A reply as text: escaped, and unless `recipients` is set, without their names. */
void answer_reply(char *out, size_t size, const char *reply, size_t length, bool recipients);

/* "1/1": accepted of tried; "-" where nothing was tried or nothing can be known. Fits `width` if 4 or more. */
void answer_mail(char *out, size_t size, const struct connection *connection, unsigned int width);
void answer_rcpt(char *out, size_t size, const struct connection *connection, unsigned int width);

#endif
