/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz_config.c - any text as a configuration: taken, or refused with a sentence; what was taken is taken again from the text
 * for the other half
 */
#include "fuzz.h"
#include "enrich/config.h"
#include "enrich/config_text.h"

static void again(const struct config *config)
{
	char error[512] = "";
	size_t length;
	char *text = config_text(config, &length);
	struct config *same = config_parse("text", text, length, error, sizeof(error));

	must(same && same->allow_count == config->allow_count);
	must(same->relay_count == config->relay_count);
	config_free(same);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char error[512] = "";
	struct config *config =
		config_parse("fuzz.conf", (const char *)bytes, size, error, sizeof(error));

	must(config || error[0]);
	must(strnlen(error, sizeof(error)) < sizeof(error));
	if (config) {
		must(config->port_count <= CONFIG_PORTS_MAX &&
		     config->mta_count <= LIMIT_RULES + 64);
		again(config);
	}
	config_free(config);
	return 0;
}
