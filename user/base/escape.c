/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * escape.c - hostile bytes made harmless, for terminals, logs and JSON
 *
 * Both forms walk the input by characters and ask one question of each: may it be seen as it is? What may not is written in
 * ASCII. The output always ends with NUL, never in the middle of an escape. Nothing is fatal.
 */
#include <stdbool.h>
#include <string.h>

#include "base/escape.h"
#include "base/utf8.h"

#define ESCAPED_MAX 16 /* four bytes as \xNN; a surrogate pair has twelve */

static const char hex[] = "0123456789abcdef";

struct range {
	uint32_t first, last;
};

/*
 * Controls, Default_Ignorable_Code_Point of Unicode's DerivedCoreProperties, bidirectional controls, line separators,
 * interlinear annotation, and the non-characters of the first plane. In order.
 */
static const struct range hidden[] = {
	{0x0000, 0x001f}, {0x007f, 0x009f},   {0x00ad, 0x00ad},	  {0x034f, 0x034f},
	{0x061c, 0x061c}, {0x115f, 0x1160},   {0x17b4, 0x17b5},	  {0x180b, 0x180f},
	{0x200b, 0x200f}, {0x2028, 0x202e},   {0x2060, 0x206f},	  {0x3164, 0x3164},
	{0xfdd0, 0xfdef}, {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},	  {0xffa0, 0xffa0},
	{0xfff0, 0xfffb}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
};

static bool visible(uint32_t character)
{
	if (character >= ' ' && character < 0x7f)
		return true;
	if ((character & 0xfffe) == 0xfffe) /* the last two of each plane are no characters */
		return false;
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
		if (character <= hidden[i].last)
			return character < hidden[i].first;
	}
	return true;
}

size_t utf8_decode(const char *text, size_t len, uint32_t *character)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *bytes = (const unsigned char *)text;
	size_t size;

	if (!len)
		return 0;
	if (bytes[0] < 0x80) {
		*character = bytes[0];
		return 1;
	}
	if (bytes[0] < 0xc2 || bytes[0] > 0xf4)
		return 0;
	size = bytes[0] < 0xe0 ? 2 : bytes[0] < 0xf0 ? 3 : 4;
	if (size > len)
		return 0;
	*character = bytes[0] & (0x7f >> size);
	for (size_t i = 1; i < size; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		*character = *character << 6 | (bytes[i] & 0x3f);
	}
	if (*character < least[size] || *character > 0x10ffff ||
	    (*character >= 0xd800 && *character <= 0xdfff))
		return 0;
	return size;
}

static size_t put_hex(char *out, const char *src, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		unsigned char byte = src[i];

		*out++ = '\\';
		*out++ = 'x';
		*out++ = hex[byte >> 4];
		*out++ = hex[byte & 15];
	}
	return size * 4;
}

static size_t put_unit(char *out, uint32_t unit)
{
	const char escape[] = {
		'\\',	       'u', hex[unit >> 12 & 15], hex[unit >> 8 & 15], hex[unit >> 4 & 15],
		hex[unit & 15]};

	memcpy(out, escape, sizeof(escape));
	return sizeof(escape);
}

static size_t put_short(char *out, char letter)
{
	out[0] = '\\';
	out[1] = letter;
	return 2;
}

/* The letter of a short escape, or 0. */
static char short_escape(uint32_t character)
{
	switch (character) {
	case '\n':
		return 'n';
	case '\r':
		return 'r';
	case '\t':
		return 't';
	case '\\':
		return '\\';
	default:
		return 0;
	}
}

/* One character, or one byte that is part of none (size 0), to out. Returns the bytes written. */
typedef size_t put_fn(char *out, const char *src, size_t size, uint32_t character);

static size_t put_text(char *out, const char *src, size_t size, uint32_t character)
{
	if (!size)
		return put_hex(out, src, 1);
	if (short_escape(character))
		return put_short(out, short_escape(character));
	if (!visible(character))
		return put_hex(out, src, size);
	memcpy(out, src, size);
	return size;
}

static size_t put_json(char *out, const char *src, size_t size, uint32_t character)
{
	if (!size)
		return put_unit(out, (unsigned char)*src);
	if (short_escape(character))
		return put_short(out, short_escape(character));
	if (character == '"')
		return put_short(out, '"');
	if (visible(character)) {
		memcpy(out, src, size);
		return size;
	}
	if (character < 0x10000)
		return put_unit(out, character);
	put_unit(out, 0xd800 + ((character - 0x10000) >> 10));
	put_unit(out + 6, 0xdc00 + (character & 0x3ff));
	return 12;
}

static size_t escape(char *out, size_t size, const char *src, size_t len, size_t *used, put_fn *put)
{
	size_t written = 0, at = 0;

	while (at < len) {
		char escaped[ESCAPED_MAX];
		uint32_t character = 0;
		size_t taken = utf8_decode(src + at, len - at, &character);
		size_t made = put(escaped, src + at, taken, character);

		if (made >= size - written)
			break;
		memcpy(out + written, escaped, made);
		written += made;
		at += taken ? taken : 1;
	}
	out[written] = '\0';
	if (used)
		*used = at;
	return written;
}

size_t escape_text(char *out, size_t size, const char *src, size_t len, size_t *used)
{
	return escape(out, size, src, len, used, put_text);
}

size_t escape_json(char *out, size_t size, const char *src, size_t len, size_t *used)
{
	return escape(out, size, src, len, used, put_json);
}
