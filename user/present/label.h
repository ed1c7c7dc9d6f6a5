/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * label.h - the short words for who sent a connection, and to whom, as escaped text
 */
#ifndef SMTPSNOOP_LABEL_H
#define SMTPSNOOP_LABEL_H

#include <stdbool.h>

#include "base/limits.h"
#include "store/connection.h"

#define LABEL_TEXT (4 * LIMIT_LABEL + 8) /* an escape takes four bytes for one, and two ellipses */
#define LABEL_SUFFIX 192
#define LABEL_ADDRESS 46 /* INET6_ADDRSTRLEN */

/*
 * "/var/www/x/mailer.pl" and " (perl)": what a person would call the program. For an interpreter that is the script it was given
 * on its command line.
 */
struct label {
	char text[LABEL_TEXT];
	char suffix[LABEL_SUFFIX];
	bool path; /* text is a path: its end tells more than its beginning */
	bool script; /* read from PHP; the suffix says where in it */
};

/* "25, 465, 587" */
void label_ports(char *out, size_t size, const uint16_t *ports, unsigned int count);

/* process NULL: the opener is not known. known: how it was executed; NULL = as it says now. */
void label_of(struct label *label, const struct process *process, const struct script *known,
	      enum verdict_class class);

/* "pool www", as php-fpm writes it over its arguments: which site it is. Empty = no such process. Not escaped. */
struct bytes label_pool(const struct process *process);

/* The script's, if PHP was asked; else the opener's, or in a capture, where there is none, the source address. */
void label_source(struct label *label, const struct connection *connection);

/* What runs itself, where the script has only started it: "/tmp/bot.pl (perl)". False: the script sent it, or none is known. */
bool label_run(struct label *label, const struct connection *connection);

/* Puts it into `width` columns: components of the path go first, then the suffix. */
void label_fit(char *out, size_t size, const struct label *label, unsigned int width);

/* The user's name, else "uid 1001"; "?" for nobody that is known. */
void label_user(char *out, size_t size, const struct process *process);
void label_owner(char *out, size_t size, const char *name, uint32_t uid);

/* "perl[4711]", by the name that it gives itself. */
#define LABEL_NAMED (4 * EVENT_COMM_LEN + 16)
void label_named(char *out, size_t size, const char comm[EVENT_COMM_LEN], uint32_t pid);

/* The address alone; true = IPv4. `size` is LABEL_ADDRESS at least. */
bool label_address(char *out, size_t size, const uint8_t address[16]);

#define LABEL_ENDPOINT 64 /* an address, its port, brackets and an ellipsis */
/* "203.0.113.7:25", "[2001:db8::7]:25"; an address that is too wide loses its end, never the port. */
void label_endpoint(char *out, size_t size, const uint8_t address[16], uint16_t port,
		    unsigned int width);

/*
 * The same of where a connection goes; through a proxy it is the target, "mx.example.net:25 via 192.0.2.1:3128", or
 * with less room "mx.example.net:25 (proxy)".
 */
void label_destination(char *out, size_t size, const struct connection *connection,
		       unsigned int width);

#endif
