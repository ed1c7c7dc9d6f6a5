/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * config_parse.c - the text of the configuration
 *
 * libinih splits "key = value" lines and drops comments; this file hands it the lines one by one, so that it knows their numbers and
 * sees every section header, empty sections included. A section is collected first and understood when it ends: the
 * order of its keys doesn't matter. Pure, but that names of users are looked up. The first error ends it, in one sentence with
 * file and line; nothing is guessed.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ini.h>

#include "base/address.h"
#include "base/escape.h"
#include "base/list.h"
#include "base/number.h"
#include "enrich/config.h"
#include "enrich/users.h"

#define KEYS_MAX 8 /* of one section */
/* "mail-relay" of [relay mail-relay]; an MTA's is carried in struct enrichment */
#define LABEL_MAX 33
#define CONFIG_STORE_DAYS 3650 /* ten years: more is no longer a history of this host */
#define CONFIG_STORE_BYTES_MIN (UINT64_C(16) << 20)
#define CONFIG_STORE_BYTES_MAX (UINT64_C(1) << 40)
#define QUOTE_MAX 96 /* of a wrong word shown in an error */

struct parser;

/* One kind of section: its keys ("*" in front = may be given more than once), and what it means. */
struct section {
	const char *name;
	bool labelled; /* [relay NAME] */
	const char *keys[KEYS_MAX];
	bool (*finish)(struct parser *parser);
};

struct value {
	char *text; /* several are joined by commas */
	unsigned int line;
};

struct parser {
	struct config *config;
	const char *name, *at, *end;
	unsigned int line; /* the one being read */
	const struct section *section; /* NULL before the first */
	char label[LABEL_MAX];
	unsigned int section_line;
	struct value values[KEYS_MAX]; /* as section->keys */
	char *error;
	size_t error_size;
	unsigned int error_line; /* 0 = none so far */
};

__attribute__((format(printf, 3, 4))) static bool fail(struct parser *parser, unsigned int line,
						       const char *format, ...)
{
	va_list args;
	int used;

	parser->error_line = line;
	used = snprintf(parser->error, parser->error_size, "%s:%u: ", parser->name, line);
	if (used < 0 || (size_t)used >= parser->error_size)
		return false;
	va_start(args, format);
	vsnprintf(parser->error + used, parser->error_size - (size_t)used, format, args);
	va_end(args);
	return false;
}

static const char *quoted(const char *word, char out[QUOTE_MAX])
{
	escape_text(out, QUOTE_MAX, word, strlen(word), NULL);
	return out;
}

static bool wrong(struct parser *parser, const char *key, const char *word, unsigned int line,
		  const char *wanted)
{
	char shown[QUOTE_MAX];

	return fail(parser, line, "%s \"%s\" is not %s", key, quoted(word, shown), wanted);
}

/* The error of config_add_...(). */
static bool added(struct parser *parser, int error)
{
	if (error == -ENOSPC)
		return fail(parser, parser->section_line, "more than %d rules of this kind",
			    LIMIT_RULES);
	if (error)
		return fail(parser, parser->section_line, "out of memory");
	return true;
}

static struct value *value_of(struct parser *parser, const char *key)
{
	for (size_t i = 0; i < KEYS_MAX && parser->section->keys[i]; i++) {
		const char *known = parser->section->keys[i];

		if (strcmp(known + (*known == '*'), key) == 0)
			return &parser->values[i];
	}
	return NULL;
}

static bool number(struct parser *parser, const char *key, uint64_t low, uint64_t high,
		   uint64_t *out)
{
	const struct value *value = value_of(parser, key);
	char wanted[64];

	if (!value->text || number_parse(value->text, low, high, out) == 0)
		return true;
	snprintf(wanted, sizeof(wanted), "a number from %" PRIu64 " to %" PRIu64, low, high);
	return wrong(parser, key, value->text, value->line, wanted);
}

static bool number32(struct parser *parser, const char *key, uint32_t low, uint32_t high,
		     uint32_t *out)
{
	uint64_t found = *out;

	if (!number(parser, key, low, high, &found))
		return false;
	*out = (uint32_t)found;
	return true;
}

static bool absolute(struct parser *parser, const char *key)
{
	const struct value *value = value_of(parser, key);

	if (!value->text || value->text[0] == '/')
		return true;
	return wrong(parser, key, value->text, value->line, "an absolute path");
}

static bool finish_general(struct parser *parser)
{
	struct config *config = parser->config;
	const struct value *ports = value_of(parser, "ports");
	int error = ports->text ? config_add_ports(config, ports->text) : 0;

	if (error == -ENOSPC)
		return fail(parser, ports->line, "more than %d ports", CONFIG_PORTS_MAX);
	if (error)
		return wrong(parser, "ports", ports->text, ports->line,
			     "a list of port numbers from 1 to 65535");
	return number32(parser, "window", 1, 86400, &config->window_seconds) &&
	       number32(parser, "burst", 1, 1000000, &config->burst) &&
	       number32(parser, "fan-out", 1, LIMIT_FAN_OUT, &config->fan_out) &&
	       number32(parser, "many-recipients", 1, 1000000, &config->many_recipients) &&
	       number32(parser, "progress", 1, 86400, &config->progress_seconds);
}

static bool finish_store(struct parser *parser)
{
	struct config *config = parser->config;
	struct value *directory = value_of(parser, "dir");

	if (!absolute(parser, "dir"))
		return false;
	if (directory->text) {
		free(config->store_directory);
		config->store_directory = directory->text;
		directory->text = NULL;
	}
	return number32(parser, "days", 1, CONFIG_STORE_DAYS, &config->store_days) &&
	       number32(parser, "rollup-days", 1, CONFIG_STORE_DAYS, &config->store_rollup_days) &&
	       number(parser, "size", CONFIG_STORE_BYTES_MIN, CONFIG_STORE_BYTES_MAX,
		      &config->store_bytes);
}

/* A typo here would leave the MTA a bypass without a word. */
static bool user_exists(struct parser *parser, const char *name, unsigned int line, uint32_t *uid)
{
	int error = users_id(name, uid);

	if (error == -ENOENT)
		return wrong(parser, "user", name, line, "a user of this host");
	if (error)
		return fail(parser, line, "users cannot be looked up: %s", strerror(-error));
	return true;
}

static bool finish_mta(struct parser *parser)
{
	struct value *path = value_of(parser, "path"), *user = value_of(parser, "user");
	struct config_mta row = {.name = parser->label,
				 .path = path->text,
				 .container = value_of(parser, "container")->text,
				 .service = value_of(parser, "service")->text};
	const char *list = user->text;
	char word[LABEL_MAX];
	uint32_t uid;
	int more;

	if (!path->text || !user->text)
		return fail(parser, parser->section_line, "[mta %s] needs path and user",
			    parser->label);
	if (!absolute(parser, "path"))
		return false;
	while ((more = list_next(&list, word, sizeof(word))) > 0) {
		row.user = word;
		if (!user_exists(parser, word, user->line, &uid) ||
		    !added(parser, config_add_mta(parser->config, &row)))
			return false;
	}
	return more == 0 || wrong(parser, "user", user->text, user->line, "a list of users");
}

/* Calls add() for each address of the list. */
static bool each_address(struct parser *parser,
			 bool (*add)(struct parser *, const uint8_t *, uint8_t))
{
	const struct value *value = value_of(parser, "address");
	const char *list = value->text;
	char word[64];
	uint8_t address[16], prefix;
	int more;

	while ((more = list_next(&list, word, sizeof(word))) > 0) {
		if (address_parse(word, address, &prefix) != 0)
			return wrong(parser, "address", word, value->line,
				     "an IP address or network (192.0.2.0/24, 2001:db8::1)");
		if (!add(parser, address, prefix))
			return false;
	}
	return more == 0 || wrong(parser, "address", value->text, value->line,
				  "a list of IP addresses and networks");
}

static bool add_relay(struct parser *parser, const uint8_t *address, uint8_t prefix)
{
	struct config_relay row = {.name = parser->label, .prefix = prefix};
	uint32_t port = 0;

	if (!number32(parser, "port", 1, UINT16_MAX, &port))
		return false;
	row.port = (uint16_t)port;
	memcpy(row.address, address, sizeof(row.address));
	return added(parser, config_add_relay(parser->config, &row));
}

static bool finish_relay(struct parser *parser)
{
	if (!value_of(parser, "address")->text)
		return fail(parser, parser->section_line, "[relay %s] needs an address",
			    parser->label);
	return each_address(parser, add_relay);
}

/* Everything of an allow rule but its address. */
static bool allow_row(struct parser *parser, struct config_allow *row)
{
	const struct value *user = value_of(parser, "user");
	uint32_t port = 0;

	*row = (struct config_allow){.name = parser->label,
				     .service = value_of(parser, "service")->text,
				     .container = value_of(parser, "container")->text,
				     .cgroup = value_of(parser, "cgroup")->text,
				     .exe = value_of(parser, "exe")->text};
	if (!absolute(parser, "cgroup") || !absolute(parser, "exe") ||
	    !number32(parser, "port", 1, UINT16_MAX, &port))
		return false;
	row->port = (uint16_t)port;
	if (!user->text)
		return true;
	row->has_uid = user_exists(parser, user->text, user->line, &row->uid);
	return row->has_uid;
}

static bool add_allow(struct parser *parser, const uint8_t *address, uint8_t prefix)
{
	struct config_allow row;

	if (!allow_row(parser, &row))
		return false;
	row.has_address = true;
	row.prefix = prefix;
	memcpy(row.address, address, sizeof(row.address));
	return added(parser, config_add_allow(parser->config, &row));
}

static bool finish_allow(struct parser *parser)
{
	struct config_allow row;
	bool any = false;

	for (size_t i = 0; i < KEYS_MAX; i++)
		any = any || parser->values[i].text;
	if (!any)
		return fail(parser, parser->section_line,
			    "[allow %s] has no condition: it would allow everything",
			    parser->label);
	if (value_of(parser, "address")->text)
		return each_address(parser, add_allow);
	return allow_row(parser, &row) && added(parser, config_add_allow(parser->config, &row));
}

static const struct section sections[] = {
	{"general",
	 false,
	 {"*ports", "window", "burst", "fan-out", "many-recipients", "progress"},
	 finish_general},
	{"mta", true, {"path", "*user", "container", "service"}, finish_mta},
	{"relay", true, {"*address", "port"}, finish_relay},
	{"allow",
	 true,
	 {"user", "service", "container", "cgroup", "exe", "*address", "port"},
	 finish_allow},
	{"store", false, {"dir", "days", "rollup-days", "size"}, finish_store},
};

/* Understands what was collected of the section before. */
static bool end_section(struct parser *parser)
{
	bool good = !parser->section || parser->section->finish(parser);

	for (size_t i = 0; i < KEYS_MAX; i++)
		free(parser->values[i].text);
	memset(parser->values, 0, sizeof(parser->values));
	parser->section = NULL;
	return good;
}

/* "[relay smarthost]" */
static bool begin_section(struct parser *parser, const char *line)
{
	char shown[QUOTE_MAX], kind[16] = "", label[LABEL_MAX] = "", close = 0, rest[2] = "";
	int fields = sscanf(line, "[ %15[a-z] %32[A-Za-z0-9._-] %c %1[^;# \t\r\n]", kind, label,
			    &close, rest);

	if (fields == 1) /* no label */
		fields = sscanf(line, "[ %15[a-z] %c %1[^;# \t\r\n]", kind, &close, rest) + 1;
	if (fields != 3 || close != ']')
		return fail(parser, parser->line, "\"%s\" is no section: [general] or [kind name]",
			    quoted(line, shown));
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		if (strcmp(sections[i].name, kind) != 0)
			continue;
		if (sections[i].labelled != (label[0] != '\0'))
			return fail(parser, parser->line,
				    sections[i].labelled ? "[%s] needs a name: [%s name]"
							 : "[%s] has no name behind it",
				    kind, kind);
		parser->section = &sections[i];
		parser->section_line = parser->line;
		memcpy(parser->label, label, sizeof(label));
		return true;
	}
	return fail(parser, parser->line,
		    "unknown section [%s]; known are general, mta, relay, allow, store", kind);
}

static bool unknown_key(struct parser *parser, const char *key)
{
	const struct section *section = parser->section;
	char shown[QUOTE_MAX], list[128] = "";

	for (size_t i = 0; i < KEYS_MAX && section->keys[i]; i++) {
		const char *known = section->keys[i];
		size_t used = strlen(list);

		snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "",
			 known + (*known == '*'));
	}
	return fail(parser, parser->line, "unknown key \"%s\" in [%s%s%s]; known are %s",
		    quoted(key, shown), section->name, section->labelled ? " " : "", parser->label,
		    list);
}

/* libinih's handler: 1 = fine, 0 = an error. Sections are known already, from next_line(). */
static int on_value(void *context, const char *section, const char *key, const char *text)
{
	struct parser *parser = context;
	struct value *value;
	char *joined, shown[QUOTE_MAX];

	(void)section;

	if (!parser->section)
		return fail(parser, parser->line, "\"%s\" stands before any [section]",
			    quoted(key, shown));
	value = value_of(parser, key);
	if (!value)
		return unknown_key(parser, key);
	if (text[0] == '\0')
		return fail(parser, parser->line, "%s has no value", key);
	if (value->text && parser->section->keys[value - parser->values][0] != '*')
		return fail(parser, parser->line, "%s is given twice, first in line %u", key,
			    value->line);
	if (asprintf(&joined, "%s%s%s", value->text ? value->text : "", value->text ? "," : "",
		     text) < 0)
		return fail(parser, parser->line, "out of memory");
	free(value->text);
	value->text = joined;
	value->line = parser->line;
	return 1;
}

/*
 * libinih's reader. Leading blanks are dropped, so that it never takes an indented key for the continuation of the line before. NULL
 * ends the reading: the end of the text, or an error.
 */
static char *next_line(char *out, int size, void *context)
{
	struct parser *parser = context;
	const char *newline, *start = parser->at, *stop;

	if (parser->error_line || start == parser->end)
		return NULL;
	newline = memchr(start, '\n', (size_t)(parser->end - start));
	stop = newline ? newline : parser->end;
	parser->at = newline ? newline + 1 : parser->end;
	if (parser->line++ == 0 && stop - start >= 3 && memcmp(start, "\xef\xbb\xbf", 3) == 0)
		start += 3;
	while (start < stop && isspace((unsigned char)*start))
		start++;
	if (stop - start > size - 3) {
		fail(parser, parser->line, "longer than %d bytes", size - 3);
		return NULL;
	}
	memcpy(out, start, (size_t)(stop - start));
	memcpy(out + (stop - start), "\n", 2);
	if (memchr(start, '\0', (size_t)(stop - start))) {
		fail(parser, parser->line, "a NUL byte is no text");
		return NULL;
	}
	if (out[0] == '[') {
		out[stop - start] = '\0';
		if (!end_section(parser) || !begin_section(parser, out))
			return NULL;
		strcpy(out, "\n"); /* what libinih would make of it is not needed */
	}
	return out;
}

struct config *config_parse(const char *name, const char *text, size_t length, char *error,
			    size_t error_size)
{
	struct parser parser = {.name = name,
				.at = text,
				.end = text + length,
				.error = error,
				.error_size = error_size,
				.config = config_default()};
	int line;

	if (!parser.config) {
		snprintf(error, error_size, "%s: out of memory", name);
		return NULL;
	}
	line = ini_parse_stream(next_line, &parser, on_value, &parser);
	/* libinih names the first line that is wrong: one that it could not split, if it is not the handler's. */
	if (line > 0 && (!parser.error_line || (unsigned int)line < parser.error_line))
		fail(&parser, (unsigned int)line, "neither [section] nor key = value");
	if (!parser.error_line && line < 0)
		fail(&parser, parser.line, "out of memory");
	if (parser.error_line)
		parser.section = NULL; /* only freed, not understood: one error is enough */
	end_section(&parser);
	if (!parser.error_line)
		return parser.config;
	config_free(parser.config);
	return NULL;
}
