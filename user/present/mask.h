/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mask.h - takes recipients' names out of the dialogue: without --recipients only their domains are shown
 */
#ifndef SMTPSNOOP_MASK_H
#define SMTPSNOOP_MASK_H

#include <stddef.h>

#include "base/limits.h"

/* A name of one byte becomes three, and is never alone: twice the longest line is enough. */
#define MASK_BYTES (2 * LIMIT_LINE)

/*
 * A line of the server, or any text that may hold addresses: "550 5.1.1 <***@example.org>: unknown". Whatever comes before an @
 * goes, with or without <>, and a name alone in <>. `out` has MASK_BYTES, is not terminated; length is LIMIT_LINE at most.
 * Returns the bytes written.
 */
size_t mask_reply(char *out, const char *line, size_t length);

/* A line of the client: RCPT, VRFY and the like lose the name. MAIL and the greetings are about the sender and stay. */
size_t mask_command(char *out, const char *line, size_t length);

#endif
