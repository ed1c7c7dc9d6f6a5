/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * session.h - the SMTP session machine: from two streams of bytes to the facts of one dialogue
 *
 * Pure: no clock, no I/O, no allocation; one struct is everything. Fed in the order in which the gate passed the pieces;
 * RFC 5321, 1870, 2034, 2920 (pipelining), 3030 (BDAT), 3207 (STARTTLS), 4954 (AUTH). Replies are matched to commands first
 * in, first out, never lock-step. Every text is the other side's choice; bounds are in base/limits.h.
 *
 * The exact meaning of each counter is that of the public captures' expectations:
 * from        every MAIL FROM path in order, refused ones too, without <> and parameters; "" = the null sender
 * recipients  all RCPT commands; refused: those answered 4xx or 5xx
 * messages    354 and lone dot, or a well-formed BDAT LAST with all its octets; accepted: that was answered 2xx.
 *             Where no server side is seen at all, 354 is assumed. A 2xx to a body counts it even if the dot was not seen.
 * replies     complete replies by first digit, greeting included, multi-line = one
 * last_reply  the last line of the last complete reply
 * helo        argument of the last EHLO/HELO/LHLO answered 2xx, else of the last tried
 * greeting    the first line of the server's first reply
 */
#ifndef SMTPSNOOP_SESSION_H
#define SMTPSNOOP_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"
#include "base/limits.h"
#include "smtp/machine.h"

/* Bytes with a length; bytes[] is not terminated; cut = the original was longer. */
struct session_text {
	uint16_t length;
	bool seen;
	bool cut;
};

enum session_tls { SESSION_TLS_NONE = 0, SESSION_TLS_STARTTLS = 1, SESSION_TLS_IMPLICIT = 2 };
enum session_auth {
	SESSION_AUTH_NONE = 0,
	SESSION_AUTH_TRIED = 1, /* no final reply seen */
	SESSION_AUTH_SUCCESS = 2, /* 235 */
	SESSION_AUTH_FAILURE = 3, /* 4xx, 5xx */
};

struct session_facts {
	struct session_text greeting, helo, last_reply, sni, mechanism;
	char greeting_bytes[LIMIT_GREETING];
	char helo_bytes[LIMIT_HELO];
	char last_reply_bytes[LIMIT_REPLY];
	char sni_bytes[LIMIT_SNI];
	char mechanism_bytes[LIMIT_MECHANISM]; /* upper case */
	uint16_t last_code; /* 0 = none */
	struct session_text receipt; /* the reply that accepted the last message: its queue id */
	char receipt_bytes[LIMIT_REPLY];
	/* The most telling refusal: the last 4xx/5xx whose text names a blocklist, else the last 5xx, else the last 4xx. */
	struct session_text worst_reply;
	char worst_reply_bytes[LIMIT_REPLY];
	uint16_t worst_code;
	const char *blocklist; /* its name from the table in blocklist.h, NULL = none named */

	/* MAIL FROM paths: those kept lie one after another in from_bytes, each with its length in from_lengths. */
	uint32_t from_count; /* all of them */
	uint16_t from_kept;
	uint16_t from_lengths[LIMIT_SENDERS];
	uint16_t from_used; /* bytes of from_bytes in use */
	char from_bytes[LIMIT_SENDER_BYTES];

	/* Recipient domains, each once, lower case; same layout. */
	uint32_t domains_over; /* different or not: those that found no room */
	uint16_t domains_kept;
	uint16_t domain_lengths[LIMIT_DOMAINS];
	uint16_t domains_used;
	char domain_bytes[LIMIT_DOMAIN_BYTES];

	uint32_t recipients, refused; /* as above */
	uint32_t accepted_recipients; /* RCPT answered 2xx */
	uint32_t messages, accepted;
	uint32_t replies[4]; /* 2xx, 3xx, 4xx, 5xx */
	uint64_t body_bytes; /* withheld as body */
	uint32_t gaps; /* places where bytes are missing, outside bodies, secrets and TLS */
	uint64_t gap_bytes;
	uint8_t tls; /* enum session_tls */
	uint8_t auth; /* enum session_auth */
	bool smtp; /* EHLO/HELO/LHLO or MAIL FROM:/RCPT TO: was seen */
	bool lmtp; /* LHLO */
	bool bare_lf, bare_cr; /* line ends that RFC 5321 2.3.8 forbids */
	bool early_talker; /* the client spoke before the greeting was complete */
	bool quit; /* QUIT was said */
	bool helo_changed; /* two accepted greetings of the client with different names */
	bool pending_over; /* more than LIMIT_PENDING commands waited */
	bool urgent; /* TCP urgent bytes came: no part of the dialogue */
	bool line_cut; /* a line longer than LIMIT_LINE */
	bool refused_greeting; /* the greeting was 4xx or 5xx */
};

/* One RCPT address, called with the address's bytes as given (no <>), only if a callback is set. */
typedef void session_recipient_fn(void *context, const char *address, size_t length);

/* Every complete command line and reply line in order, for --events; NULL = nobody listens. Bytes without line end. */
typedef void session_step_fn(void *context, enum event_direction from, const char *line,
			     size_t length);

struct session {
	struct session_facts facts;
	session_recipient_fn *on_recipient;
	session_step_fn *on_step;
	void *context;
	struct session_machine machine; /* private to the session machine */
};

/*
 * remote_port 465 makes TLS implicit when a ClientHello comes first and the server does not answer in plain text. The
 * callbacks may be NULL.
 */
void session_init(struct session *session, uint16_t remote_port, session_recipient_fn *on_recipient,
		  session_step_fn *on_step, void *context);

/*
 * One EVENT_DATA: `length` bytes at `offset`, then `withheld` bytes left out because of `why`. flags are DATA_*. An offset
 * beyond what was expected is a gap; bytes before it are dropped as already seen. Never fails.
 */
void session_data(struct session *session, enum event_direction from, uint64_t offset,
		  const uint8_t *bytes, size_t length, uint64_t withheld, enum withheld why,
		  uint8_t flags);

/* The connection is over: what is pending is settled as unanswered. */
void session_end(struct session *session);

#endif
