/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * json.c - writes one JSON object a line, without allocating
 *
 * A fixed buffer, handed to the FILE when it is full and at the end of the record. Write errors stay in the FILE.
 */
#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/escape.h"
#include "present/json.h"

static void flush(struct json *json)
{
	fwrite(json->buffer, 1, json->used, json->out);
	json->used = 0;
}

static void put(struct json *json, const char *text, size_t length)
{
	if (length > sizeof(json->buffer) - json->used)
		flush(json);
	assert(length <= sizeof(json->buffer));
	memcpy(json->buffer + json->used, text, length);
	json->used += length;
}

static void put_char(struct json *json, char c)
{
	put(json, &c, 1);
}

static void put_key(struct json *json, const char *key)
{
	if (!key)
		return;
	put_char(json, '"');
	put(json, key, strlen(key));
	put(json, "\":", 2);
}

static void comma(struct json *json, struct json_level *level)
{
	if (level->used)
		put_char(json, ',');
	level->used = true;
}

/* Writes the brackets that are still owed, outermost first. */
static void settle(struct json *json)
{
	for (unsigned int i = 0; i < json->depth; i++) {
		struct json_level *level = &json->levels[i];

		if (level->written)
			continue;
		if (i)
			comma(json, level - 1);
		put_key(json, level->key);
		put_char(json, level->bracket);
		level->written = true;
	}
}

static void value_begins(struct json *json, const char *key)
{
	settle(json);
	comma(json, &json->levels[json->depth - 1]);
	put_key(json, key);
}

static void open_level(struct json *json, const char *key, char bracket)
{
	assert(json->depth < JSON_DEPTH);
	json->levels[json->depth++] = (struct json_level){.key = key, .bracket = bracket};
}

void json_begin(struct json *json, FILE *out)
{
	json->out = out;
	json->depth = 0;
	json->used = 0;
	open_level(json, NULL, '{');
	settle(json);
}

void json_end(struct json *json)
{
	while (json->depth)
		json_close(json);
	put_char(json, '\n');
	flush(json);
}

void json_begin_members(struct json *json, FILE *out)
{
	json->out = out;
	json->depth = 0;
	json->used = 0;
	open_level(json, NULL, '{');
	json->levels[0].written = true; /* by somebody else */
}

void json_end_members(struct json *json)
{
	while (json->depth > 1)
		json_close(json);
	flush(json);
}

void json_open_object(struct json *json, const char *key)
{
	open_level(json, key, '{');
}

void json_open_array(struct json *json, const char *key)
{
	open_level(json, key, '[');
}

void json_keep(struct json *json)
{
	settle(json);
}

void json_close(struct json *json)
{
	const struct json_level *level = &json->levels[--json->depth];

	if (level->written)
		put_char(json, level->bracket == '{' ? '}' : ']');
}

void json_bytes(struct json *json, const char *key, const char *bytes, size_t length)
{
	value_begins(json, key);
	put_char(json, '"');
	while (length) {
		size_t used = 0;

		/* Room for the longest escape, a surrogate pair of 12, so that every round gets on. */
		if (sizeof(json->buffer) - json->used < 64)
			flush(json);
		json->used += escape_json(json->buffer + json->used,
					  sizeof(json->buffer) - json->used, bytes, length, &used);
		bytes += used;
		length -= used;
	}
	put_char(json, '"');
}

void json_text(struct json *json, const char *key, const char *text)
{
	json_bytes(json, key, text, strlen(text));
}

void json_number(struct json *json, const char *key, uint64_t number)
{
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%" PRIu64, number);

	value_begins(json, key);
	put(json, digits, (size_t)length);
}

void json_bool(struct json *json, const char *key, bool value)
{
	value_begins(json, key);
	put(json, value ? "true" : "false", value ? 4 : 5);
}

void json_time(struct json *json, const char *key, int64_t unix_ns)
{
	char text[48], day[32];
	time_t seconds = (time_t)(unix_ns / 1000000000);
	long rest = (long)(unix_ns % 1000000000);
	struct tm tm;
	int length;

	if (rest < 0) { /* before 1970: a clock that was never set */
		rest += 1000000000;
		seconds--;
	}
	gmtime_r(&seconds, &tm);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	length = snprintf(text, sizeof(text), "\"%s.%06ldZ\"", day, rest / 1000);
	value_begins(json, key);
	put(json, text, (size_t)length);
}
