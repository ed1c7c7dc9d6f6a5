/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mask.c - takes recipients' names out of the dialogue
 *
 * Recipients are third parties, and servers repeat their addresses in refusals. What is unclear is masked rather than shown:
 * a name too many costs nothing. Pure; nothing is fatal.
 */
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "present/mask.h"

struct masked {
	char *out;
	size_t length;
};

static void put(struct masked *masked, const char *bytes, size_t length)
{
	if (length > MASK_BYTES - masked->length)
		length = MASK_BYTES - masked->length;
	if (length)
		memcpy(masked->out + masked->length, bytes, length);
	masked->length += length;
}

static void put_bytes(struct masked *masked, struct bytes bytes)
{
	put(masked, bytes.at, bytes.length);
}

/* Where the domain begins, with its @: also as URLs (%40) and RFC 3461's ORCPT (+40) write it. length = there is none. */
static size_t domain_at(struct bytes text)
{
	for (size_t i = text.length; i-- > 0;) {
		if (text.at[i] == '@')
			return i;
		if (text.length - i >= 3 && (text.at[i] == '%' || text.at[i] == '+') &&
		    text.at[i + 1] == '4' && text.at[i + 2] == '0')
			return i;
	}
	return text.length;
}

/* "name@domain" or a name alone. */
static void put_masked(struct masked *masked, struct bytes address)
{
	size_t at = domain_at(address);

	if (at)
		put(masked, "***", 3);
	put_bytes(masked, bytes_after(address, at));
}

/* Length of the quoted string at the beginning, with its quotes; 0 = it doesn't end. */
static size_t quoted(struct bytes text)
{
	for (size_t i = 1; i < text.length; i++) {
		if (text.at[i] == '\\')
			i++;
		else if (text.at[i] == '"')
			return i + 1;
	}
	return 0;
}

/* Bytes up to the first of `ends`, or all; with `quotes`, what is quoted is passed over. */
static size_t span(struct bytes text, const char *ends, bool quotes)
{
	size_t i = 0;

	while (i < text.length) {
		size_t skip = quotes && text.at[i] == '"' ? quoted(bytes_after(text, i)) : 0;

		if (!skip && text.at[i] && strchr(ends, text.at[i]))
			break;
		i += skip ? skip : 1;
	}
	return i;
}

/* "<CR>", "<https://...>" are no names. */
static bool is_word(struct bytes inside)
{
	static const char *const words[] = {"CR", "LF", "CRLF"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (inside.length == strlen(words[i]) &&
		    !strncasecmp(inside.at, words[i], inside.length))
			return true;
	return bytes_hold(inside, "://");
}

/* "<name@domain>" at the beginning; an end that was cut off counts as there. Returns the bytes used. */
static size_t angle(struct masked *masked, struct bytes text)
{
	struct bytes inside = bytes_after(text, 1);

	inside.length = span(inside, ">", true);
	put(masked, "<", 1);
	if (domain_at(inside) == inside.length && is_word(inside))
		put_bytes(masked, inside);
	else
		put_masked(masked, inside);
	return 1 + inside.length;
}

static void mask_text(struct masked *masked, struct bytes text)
{
	static const char ends[] = " \t<>()[]{},;:\"";

	while (text.length) {
		size_t skip = *text.at == '"' ? quoted(text) : 0;
		struct bytes word = {text.at, skip};

		if (*text.at == '<') {
			text = bytes_after(text, angle(masked, text));
			continue;
		}
		if (skip && skip < text.length && text.at[skip] == '@') {
			word.length += span(bytes_after(text, skip), ends, false);
			put_masked(masked, word);
		} else {
			word.length = span(text, ends, false);
			if (!word.length)
				word.length = 1;
			if (domain_at(word) < word.length)
				put_masked(masked, word);
			else
				put_bytes(masked, word);
		}
		text = bytes_after(text, word.length);
	}
}

size_t mask_reply(char *out, const char *line, size_t length)
{
	struct masked masked = {.out = out};

	mask_text(&masked, (struct bytes){line, length});
	return masked.length;
}

static size_t blanks(struct bytes text)
{
	size_t i = 0;

	while (i < text.length && (text.at[i] == ' ' || text.at[i] == '\t'))
		i++;
	return i;
}

static bool begins(struct bytes text, const char *word)
{
	return text.length >= strlen(word) && !strncasecmp(text.at, word, strlen(word));
}

/* The path of RCPT is a name even without @ and <>: everything up to it is kept. */
static size_t path_at(struct bytes line)
{
	size_t at = strlen("RCPT");

	at += blanks(bytes_after(line, at));
	if (begins(bytes_after(line, at), "TO")) {
		size_t behind = at + 2 + blanks(bytes_after(line, at + 2));
		char next = behind < line.length ? line.at[behind] : '\0';

		/* "RCPT tom" has no TO. */
		if (next == ':' || next == '<' || behind > at + 2)
			at = behind + (next == ':');
	}
	return at + blanks(bytes_after(line, at));
}

size_t mask_command(char *out, const char *line, size_t length)
{
	static const char *const senders[] = {"MAIL", "EHLO", "HELO", "LHLO"};
	struct masked masked = {.out = out};
	struct bytes text = {line, length}, path;
	size_t at = blanks(text);

	put(&masked, line, at);
	text = bytes_after(text, at);
	for (size_t i = 0; i < sizeof(senders) / sizeof(senders[0]); i++) {
		if (begins(text, senders[i])) {
			put_bytes(&masked, text);
			return masked.length;
		}
	}
	if (begins(text, "RCPT")) {
		at = path_at(text);
		put(&masked, text.at, at);
		text = bytes_after(text, at);
		if (text.length && *text.at != '<') {
			path = (struct bytes){text.at, span(text, " \t", true)};
			put_masked(&masked, path);
			text = bytes_after(text, path.length);
		}
	}
	mask_text(&masked, text);
	return masked.length;
}
