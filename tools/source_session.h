/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * source_session.h - the client's side of one SMTP dialogue: which step may be said next, and what an answer means
 *
 * Pure: replies in, commands out; sockets and time are source.c's. The steps of a dialogue are numbered: greeting, EHLO,
 * then for each message MAIL, each RCPT, DATA, body, and QUIT. What was said and what was answered are two positions in
 * that one row.
 */
#ifndef SMTPSNOOP_TOOLS_SOURCE_SESSION_H
#define SMTPSNOOP_TOOLS_SOURCE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct source_plan {
	const char *helo, *from, *domain; /* recipients are rcptN@domain */
	uint32_t recipients, messages;
	bool pipeline; /* MAIL, RCPT and DATA in one write */
	bool early; /* EHLO before the greeting */
	bool quit;
	char *body; /* with the lone dot */
	size_t body_length;
};

/* attempts == established + failed; established == finished + broken, when all is over. */
struct source_counts {
	uint64_t attempts, established, failed, finished, broken;
	uint64_t refused, timeout, unreachable, other; /* why failed */
	uint64_t no_port; /* connect found no free port: tried again, no attempt */
	uint64_t accepted, messages_refused; /* messages */
	uint64_t recipients, recipients_refused;
	uint64_t bytes_out, bytes_in;
};

enum source_next {
	SOURCE_WAIT, /* for a reply */
	SOURCE_SAY, /* there is something in the buffer */
	SOURCE_BODY, /* the plan's body is to be sent */
	SOURCE_OVER, /* nothing is left but to hang up */
};

struct source_session {
	uint32_t said, answered; /* steps */
	uint32_t accepted; /* recipients of this message */
	bool greeted_badly;
	uint16_t digits; /* of the reply line so far, as a number */
	uint8_t column; /* in the reply line, up to 4 */
	bool more; /* the reply has another line */
};

/* The body: a header, then lines that begin with the marker, `size` bytes at least, the lone dot. NULL = no memory. */
char *source_body(size_t size, const char *marker, const char *from, size_t *length);

/*
 * What is to be done now. SOURCE_SAY: commands were appended to `out` (*used of `size` bytes), at most as many as found room;
 * ask again when they are sent. `size` must be at least SOURCE_LINE.
 */
#define SOURCE_LINE 1100
enum source_next source_session_next(struct source_session *session, const struct source_plan *plan,
				     char *out, size_t size, size_t *used);

/* Is everything but QUIT said and answered? Then --hold-seconds begins, and hanging up is no fault. */
bool source_session_over(const struct source_session *session, const struct source_plan *plan);

void source_session_feed(struct source_session *session, const struct source_plan *plan,
			 struct source_counts *counts, const char *bytes, size_t length);

#endif
