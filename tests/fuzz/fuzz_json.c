/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz_json.c - hostile bytes made harmless: JSON that a parser reads back, and text without control characters
 */
#include <jansson.h>
#include <stdio.h>

#include "fuzz.h"
#include "base/escape.h"
#include "present/json.h"

static void check_text(const uint8_t *bytes, size_t size)
{
	char out[512];
	size_t used, length, room = 1 + size % sizeof(out);

	length = escape_text(out, room, (const char *)bytes, size, &used);
	must(length < room && out[length] == '\0' && used <= size);
	for (size_t i = 0; i < length; i++)
		must((uint8_t)out[i] >= 0x20 && out[i] != 0x7f);
	must(escape_columns(out, length) <= length);
}

static void check_json(const uint8_t *bytes, size_t size)
{
	static struct json json;
	char *written = NULL;
	size_t length = 0;
	FILE *memory = open_memstream(&written, &length);
	json_error_t error;
	json_t *parsed;

	must(memory != NULL);
	json_begin(&json, memory);
	json_open_object(&json, "smtp");
	json_bytes(&json, "helo", (const char *)bytes, size);
	json_open_array(&json, "from");
	json_bytes(&json, NULL, (const char *)bytes, size / 2);
	json_close(&json);
	json_close(&json);
	json_number(&json, "n", size);
	json_end(&json);
	must(fclose(memory) == 0);
	must(length > 2 && written[length - 1] == '\n' &&
	     memchr(written, '\n', length - 1) == NULL);
	parsed = json_loadb(written, length, JSON_ALLOW_NUL, &error);
	must(parsed != NULL);
	json_decref(parsed);
	free(written);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	check_text(bytes, size);
	check_json(bytes, size);
	return 0;
}
