/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sink_session.c - the server's side of one SMTP dialogue (RFC 5321, 2920, 3030, 3207, 4954)
 *
 * Accepts everything unless --reply says otherwise; any verb can be scripted, those of other protocols too (USER, PASS).
 * Replies keep the order of the commands, so pipelined groups get pipelined replies. Fatal: no memory, senseless scripts.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "net.h"
#include "sink_session.h"

void sink_text_add(struct sink_text *text, const char *bytes, size_t length)
{
	if (text->size - text->length < length) {
		text->size = text->size * 2 + length + 512;
		text->bytes = realloc(text->bytes, text->size);
		if (!text->bytes)
			net_fail("replies");
	}
	memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
}

char *sink_render(const char *text)
{
	struct sink_text out = {0};
	const char *line = text, *end;

	if (!*text || !strcmp(text, "drop") || !strcmp(text, "reset"))
		return strdup(*text == 'r' ? "!" : "");
	if (!isdigit(text[0]) || !isdigit(text[1]) || !isdigit(text[2]))
		net_usage("a reply begins with three digits, or is \"drop\" or \"reset\": \"%s\"",
			  text);
	while (true) {
		size_t length;

		end = strchr(line, '\n');
		length = end ? (size_t)(end - line) : strlen(line);

		if (line == text) { /* the first line brings the code with it */
			line += text[3] ? 4 : 3;
			length -= text[3] && text[3] != '\n' ? 4 : 3;
		}
		sink_text_add(&out, text, 3);
		sink_text_add(&out, end ? "-" : " ", 1);
		sink_text_add(&out, line, length);
		sink_text_add(&out, "\r\n", 2);
		if (!end)
			break;
		line = end + 1;
	}
	sink_text_add(&out, "", 1);
	return out.bytes;
}

static struct sink_script *find_script(const struct sink_rules *rules, const char *verb)
{
	for (unsigned int i = 0; i < rules->script_count; i++)
		if (!strcasecmp(rules->scripts[i].verb, verb))
			return (struct sink_script *)&rules->scripts[i];
	return NULL;
}

void sink_script_add(struct sink_rules *rules, const char *text)
{
	size_t length = strcspn(text, "=");
	struct sink_script *script;
	char verb[16];

	if (!text[length] || !length || length >= sizeof(verb))
		net_usage("--reply wants VERB=CODE TEXT, not \"%s\"", text);
	memcpy(verb, text, length);
	verb[length] = '\0';
	script = find_script(rules, verb);
	if (!script) {
		if (rules->script_count == SINK_SCRIPTS)
			net_usage("more than %d verbs are scripted", SINK_SCRIPTS);
		script = &rules->scripts[rules->script_count++];
		strcpy(script->verb, verb);
	}
	if (script->count == SINK_TURNS)
		net_usage("more than %d replies for %s", SINK_TURNS, verb);
	script->replies[script->count++] = sink_render(text + length + 1);
}

/* Answers `verb` as scripted, else with `usual`. Returns the reply's first digit, 0 = hung up. */
static char answer(struct sink_session *session, const struct sink_rules *rules,
		   struct sink_text *out, const char *verb, const char *usual)
{
	const struct sink_script *script = rules->script_count ? find_script(rules, verb) : NULL;

	if (script) {
		uint8_t *turn = &session->turns[script - rules->scripts];

		usual = script->replies[*turn];
		if (*turn + 1u < script->count)
			(*turn)++;
	}
	if (*usual == '!' || !*usual) {
		session->reset = *usual == '!';
		session->shut = true;
		return 0;
	}
	sink_text_add(out, usual, strlen(usual));
	if (!strncmp(usual, "421", 3) || !strcasecmp(verb, "QUIT"))
		session->shut = true;
	return *usual;
}

static void answer_hello(struct sink_session *session, const struct sink_rules *rules,
			 struct sink_text *out, const char *verb)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "250-sink\r\n%s%s%s%s250-SIZE 104857600\r\n250-8BITMIME\r\n"
		 "250 ENHANCEDSTATUSCODES\r\n",
		 rules->no_pipelining ? "" : "250-PIPELINING\r\n",
		 rules->chunking ? "250-CHUNKING\r\n" : "",
		 rules->auth ? "250-AUTH PLAIN LOGIN\r\n" : "",
		 rules->starttls != STARTTLS_NOT ? "250-STARTTLS\r\n" : "");
	answer(session, rules, out, verb, text);
}

static void reset_transaction(struct sink_session *session)
{
	session->mail = false;
	session->recipients = 0;
}

static void answer_body(struct sink_session *session, const struct sink_rules *rules,
			struct sink_counts *counts, struct sink_text *out)
{
	if (answer(session, rules, out, "DOT", "250 2.0.0 Ok: queued\r\n") == '2')
		counts->messages++;
	reset_transaction(session);
	session->state = SINK_COMMAND;
}

static void answer_chunk(struct sink_session *session, const struct sink_rules *rules,
			 struct sink_counts *counts, struct sink_text *out)
{
	session->state = SINK_COMMAND;
	if (!session->recipients)
		answer(session, rules, out, "BDAT", "503 5.5.1 Need RCPT\r\n");
	else if (session->chunk_last)
		answer_body(session, rules, counts, out);
	else
		answer(session, rules, out, "BDAT", "250 2.0.0 Ok: chunk\r\n");
}

static void on_bdat(struct sink_session *session, const struct sink_rules *rules,
		    struct sink_counts *counts, struct sink_text *out, const char *argument)
{
	char *end;

	if (!rules->chunking) {
		answer(session, rules, out, "BDAT", "502 5.5.1 BDAT not implemented\r\n");
		return;
	}
	session->chunk_left = strtoull(argument, &end, 10);
	session->chunk_last = !strncasecmp(end, " LAST", 5);
	session->state = SINK_CHUNK;
	if (!session->chunk_left)
		answer_chunk(session, rules, counts, out);
}

static void on_auth(struct sink_session *session, const struct sink_rules *rules,
		    struct sink_text *out, const char *argument)
{
	if (!rules->auth) {
		answer(session, rules, out, "AUTH", "502 5.5.1 AUTH not enabled\r\n");
	} else if (!strncasecmp(argument, "PLAIN ", 6)) {
		answer(session, rules, out, "AUTH", "235 2.7.0 Authenticated\r\n");
	} else if (!strncasecmp(argument, "PLAIN", 5)) {
		sink_text_add(out, "334 \r\n", 6);
		session->state = SINK_AUTH_LAST;
	} else if (!strncasecmp(argument, "LOGIN ", 6)) {
		sink_text_add(out, "334 UGFzc3dvcmQ6\r\n", 18);
		session->state = SINK_AUTH_LAST;
	} else if (!strncasecmp(argument, "LOGIN", 5)) {
		sink_text_add(out, "334 VXNlcm5hbWU6\r\n", 18);
		session->state = SINK_AUTH_NAME;
	} else {
		answer(session, rules, out, "AUTH", "504 5.5.4 Unknown mechanism\r\n");
	}
}

static void on_starttls(struct sink_session *session, const struct sink_rules *rules,
			struct sink_text *out)
{
	static const char *const usual[] = {
		[STARTTLS_NOT] = "502 5.5.1 STARTTLS not implemented\r\n",
		[STARTTLS_REFUSE] = "454 4.7.0 TLS not available\r\n",
		[STARTTLS_GARBAGE] = "220 2.0.0 Ready to start TLS\r\n",
	};

	if (answer(session, rules, out, "STARTTLS", usual[rules->starttls]) == '2')
		session->state = SINK_SWALLOW;
}

/* MAIL, RCPT, DATA: those whose answer depends on the transaction. */
static bool on_transaction(struct sink_session *session, const struct sink_rules *rules,
			   struct sink_counts *counts, struct sink_text *out, const char *verb)
{
	if (!strcasecmp(verb, "MAIL")) {
		reset_transaction(session);
		session->mail = answer(session, rules, out, verb, "250 2.1.0 Ok\r\n") == '2';
	} else if (!strcasecmp(verb, "RCPT")) {
		if (answer(session, rules, out, verb,
			   session->mail ? "250 2.1.5 Ok\r\n" : "503 5.5.1 Need MAIL\r\n") == '2') {
			session->recipients++;
			counts->recipients++;
		} else {
			counts->refused_recipients++;
		}
	} else if (!strcasecmp(verb, "DATA")) {
		if (answer(session, rules, out, verb,
			   session->recipients ? "354 End data with <CR><LF>.<CR><LF>\r\n"
					       : "554 5.5.1 No valid recipients\r\n") == '3') {
			session->state = SINK_BODY;
			session->dot = 2;
		}
	} else {
		return false;
	}
	return true;
}

static void on_command(struct sink_session *session, const struct sink_rules *rules,
		       struct sink_counts *counts, struct sink_text *out)
{
	char verb[16] = "";
	size_t length = 0;
	const char *argument;

	counts->commands++;
	while (length < sizeof(verb) - 1 && isalnum((unsigned char)session->line[length])) {
		verb[length] = session->line[length];
		length++;
	}
	argument = session->line + length + (session->line[length] == ' ');

	if (!strcasecmp(verb, "QUIT"))
		answer(session, rules, out, verb, "221 2.0.0 Bye\r\n");
	else if (session->cut)
		answer(session, rules, out, "LONG", "500 5.5.2 Line too long\r\n");
	else if (session->greeted_badly)
		answer(session, rules, out, verb, "503 5.5.1 Bad sequence of commands\r\n");
	else if (!strcasecmp(verb, "EHLO") || !strcasecmp(verb, "LHLO"))
		answer_hello(session, rules, out, verb);
	else if (!strcasecmp(verb, "HELO"))
		answer(session, rules, out, verb, "250 sink\r\n");
	else if (on_transaction(session, rules, counts, out, verb))
		;
	else if (!strcasecmp(verb, "BDAT"))
		on_bdat(session, rules, counts, out, argument);
	else if (!strcasecmp(verb, "AUTH"))
		on_auth(session, rules, out, argument);
	else if (!strcasecmp(verb, "STARTTLS"))
		on_starttls(session, rules, out);
	else if (!strcasecmp(verb, "RSET") || !strcasecmp(verb, "NOOP"))
		answer(session, rules, out, verb, "250 2.0.0 Ok\r\n");
	else
		answer(session, rules, out, verb, "500 5.5.1 Command unknown\r\n");
	if (!strcasecmp(verb, "RSET"))
		reset_transaction(session);
}

static void on_line(struct sink_session *session, const struct sink_rules *rules,
		    struct sink_counts *counts, struct sink_text *out)
{
	if (session->length && session->line[session->length - 1] == '\r')
		session->length--;
	session->line[session->length] = '\0';
	if (session->state == SINK_AUTH_NAME) {
		sink_text_add(out, "334 UGFzc3dvcmQ6\r\n", 18);
		session->state = SINK_AUTH_LAST;
	} else if (session->state == SINK_AUTH_LAST) {
		session->state = SINK_COMMAND;
		answer(session, rules, out, "AUTH", "235 2.7.0 Authenticated\r\n");
	} else {
		on_command(session, rules, counts, out);
	}
	session->length = 0;
	session->cut = false;
}

/* Returns how many bytes were taken: up to the end of a line, or all. */
static size_t take_line(struct sink_session *session, const struct sink_rules *rules,
			struct sink_counts *counts, const char *bytes, size_t length,
			struct sink_text *out)
{
	const char *end = memchr(bytes, '\n', length);
	size_t taken = end ? (size_t)(end - bytes) + 1 : length;
	size_t kept = end ? taken - 1 : taken;

	if (kept > SINK_LINE - 1u - session->length) {
		kept = SINK_LINE - 1u - session->length;
		session->cut = true;
	}
	memcpy(session->line + session->length, bytes, kept);
	session->length += (uint16_t)kept;
	if (end)
		on_line(session, rules, counts, out);
	return taken;
}

/* The same for a body: up to the lone dot, or all. dot: 1 CR, 2 CR LF, 3 CR LF ., 4 CR LF . CR */
static size_t take_body(struct sink_session *session, const struct sink_rules *rules,
			struct sink_counts *counts, const char *bytes, size_t length,
			struct sink_text *out)
{
	const char *at = bytes, *end = bytes + length;

	while (at < end) {
		if (session->dot == 0) {
			at = memchr(at, '\r', (size_t)(end - at));
			if (!at)
				break;
		}
		if (*at == '\n' && session->dot == 4) {
			counts->body_bytes += (size_t)(at + 1 - bytes);
			answer_body(session, rules, counts, out);
			return (size_t)(at + 1 - bytes);
		}
		if (*at == '\r')
			session->dot = session->dot == 3 ? 4 : 1;
		else if (*at == '\n' && session->dot == 1)
			session->dot = 2;
		else if (*at == '.' && session->dot == 2)
			session->dot = 3;
		else
			session->dot = 0;
		at++;
	}
	counts->body_bytes += length;
	return length;
}

static size_t take_chunk(struct sink_session *session, const struct sink_rules *rules,
			 struct sink_counts *counts, size_t length, struct sink_text *out)
{
	if (length > session->chunk_left)
		length = (size_t)session->chunk_left;
	session->chunk_left -= length;
	counts->body_bytes += length;
	if (!session->chunk_left)
		answer_chunk(session, rules, counts, out);
	return length;
}

void sink_session_greet(struct sink_session *session, const struct sink_rules *rules,
			struct sink_text *out)
{
	session->greeted_badly = rules->greeting[0] == '4' || rules->greeting[0] == '5';
	sink_text_add(out, rules->greeting, strlen(rules->greeting));
	if (!strncmp(rules->greeting, "421", 3))
		session->shut = true;
}

void sink_session_feed(struct sink_session *session, const struct sink_rules *rules,
		       struct sink_counts *counts, const char *bytes, size_t length,
		       struct sink_text *out)
{
	static const char garbage[] = "\x15\x03\x01\x00\x02\x02\x28\xff\x00garbage\r\n\x80";

	counts->bytes += length;
	while (length && !session->shut) {
		size_t taken = length;

		if (session->state == SINK_SWALLOW) {
			sink_text_add(out, garbage, sizeof(garbage));
			session->shut = true;
		} else if (session->state == SINK_BODY) {
			taken = take_body(session, rules, counts, bytes, length, out);
		} else if (session->state == SINK_CHUNK) {
			taken = take_chunk(session, rules, counts, length, out);
		} else {
			taken = take_line(session, rules, counts, bytes, length, out);
		}
		bytes += taken;
		length -= taken;
	}
}
