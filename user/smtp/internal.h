/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * internal.h - what the files of the session machine tell each other; nobody else includes it
 *
 * session.c takes the pieces and the notes of the gate, commands.c the client's lines, replies.c the server's, facts.c keeps
 * what is worth keeping.
 */
#ifndef SMTPSNOOP_SMTP_INTERNAL_H
#define SMTPSNOOP_SMTP_INTERNAL_H

#include <string.h>

#include "smtp/session.h"

struct line;

/* A complete line; lost ones too. */
void commands_line(struct session *session, const struct line *line);
void replies_line(struct session *session, const struct line *line);

static inline void facts_text(struct session_text *text, char *kept, size_t size, const char *bytes,
			      size_t length, bool cut)
{
	text->seen = true;
	text->cut = cut || length > size;
	text->length = (uint16_t)(length < size ? length : size);
	memcpy(kept, bytes, text->length);
}

void facts_sender(struct session_facts *facts, const char *path, size_t length);
/* quoted: there are quotes in it, in which an @ is no end of the local part. */
void facts_recipient(struct session *session, const char *path, size_t length, bool quoted);
/* A HELO name was said; then the oldest one without a reply was answered, or will never be. */
void facts_helo_tried(struct session *session, const char *name, size_t length, bool cut);
void facts_helo_answered(struct session *session, bool accepted);
/* One line of a 4xx or 5xx: is it more telling than what is kept? `last`: the line that ends the reply. */
void facts_refusal(struct session *session, unsigned int code, const struct line *line, bool last);

/* The n oldest commands will get no reply any more. */
void session_forget(struct session *session, unsigned int n);
/* Ends the dialogue: what follows is TLS or another protocol. */
void session_deafen(struct session *session);

#endif
