/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * html.h - texts and numbers as a page has them
 *
 * What is written is well-formed XML too. Foreign bytes reach a page through html_bytes() and nowhere else.
 */
#ifndef SMTPSNOOP_HTML_H
#define SMTPSNOOP_HTML_H

#include <stdint.h>
#include <stdio.h>

#include "base/bytes.h"

/* Foreign bytes: escaped as in text, set apart from the direction of what is around, and cut in the middle when they are long. */
void html_bytes(FILE *out, struct bytes text);

/* Words that are escaped as text already, or our own; also for an attribute's value. */
void html_text(FILE *out, const char *words);

/* Foreign words that are escaped as text already, set apart as well. */
void html_name(FILE *out, const char *words);

/* "1,204" */
#define HTML_NUMBER 32
void html_number(char out[HTML_NUMBER], uint64_t number);

/* "three", "1,204": at the beginning of what is counted, in a sentence. */
void html_count(char out[HTML_NUMBER], uint64_t number);

#endif
