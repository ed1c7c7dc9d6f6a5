/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * label_script.h - the words for the script that sent a connection, as escaped text
 */
#ifndef SMTPSNOOP_LABEL_SCRIPT_H
#define SMTPSNOOP_LABEL_SCRIPT_H

#include "present/label.h"

#define LABEL_REQUEST 512

/* "/var/www/shop/uploads/.x/mailer.php" and ":41 Mailer::send()". False: no file is known, and the label is as it was. */
bool label_script(struct label *label, const struct connection *connection);

/* "from 198.51.100.9: POST shop.example/?p=2", as far as it is known and with an ellipsis where it is cut; "" = nothing is. */
void label_request(char *out, size_t size, const struct script *script);

/* "/var/www/shop/evil.php:7": the next one in the backtrace with another file, or else what was asked for; "" = there is none. */
void label_called_from(char *out, size_t size, const struct script *script);

/* "exec()": the function of PHP's own through which the script started what runs; "" = it is not known. */
void label_started_by(char *out, size_t size, const struct script *script);

/* What else there is to say of it: "deleted", "script unknown: ..."; "" = nothing. */
void label_script_note(char *out, size_t size, const struct script *script);

#endif
