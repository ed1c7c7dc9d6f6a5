/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * source_session.c - the client's side of one SMTP dialogue (RFC 5321, 2920)
 *
 * A bot's patience: whatever is refused, the next thing is tried; a bad greeting ends it with QUIT.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source_session.h"

enum step { GREETING, EHLO, MAIL, RCPT, DATA, BODY, QUIT };

#define FIRST_MESSAGE 2u /* steps before it: greeting and EHLO */

static uint32_t message_steps(const struct source_plan *plan)
{
	return plan->recipients + 3; /* MAIL, DATA and body */
}

static uint32_t quit_step(const struct source_plan *plan)
{
	return FIRST_MESSAGE + plan->messages * message_steps(plan);
}

static enum step step_kind(const struct source_plan *plan, uint32_t step)
{
	uint32_t inside;

	if (step < FIRST_MESSAGE)
		return (enum step)step;
	if (step >= quit_step(plan))
		return QUIT;
	inside = (step - FIRST_MESSAGE) % message_steps(plan);
	if (inside == 0)
		return MAIL;
	if (inside <= plan->recipients)
		return RCPT;
	return inside == plan->recipients + 1 ? DATA : BODY;
}

/* The first step of the message behind the one that `step` belongs to, or QUIT. */
static uint32_t next_message(const struct source_plan *plan, uint32_t step)
{
	uint32_t length = message_steps(plan);

	return FIRST_MESSAGE + ((step - FIRST_MESSAGE) / length + 1) * length;
}

char *source_body(size_t size, const char *marker, const char *from, size_t *length)
{
	static const char filler[] = "Cheap watches, only today, only for you, click here now.\r\n";
	size_t line = strlen(marker) + 1 + sizeof(filler) - 1;
	size_t room = size + line + strlen(from) + 256, used;
	char *body = malloc(room);

	if (!body)
		return NULL;
	used = (size_t)snprintf(
		body, room, "From: <%s>\r\nSubject: an offer\r\nMIME-Version: 1.0\r\n\r\n", from);
	do
		used += (size_t)snprintf(body + used, room - used, "%s%s%s", marker,
					 *marker ? " " : "", filler);
	while (used < size);
	memcpy(body + used, ".\r\n", 3);
	*length = used + 3;
	return body;
}

/* May `said` go out before everything in front of it is answered? */
static bool may_say(const struct source_session *session, const struct source_plan *plan)
{
	enum step kind = step_kind(plan, session->said);

	if (session->said == session->answered)
		return true;
	if (kind == EHLO)
		return plan->early;
	if (!plan->pipeline || (kind != RCPT && kind != DATA))
		return false;
	return session->answered >= FIRST_MESSAGE;
}

static size_t say(const struct source_session *session, const struct source_plan *plan, char *out,
		  size_t size)
{
	uint32_t number = (session->said - FIRST_MESSAGE) % message_steps(plan);
	int n = 0;

	switch (step_kind(plan, session->said)) {
	case EHLO:
		n = snprintf(out, size, "EHLO %s\r\n", plan->helo);
		break;
	case MAIL:
		n = snprintf(out, size, "MAIL FROM:<%s>\r\n", plan->from);
		break;
	case RCPT:
		n = snprintf(out, size, "RCPT TO:<rcpt%u@%s>\r\n", number, plan->domain);
		break;
	case DATA:
		n = snprintf(out, size, "DATA\r\n");
		break;
	case QUIT:
		n = snprintf(out, size, "QUIT\r\n");
		break;
	case GREETING:
	case BODY:
		break; /* not said: heard, and written by the caller */
	}
	return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

enum source_next source_session_next(struct source_session *session, const struct source_plan *plan,
				     char *out, size_t size, size_t *used)
{
	*used = 0;
	if (session->said == 0)
		session->said = EHLO; /* the greeting is not ours to say */
	while (size - *used >= SOURCE_LINE && may_say(session, plan)) {
		enum step kind = step_kind(plan, session->said);

		if (session->said > quit_step(plan) || (kind == QUIT && !plan->quit))
			return *used ? SOURCE_SAY : SOURCE_OVER;
		if (kind == BODY) {
			if (*used)
				break;
			session->said++;
			return SOURCE_BODY;
		}
		*used += say(session, plan, out + *used, size - *used);
		session->said++;
	}
	return *used ? SOURCE_SAY : SOURCE_WAIT;
}

bool source_session_over(const struct source_session *session, const struct source_plan *plan)
{
	return session->answered >= quit_step(plan);
}

static void jump(struct source_session *session, uint32_t step)
{
	session->said = session->answered = step;
}

static void on_reply(struct source_session *session, const struct source_plan *plan,
		     struct source_counts *counts, unsigned int code)
{
	uint32_t step = session->answered++;
	bool good = code / 100 == 2, waits = session->said == session->answered;

	switch (step_kind(plan, step)) {
	case GREETING:
	case EHLO:
		session->greeted_badly |= !good;
		if (session->greeted_badly && session->said <= session->answered)
			jump(session, quit_step(plan));
		break;
	case MAIL:
		session->accepted = 0;
		if (!good && waits) {
			counts->messages_refused++;
			jump(session, next_message(plan, step));
		}
		break;
	case RCPT:
		session->accepted += good;
		counts->recipients += good;
		counts->recipients_refused += !good;
		if (!session->accepted && waits && step_kind(plan, session->said) == DATA) {
			counts->messages_refused++;
			jump(session, next_message(plan, step));
		}
		break;
	case DATA:
		if (code / 100 != 3) {
			counts->messages_refused++;
			jump(session, next_message(plan, step));
		}
		break;
	case BODY:
		counts->accepted += good;
		counts->messages_refused += !good;
		break;
	case QUIT:
		break;
	}
}

void source_session_feed(struct source_session *session, const struct source_plan *plan,
			 struct source_counts *counts, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		char byte = bytes[i];

		if (byte == '\n') {
			unsigned int code = session->column >= 3 ? session->digits : 0;
			bool more = session->more;

			session->column = 0;
			session->digits = 0;
			session->more = false;
			if (!more && session->answered < session->said)
				on_reply(session, plan, counts, code);
		} else if (session->column < 3 && byte >= '0' && byte <= '9') {
			session->digits = (uint16_t)(session->digits * 10 + byte - '0');
			session->column++;
		} else if (session->column == 3) {
			session->more = byte == '-';
			session->column++;
		} else if (session->column < 3) {
			session->column = 4; /* no reply: counted as one with code 0 */
		}
	}
}
