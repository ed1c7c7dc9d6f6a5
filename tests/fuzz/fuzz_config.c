/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz_config.c - any text as a configuration: taken, or refused with a sentence
 */
#include "fuzz.h"
#include "enrich/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char error[512] = "";
	struct config *config =
		config_parse("fuzz.conf", (const char *)bytes, size, error, sizeof(error));

	must(config || error[0]);
	must(strnlen(error, sizeof(error)) < sizeof(error));
	if (config)
		must(config->port_count <= CONFIG_PORTS_MAX &&
		     config->mta_count <= LIMIT_RULES + 64);
	config_free(config);
	return 0;
}
