/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sink_session.h - the server's side of one SMTP dialogue, as scripted by options
 *
 * Pure: bytes in, bytes out; sockets and time are sink.c's.
 */
#ifndef SMTPSNOOP_TOOLS_SINK_SESSION_H
#define SMTPSNOOP_TOOLS_SINK_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SINK_SCRIPTS 32 /* --reply options */
#define SINK_TURNS 16 /* of one verb */
#define SINK_LINE 2048 /* a longer command is answered 500 */

struct sink_text {
	char *bytes;
	size_t length, size;
};

/* Never fails: no memory ends the program. */
void sink_text_add(struct sink_text *text, const char *bytes, size_t length);

enum sink_starttls { STARTTLS_NOT, STARTTLS_REFUSE, STARTTLS_GARBAGE };

/* What one verb is answered: in turn, the last one for ever. */
struct sink_script {
	char verb[16];
	unsigned int count;
	char *replies[SINK_TURNS]; /* rendered with line ends; "" = hang up, "!" = reset */
};

struct sink_rules {
	char *greeting; /* rendered; "" = none */
	bool no_pipelining, chunking, auth;
	enum sink_starttls starttls;
	unsigned int script_count;
	struct sink_script scripts[SINK_SCRIPTS];
};

struct sink_counts {
	uint64_t connections, messages, recipients, refused_recipients, commands, bytes, body_bytes;
};

enum sink_state {
	SINK_COMMAND,
	SINK_BODY,
	SINK_CHUNK,
	SINK_AUTH_NAME, /* LOGIN: the name comes, the password is asked next */
	SINK_AUTH_LAST,
	SINK_SWALLOW, /* after STARTTLS: anything goes, garbage is answered once */
};

struct sink_session {
	enum sink_state state;
	uint8_t dot; /* how much of CR LF . CR LF was seen */
	bool shut; /* hang up when the output is written */
	bool reset; /* the same, by RST */
	bool greeted_badly;
	bool mail;
	bool chunk_last;
	bool cut;
	uint32_t recipients; /* accepted in this transaction */
	uint64_t chunk_left;
	uint8_t turns[SINK_SCRIPTS];
	uint16_t length;
	char line[SINK_LINE];
};

/*
 * "554 5.7.1 first\nsecond" becomes "554-5.7.1 first\r\n554 second\r\n". "drop" and "reset" are the two special answers.
 * The result is the caller's.
 */
char *sink_render(const char *text);

/* "RCPT=554 no": adds to the scripts. Ends the program when it makes no sense. */
void sink_script_add(struct sink_rules *rules, const char *text);

void sink_session_greet(struct sink_session *session, const struct sink_rules *rules,
			struct sink_text *out);
void sink_session_feed(struct sink_session *session, const struct sink_rules *rules,
		       struct sink_counts *counts, const char *bytes, size_t length,
		       struct sink_text *out);

#endif
