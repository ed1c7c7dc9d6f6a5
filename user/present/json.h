/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * json.h - writes one JSON object a line, without allocating
 *
 * Objects and arrays are opened lazily: what has no member never appears, so that absent means not known. Keys are the
 * program's own words and are written as they are; values of foreign origin go through escape_json().
 */
#ifndef SMTPSNOOP_JSON_H
#define SMTPSNOOP_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_DEPTH 8 /* the deepest record needs five */

struct json_level {
	const char *key; /* NULL in an array and at the top */
	char bracket;
	bool written; /* the opening bracket is out */
	bool used; /* a member is out: the next one needs a comma */
};

struct json {
	FILE *out;
	unsigned int depth;
	struct json_level levels[JSON_DEPTH];
	size_t used;
	char buffer[4096];
};

/* Starts a record; json_end() writes the line end and hands the rest of the buffer to the FILE. */
void json_begin(struct json *json, FILE *out);
void json_end(struct json *json);

/* Members alone, for an object that others put together: no braces around them, no line end. */
void json_begin_members(struct json *json, FILE *out);
void json_end_members(struct json *json);

/* key is NULL inside arrays. */
void json_open_object(struct json *json, const char *key);
void json_open_array(struct json *json, const char *key);
void json_close(struct json *json); /* the innermost of the two */
void json_keep(struct json *json); /* write the innermost even if it stays empty */

void json_bytes(struct json *json, const char *key, const char *bytes, size_t length);
void json_text(struct json *json, const char *key, const char *text); /* up to its NUL */
void json_number(struct json *json, const char *key, uint64_t number);
void json_bool(struct json *json, const char *key, bool value);

/* RFC 3339 in UTC with microseconds; unix_ns is since 1970. */
void json_time(struct json *json, const char *key, int64_t unix_ns);

#endif
