/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * config_text.c - what the judge needs of a configuration, as the text of one
 *
 * Values came from lines of such a text: without blanks around "=" they fit into lines again. Nothing is fatal.
 */
#include "enrich/config_text.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/address.h"

static void write_address(FILE *out, const uint8_t address[16], uint8_t prefix)
{
	bool v4 = address_is_v4(address);
	char text[INET6_ADDRSTRLEN];

	inet_ntop(v4 ? AF_INET : AF_INET6, address + (v4 ? 12 : 0), text, sizeof(text));
	fprintf(out, "address=%s/%u\n", text, v4 ? prefix - 96u : prefix);
}

static void write_port(FILE *out, uint16_t port)
{
	if (port)
		fprintf(out, "port=%u\n", port);
}

static void write_word(FILE *out, const char *key, const char *word)
{
	if (word)
		fprintf(out, "%s=%s\n", key, word);
}

static void write_allow(FILE *out, const struct config_allow *rule)
{
	fprintf(out, "[allow %s]\n", rule->name);
	if (rule->has_uid)
		fprintf(out, "user=%" PRIu32 "\n", rule->uid);
	write_word(out, "service", rule->service);
	write_word(out, "container", rule->container);
	write_word(out, "cgroup", rule->cgroup);
	write_word(out, "exe", rule->exe);
	if (rule->has_address)
		write_address(out, rule->address, rule->prefix);
	write_port(out, rule->port);
}

static void write_general(FILE *out, const struct config *config)
{
	fprintf(out, "[general]\n");
	for (unsigned int i = 0; i < config->port_count; i++)
		fprintf(out, "ports=%u\n", config->ports[i]);
	fprintf(out,
		"window=%" PRIu32 "\nburst=%" PRIu32 "\nfan-out=%" PRIu32
		"\nmany-recipients=%" PRIu32 "\nprogress=%" PRIu32 "\n",
		config->window_seconds, config->burst, config->fan_out, config->many_recipients,
		config->progress_seconds);
}

char *config_text(const struct config *config, size_t *length)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, length);
	bool good;

	if (!out)
		return NULL;
	write_general(out, config);
	for (size_t i = 0; i < config->relay_count; i++) {
		fprintf(out, "[relay %s]\n", config->relays[i].name);
		write_address(out, config->relays[i].address, config->relays[i].prefix);
		write_port(out, config->relays[i].port);
	}
	for (size_t i = 0; i < config->allow_count; i++)
		write_allow(out, &config->allows[i]);
	good = !ferror(out);
	if (fclose(out) == 0 && good)
		return text;
	free(text);
	return NULL;
}
