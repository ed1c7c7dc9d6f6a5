/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * html.c - texts and numbers as a page has them
 *
 * Markup is made harmless in one function. Control characters, invalid UTF-8 and what could reorder a line went through escape_text()
 * before. Nothing is fatal; write errors stay in the FILE.
 */
#include "present/html.h"

#include <inttypes.h>
#include <string.h>

#include "base/escape.h"
#include "base/limits.h"
#include "base/utf8.h"

#define MARKS 3 /* of one letter */
#define SHORT 32 /* fits into a line of a phone */

/* Five characters have a meaning in text or in a value between quotes. */
static void put(FILE *out, const char *words, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		switch (words[i]) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		case '\'':
			fputs("&#39;", out);
			break;
		default:
			fputc(words[i], out);
		}
	}
}

void html_text(FILE *out, const char *words)
{
	put(out, words, strlen(words));
}

/* Marks over a letter are drawn one above the other: a few belong to a language, many are drawn over the lines around. */
static bool too_many_marks(const char *character, size_t length, unsigned int *marks)
{
	*marks = escape_columns(character, length) ? 0 : *marks + 1;
	return *marks > MARKS;
}

static void put_piece(FILE *out, struct bytes piece)
{
	char shown[4 * 2 * LIMIT_HTML_TEXT + 1]; /* each byte as \xNN */
	size_t length = escape_text(shown, sizeof(shown), piece.at, piece.length, NULL);
	unsigned int marks = 0;
	uint32_t unused;

	for (size_t i = 0, size; i < length; i += size) {
		size = utf8_decode(shown + i, length - i, &unused);
		if (!size)
			size = 1;
		if (!too_many_marks(shown + i, size, &marks)) {
			put(out, shown + i, size);
			continue;
		}
		for (size_t byte = 0; byte < size; byte++)
			fprintf(out, "\\x%02x", (unsigned char)shown[i + byte]);
	}
}

/* Not in the middle of a character. */
static bool continues(struct bytes text, size_t at)
{
	return (text.at[at] & 0xc0) == 0x80;
}

/* The style sheet breaks long ones anywhere. */
static void open_bdi(FILE *out, size_t length)
{
	fputs(length > SHORT ? "<bdi class=\"long\">" : "<bdi>", out);
}

void html_name(FILE *out, const char *words)
{
	open_bdi(out, strlen(words));
	html_text(out, words);
	fputs("</bdi>", out);
}

void html_bytes(FILE *out, struct bytes text)
{
	size_t head = LIMIT_HTML_TEXT, tail = LIMIT_HTML_TEXT;

	open_bdi(out, text.length);
	if (text.length <= head + tail) {
		put_piece(out, text);
	} else {
		for (int i = 0; i < 3 && continues(text, head); i++)
			head--;
		for (int i = 0; i < 3 && continues(text, text.length - tail); i++)
			tail--;
		put_piece(out, (struct bytes){text.at, head});
		fprintf(out, "<i class=\"cut\"> [%zu bytes left out] </i>",
			text.length - head - tail);
		put_piece(out, bytes_after(text, text.length - tail));
	}
	fputs("</bdi>", out);
}

void html_number(char out[HTML_NUMBER], uint64_t number)
{
	char digits[24];
	size_t length = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, number);

	for (size_t i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			*out++ = ',';
		*out++ = digits[i];
	}
	*out = '\0';
}

void html_count(char out[HTML_NUMBER], uint64_t number)
{
	static const char *const words[] = {"no",   "one",    "two",   "three", "four",
					    "five", "six",    "seven", "eight", "nine",
					    "ten",  "eleven", "twelve"};

	if (number < sizeof(words) / sizeof(words[0]))
		snprintf(out, HTML_NUMBER, "%s", words[number]);
	else
		html_number(out, number);
}
