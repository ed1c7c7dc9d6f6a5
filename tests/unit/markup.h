/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * markup.h - reads a page as strictly as XML is read, and refuses what a report's page must not have
 */
#ifndef SMTPSNOOP_TEST_MARKUP_H
#define SMTPSNOOP_TEST_MARKUP_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"

#define MARKUP_DEPTH 32

struct markup {
	const char *at;
	char open[MARKUP_DEPTH][24];
	unsigned int depth;
	unsigned long elements;
};

static inline void markup_wrong(const struct markup *markup, const char *why)
{
	fail_msg("%s, at: %.120s", why, markup->at);
}

/* What a report is made of; nothing that runs, loads, leads elsewhere or sends. */
static inline bool markup_known(const char *name)
{
	static const char *const names[] = {
		"html",	   "head",    "meta",	"style", "title", "body", "main",    "header",
		"h1",	   "h2",      "h3",	"p",	 "b",	  "i",	  "bdi",     "br",
		"ul",	   "li",      "dl",	"dt",	 "dd",	  "span", "section", "div",
		"table",   "thead",   "tbody",	"tr",	 "th",	  "td",	  "figure",  "figcaption",
		"details", "summary", "footer", "svg",	 "defs",  "desc", "pattern", "path",
		"rect",	   "line",    "text",	"g"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static inline void markup_attribute(struct markup *markup, const char *name, const char *value)
{
	static const char *const numbers[] = {"x", "y", "x1", "x2", "y1", "y2", "width", "height"};
	static const char *const names[] = {
		"lang",	       "dir",	      "charset",     "name",
		"content",     "http-equiv",  "class",	     "scope",
		"role",	       "aria-label",  "aria-hidden", "aria-labelledby",
		"id",	       "viewBox",     "xmlns",	     "d",
		"fill",	       "text-anchor", "tabindex",    "preserveAspectRatio",
		"patternUnits"};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		char *end;
		double number;

		if (strcmp(name, numbers[i]) != 0)
			continue;
		number = strtod(value, &end);
		if (*end || !isfinite(number) || number < 0 || number > 1000.05)
			markup_wrong(markup, "no place in the picture");
		return;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return;
	markup_wrong(markup, "an attribute that is not expected");
}

/* Text or a value up to `end`. */
static inline void markup_text(struct markup *markup, char end)
{
	static const char *const entities[] = {"&amp;", "&lt;",	  "&gt;",    "&quot;",
					       "&#39;", "&#183;", "&#8220;", "&#8221;"};

	while (*markup->at && *markup->at != end) {
		bool known = *markup->at != '&';

		if (*markup->at == '<' || ((unsigned char)*markup->at < ' ' && *markup->at != '\n'))
			markup_wrong(markup, "a character that is not to be here");
		for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++)
			known = known || strncmp(markup->at, entities[i], strlen(entities[i])) == 0;
		if (!known)
			markup_wrong(markup, "an entity that is none");
		markup->at++;
	}
	if (!*markup->at && end)
		markup_wrong(markup, "no end");
}

static inline size_t markup_name(struct markup *markup, char *out, size_t size)
{
	size_t length = strspn(markup->at, "abcdefghijklmnopqrstuvwxyzABRSU12345-");

	if (!length || length >= size)
		markup_wrong(markup, "a name is expected");
	snprintf(out, size, "%.*s", (int)length, markup->at);
	markup->at += length;
	return length;
}

static inline void markup_open(struct markup *markup)
{
	char name[24], attribute[24], value[512];

	markup_name(markup, name, sizeof(name));
	if (!markup_known(name))
		markup_wrong(markup, "an element that is not expected");
	markup->elements++;
	while (*markup->at == ' ') {
		const char *begin;

		markup->at++;
		markup_name(markup, attribute, sizeof(attribute));
		if (strncmp(markup->at, "=\"", 2) != 0)
			markup_wrong(markup, "a value in quotes is expected");
		begin = markup->at += 2;
		markup_text(markup, '"');
		snprintf(value, sizeof(value), "%.*s", (int)(markup->at - begin), begin);
		markup_attribute(markup, attribute, value);
		markup->at++;
	}
	if (strncmp(markup->at, "/>", 2) == 0) {
		markup->at += 2;
		return;
	}
	if (*markup->at++ != '>' || markup->depth == MARKUP_DEPTH)
		markup_wrong(markup, "the element's end is expected");
	strcpy(markup->open[markup->depth++], name);
}

static inline void markup_close(struct markup *markup)
{
	char name[24];

	markup_name(markup, name, sizeof(name));
	if (!markup->depth || strcmp(markup->open[markup->depth - 1], name) != 0)
		markup_wrong(markup, "another element is open");
	markup->depth--;
	if (*markup->at++ != '>')
		markup_wrong(markup, "the tag's end is expected");
}

/* Returns how many elements there were. */
static inline unsigned long markup_read(const char *page)
{
	static const char type[] = "<!DOCTYPE html>\n";
	struct markup markup = {.at = page};
	static char again[1 << 16];

	/* All of it could be shown as it is. */
	for (const char *line = page; *line; line += strcspn(line, "\n") + 1) {
		size_t length = strcspn(line, "\n");

		assert_true(2 * length < sizeof(again));
		escape_json(again, sizeof(again), line, length, NULL);
		if (strstr(again, "\\u"))
			fail_msg("not printable: %.*s", (int)length, line);
	}
	assert_memory_equal(page, type, strlen(type));
	markup.at += strlen(type);
	while (*markup.at) {
		markup_text(&markup, *markup.at == '<' ? '<' : markup.depth ? '<' : '\0');
		if (!*markup.at)
			break;
		markup.at++;
		if (*markup.at == '/') {
			markup.at++;
			markup_close(&markup);
		} else {
			markup_open(&markup);
		}
	}
	assert_int_equal(markup.depth, 0);
	return markup.elements;
}

#endif
