/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * blocklist.h - which blocklist a refusal names
 */
#ifndef SMTPSNOOP_BLOCKLIST_H
#define SMTPSNOOP_BLOCKLIST_H

#include <stddef.h>

/*
 * The lower-case name of the blocklist that this reply names ("spamhaus", "microsoft", "gmail" ...), or NULL. The whole reply
 * line with its code is given; only 4xx and 5xx can name one. The string is static.
 */
const char *blocklist_in_reply(const char *line, size_t length);

#endif
