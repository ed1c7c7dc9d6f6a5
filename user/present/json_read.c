/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * json_read.c - reads a record back, member by member
 *
 * A string is made plain in a buffer as long as the longest that a record may have; a longer one, a key of other characters than our own
 * keys have, and more than a record's depth are refused. Nothing is fatal.
 */
#include "present/json_read.h"

#include <errno.h>
#include <string.h>

#include "base/limits.h"

struct reader {
	const char *at, *end;
	void (*take)(void *context, const struct json_item *item);
	void *context;
	char path[JSON_READ_PATH];
	size_t path_length;
	unsigned int depth;
	char string[LIMIT_RECORD_STRING];
	size_t string_length;
};

static int read_value(struct reader *reader, const char *key);

static void blanks(struct reader *reader)
{
	while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\t' ||
					    *reader->at == '\n' || *reader->at == '\r'))
		reader->at++;
}

static bool next_is(struct reader *reader, char c)
{
	blanks(reader);
	if (reader->at == reader->end || *reader->at != c)
		return false;
	reader->at++;
	return true;
}

static bool hex4(struct reader *reader, uint32_t *unit)
{
	*unit = 0;
	if (reader->end - reader->at < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		char c = *reader->at++;
		uint32_t digit = c >= '0' && c <= '9'	? (uint32_t)(c - '0')
				 : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10
				 : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A') + 10
							: 16;

		if (digit > 15)
			return false;
		*unit = *unit << 4 | digit;
	}
	return true;
}

static bool put(struct reader *reader, unsigned char byte)
{
	if (reader->string_length == sizeof(reader->string))
		return false;
	reader->string[reader->string_length++] = (char)byte;
	return true;
}

static bool put_character(struct reader *reader, uint32_t c)
{
	if (c < 0x80)
		return put(reader, (unsigned char)c);
	if (c < 0x800)
		return put(reader, (unsigned char)(0xc0 | c >> 6)) &&
		       put(reader, (unsigned char)(0x80 | (c & 0x3f)));
	if (c < 0x10000)
		return put(reader, (unsigned char)(0xe0 | c >> 12)) &&
		       put(reader, (unsigned char)(0x80 | (c >> 6 & 0x3f))) &&
		       put(reader, (unsigned char)(0x80 | (c & 0x3f)));
	return put(reader, (unsigned char)(0xf0 | c >> 18)) &&
	       put(reader, (unsigned char)(0x80 | (c >> 12 & 0x3f))) &&
	       put(reader, (unsigned char)(0x80 | (c >> 6 & 0x3f))) &&
	       put(reader, (unsigned char)(0x80 | (c & 0x3f)));
}

/* Behind "\u"; half a surrogate pair is no character. */
static bool unicode(struct reader *reader)
{
	uint32_t first, second;

	if (!hex4(reader, &first))
		return false;
	if (first < 0xd800 || first > 0xdfff)
		return put_character(reader, first);
	if (first > 0xdbff || reader->end - reader->at < 2 || reader->at[0] != '\\' ||
	    reader->at[1] != 'u')
		return false;
	reader->at += 2;
	if (!hex4(reader, &second) || second < 0xdc00 || second > 0xdfff)
		return false;
	return put_character(reader, 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00));
}

static bool escaped(struct reader *reader)
{
	static const char letters[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
	const char *found;
	char c;

	if (reader->at == reader->end)
		return false;
	c = *reader->at++;
	if (c == 'u')
		return unicode(reader);
	found = c ? strchr(letters, c) : NULL;
	return found && put(reader, (unsigned char)means[found - letters]);
}

/* Behind the first quote. */
static bool read_string(struct reader *reader)
{
	reader->string_length = 0;
	while (reader->at < reader->end) {
		unsigned char c = (unsigned char)*reader->at++;

		if (c == '"')
			return true;
		if (c < ' ' || !(c == '\\' ? escaped(reader) : put(reader, c)))
			return false;
	}
	return false;
}

static int hand(struct reader *reader, enum json_kind kind, const char *key, struct bytes value)
{
	const struct json_item item = {kind, key, reader->path, value};

	reader->take(reader->context, &item);
	return 0;
}

static bool is_key(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!((text[i] >= 'a' && text[i] <= 'z') || (text[i] >= 'A' && text[i] <= 'Z') ||
		      (text[i] >= '0' && text[i] <= '9') || text[i] == '_' || text[i] == '@'))
			return false;
	return length > 0;
}

/* One member: its key becomes the path's end while its value is read. */
static int read_member(struct reader *reader)
{
	size_t before = reader->path_length, room = sizeof(reader->path) - before;
	const char *key;
	int rc;

	if (!next_is(reader, '"') || !read_string(reader) ||
	    !is_key(reader->string, reader->string_length) || reader->string_length + 2 > room ||
	    !next_is(reader, ':'))
		return -EBADMSG;
	if (before)
		reader->path[reader->path_length++] = '.';
	memcpy(reader->path + reader->path_length, reader->string, reader->string_length);
	key = reader->path + reader->path_length;
	reader->path_length += reader->string_length;
	reader->path[reader->path_length] = '\0';
	rc = read_value(reader, key);
	reader->path_length = before;
	reader->path[before] = '\0';
	return rc;
}

static int read_nested(struct reader *reader, const char *key, char closing)
{
	const bool object = closing == '}';
	int rc = 0;

	if (reader->depth == JSON_READ_DEPTH)
		return -EBADMSG;
	reader->depth++;
	hand(reader, object ? JSON_IS_OBJECT : JSON_IS_ARRAY, key, (struct bytes){NULL, 0});
	if (!next_is(reader, closing)) {
		do
			rc = object ? read_member(reader) : read_value(reader, NULL);
		while (!rc && next_is(reader, ','));
		if (!rc && !next_is(reader, closing))
			rc = -EBADMSG;
	}
	reader->depth--;
	return rc ? rc : hand(reader, JSON_IS_CLOSED, key, (struct bytes){NULL, 0});
}

static size_t digits(const char *at, const char *end)
{
	size_t count = 0;

	while (at + count < end && at[count] >= '0' && at[count] <= '9')
		count++;
	return count;
}

/* The length of the number at the reader's place, 0 = there is none. */
static size_t number_length(const struct reader *reader)
{
	const char *at = reader->at + (*reader->at == '-');
	size_t count = digits(at, reader->end);

	if (!count || (count > 1 && *at == '0'))
		return 0;
	at += count;
	if (at < reader->end && *at == '.') {
		count = digits(at + 1, reader->end);
		if (!count)
			return 0;
		at += 1 + count;
	}
	if (at < reader->end && (*at == 'e' || *at == 'E')) {
		at++;
		if (at < reader->end && (*at == '+' || *at == '-'))
			at++;
		count = digits(at, reader->end);
		if (!count)
			return 0;
		at += count;
	}
	return (size_t)(at - reader->at);
}

static int read_word(struct reader *reader, const char *key)
{
	static const struct {
		const char *word;
		enum json_kind kind;
	} words[] = {{"true", JSON_IS_TRUE}, {"false", JSON_IS_FALSE}, {"null", JSON_IS_NULL}};
	struct bytes rest = {reader->at, (size_t)(reader->end - reader->at)};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!bytes_begin(rest, words[i].word))
			continue;
		reader->at += strlen(words[i].word);
		return hand(reader, words[i].kind, key, (struct bytes){NULL, 0});
	}
	return -EBADMSG;
}

static int read_value(struct reader *reader, const char *key)
{
	size_t length;

	if (next_is(reader, '{'))
		return read_nested(reader, key, '}');
	if (next_is(reader, '['))
		return read_nested(reader, key, ']');
	if (next_is(reader, '"'))
		return read_string(reader)
			       ? hand(reader, JSON_IS_STRING, key,
				      (struct bytes){reader->string, reader->string_length})
			       : -EBADMSG;
	if (reader->at == reader->end)
		return -EBADMSG;
	length = number_length(reader);
	if (!length)
		return read_word(reader, key);
	reader->at += length;
	return hand(reader, JSON_IS_NUMBER, key, (struct bytes){reader->at - length, length});
}

int json_read(struct bytes text, void (*take)(void *context, const struct json_item *item),
	      void *context)
{
	struct reader reader;
	int rc;

	reader.at = text.at;
	reader.end = text.at + text.length;
	reader.take = take;
	reader.context = context;
	reader.path[0] = '\0';
	reader.path_length = 0;
	reader.depth = 0;
	rc = read_value(&reader, NULL);
	blanks(&reader);
	return !rc && reader.at != reader.end ? -EBADMSG : rc;
}
