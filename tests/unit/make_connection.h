/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * make_connection.h - connections built by hand, for the tests of the presenters
 */
#ifndef SMTPSNOOP_MAKE_CONNECTION_H
#define SMTPSNOOP_MAKE_CONNECTION_H

#include <stdio.h>
#include <string.h>

#include "make_frame.h"
#include "store/connection.h"

#define MAKE_SECOND UINT64_C(1000000000)
#define MAKE_WALL INT64_C(1793310000000000000) /* 2026-10-29T21:40:00Z at boot */

struct made_connection {
	struct made_who who;
	struct connection connection;
	uint64_t offset[2];
};

/* php-fpm as www-data to 203.0.113.7:25, opened at 100 s, closed at 101 s, nothing said. */
static MAKE_UNUSED void make_connection(struct made_connection *made, enum verdict_class class)
{
	struct connection *c = &made->connection;

	memset(made, 0, sizeof(*made));
	make_who(&made->who, EVENT_OPEN, 0xabc1, 100 * MAKE_SECOND);
	c->cookie = 0xabc1;
	c->flags = EVENT_F_LISTED;
	c->found = FOUND_PORT;
	c->reason = CONNECTION_CLOSED;
	c->established = c->ended = true;
	c->opened = 100 * MAKE_SECOND;
	c->established_at = c->opened + 1000000;
	c->closed = c->last_seen = 101 * MAKE_SECOND;
	c->ends = made->who.open.ends;
	c->senders = 1;
	c->bytes_out = 120;
	c->bytes_in = 240;
	c->verdict.class = class;
}

/* After who was changed. */
static MAKE_UNUSED void make_opener(struct made_connection *made)
{
	process_free(made->connection.opener);
	made->connection.opener = process_decode(&made->who, made->who.size);
	if (!made->connection.opener)
		abort();
}

/* One piece of the dialogue: "C: EHLO x" or "S: 220 hi"; CR LF is added. */
static MAKE_UNUSED void make_said(struct made_connection *made, const char *line)
{
	enum event_direction from = *line == 'C' ? FROM_CLIENT : FROM_SERVER;
	struct connection *c = &made->connection;
	char bytes[2048];
	size_t length = (size_t)snprintf(bytes, sizeof(bytes), "%s\r\n", line + 3);

	if (!c->session) {
		c->session = malloc(sizeof(*c->session));
		session_init(c->session, c->ends.remote_port, NULL, NULL, NULL);
	}
	session_data(c->session, from, made->offset[from], (const uint8_t *)bytes, length, 0,
		     WITHHELD_NOT, 0);
	made->offset[from] += length;
}

/* A body of `length` octets, withheld, with its dot. */
static MAKE_UNUSED void make_body(struct made_connection *made, uint64_t length)
{
	session_data(made->connection.session, FROM_CLIENT, made->offset[FROM_CLIENT], NULL, 0,
		     length, WITHHELD_BODY, DATA_DOT);
	made->offset[FROM_CLIENT] += length;
}

static MAKE_UNUSED void make_delivery(struct made_connection *made)
{
	static const char *const lines[] = {"S: 220 mx1.example.net ESMTP Postfix",
					    "C: EHLO mail.example.org",
					    "S: 250 mx1.example.net",
					    "C: MAIL FROM:<a@example.org> SIZE=100",
					    "S: 250 2.1.0 Ok",
					    "C: RCPT TO:<b@example.net>",
					    "S: 250 2.1.5 Ok",
					    "C: DATA",
					    "S: 354 End data with <CR><LF>.<CR><LF>"};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		make_said(made, lines[i]);
	make_body(made, 500);
	make_said(made, "S: 250 2.0.0 Ok: queued as 4Vx9");
	make_said(made, "C: QUIT");
	make_said(made, "S: 221 2.0.0 Bye");
	session_end(made->connection.session);
}

static MAKE_UNUSED void make_blocklisted(struct made_connection *made)
{
	static const char *const lines[] = {
		"S: 220 mx.victim.test ESMTP",
		"C: EHLO [192.0.2.10]",
		"S: 250 mx.victim.test",
		"C: MAIL FROM:<win@shop.test>",
		"S: 250 2.1.0 Ok",
		"C: RCPT TO:<x@victim.test>",
		"S: 554 5.7.1 Service unavailable; Client host [192.0.2.10] blocked using "
		"zen.spamhaus.org; https://www.spamhaus.org/query/ip/192.0.2.10",
		"C: RCPT TO:<y@victim.test>",
		"S: 554 5.7.1 Service unavailable; Client host [192.0.2.10] blocked using "
		"zen.spamhaus.org"};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		make_said(made, lines[i]);
	session_end(made->connection.session);
	made->connection.verdict.reasons = 1ull << REASON_DIRECT_MX | 1ull << REASON_HELO_LITERAL |
					   1ull << REASON_REFUSED | 1ull << REASON_BLOCKLISTED |
					   1ull << REASON_NO_QUIT;
}

static MAKE_UNUSED void make_free(struct made_connection *made)
{
	process_free(made->connection.opener);
	process_free(made->connection.sender);
	for (unsigned int i = 0;
	     i < sizeof(made->connection.scripts) / sizeof(made->connection.scripts[0]); i++)
		free(made->connection.scripts[i]);
	free(made->connection.session);
	free(made->connection.recipients);
}

#endif
