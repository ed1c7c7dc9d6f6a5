/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * config.c - what the configuration holds, its defaults, and the MTAs that are known without being told
 *
 * config_load.c reads the file and config_parse.c its text. Pure but for memory; nothing is fatal here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/number.h"
#include "enrich/config.h"

/*
 * Executables that speak SMTP to the world, where the distributions put them, and whom they run as while they do. Symbolic links
 * are followed when they are looked up; rows whose file does not exist cost nothing.
 */
static const struct {
	const char *name, *path, *user;
} known[] = {
	{"postfix", "/usr/lib/postfix/sbin/smtp",
	 "postfix"}, /* Debian, Ubuntu; lmtp is the same file */
	{"postfix", "/usr/lib/postfix/sbin/lmtp", "postfix"},
	{"postfix", "/usr/libexec/postfix/smtp", "postfix"}, /* Fedora, RHEL, Alpine */
	{"postfix", "/usr/libexec/postfix/lmtp", "postfix"},
	{"postfix", "/usr/lib/postfix/bin/smtp", "postfix"}, /* openSUSE, Arch */
	{"postfix", "/usr/lib/postfix/bin/lmtp", "postfix"},
	{"postfix", "/usr/lib/postfix/smtp", "postfix"}, /* older Debian and openSUSE */
	{"postfix", "/usr/lib/postfix/lmtp", "postfix"},
	{"exim", "/usr/sbin/exim4", "Debian-exim"},
	{"exim", "/usr/sbin/exim", "exim"}, /* Fedora, RHEL, Alpine */
	{"exim", "/usr/bin/exim", "exim"}, /* Arch */
	{"exim", "/usr/exim/bin/exim", "exim"}, /* built from source, as it comes */
	{"exim", "/usr/sbin/exim", "mail"}, /* openSUSE, Gentoo */
	{"exim", "/usr/sbin/exim", "mailnull"}, /* cPanel */
	{"sendmail", "/usr/libexec/sendmail/sendmail", "root"}, /* Debian 12 */
	{"sendmail", "/usr/libexec/sendmail/sendmail", "smmta"},
	{"sendmail", "/usr/libexec/sendmail/sendmail", "smmsp"},
	{"sendmail", "/usr/lib/sm.bin/sendmail", "root"}, /* Debian and Ubuntu before */
	{"sendmail", "/usr/lib/sm.bin/sendmail", "smmta"},
	{"sendmail", "/usr/lib/sm.bin/sendmail", "smmsp"},
	{"sendmail", "/usr/sbin/sendmail.sendmail", "root"}, /* Fedora, RHEL */
	{"sendmail", "/usr/sbin/sendmail.sendmail", "smmsp"},
	{"opensmtpd", "/usr/sbin/smtpd", "opensmtpd"}, /* Debian */
	{"opensmtpd", "/usr/sbin/smtpd", "smtpd"}, /* Fedora, Arch, Alpine */
	{"opensmtpd", "/usr/sbin/smtpd", "_smtpd"}, /* built from source */
	{"opensmtpd", "/usr/bin/smtpd", "smtpd"}, /* where sbin is merged into bin */
	{"qmail", "/var/qmail/bin/qmail-remote", "qmailr"},
};

/* Room for one more row; NULL with *error set. */
static void *grow(void *rows, size_t count, size_t size, int *error)
{
	void *more;

	if (count >= LIMIT_RULES) {
		*error = -ENOSPC;
		return NULL;
	}
	more = reallocarray(rows, count + 1, size);
	if (!more)
		*error = -ENOMEM;
	return more;
}

/* strdup() that passes NULL through and remembers failure. */
static char *copy(const char *text, int *error)
{
	char *own = text ? strdup(text) : NULL;

	if (text && !own)
		*error = -ENOMEM;
	return own;
}

int config_add_mta(struct config *config, const struct config_mta *row)
{
	int error = 0;
	void *rows = grow(config->mtas, config->mta_count, sizeof(*row), &error);
	struct config_mta *own;

	if (!rows)
		return error;
	config->mtas = rows;
	own = &config->mtas[config->mta_count++];
	own->name = copy(row->name, &error);
	own->path = copy(row->path, &error);
	own->user = copy(row->user, &error);
	own->container = copy(row->container, &error);
	own->service = copy(row->service, &error);
	own->builtin = row->builtin;
	return error;
}

int config_add_relay(struct config *config, const struct config_relay *row)
{
	int error = 0;
	void *rows = grow(config->relays, config->relay_count, sizeof(*row), &error);
	struct config_relay *own;

	if (!rows)
		return error;
	config->relays = rows;
	own = &config->relays[config->relay_count++];
	*own = *row;
	own->name = copy(row->name, &error);
	return error;
}

int config_add_allow(struct config *config, const struct config_allow *row)
{
	int error = 0;
	void *rows = grow(config->allows, config->allow_count, sizeof(*row), &error);
	struct config_allow *own;

	if (!rows)
		return error;
	config->allows = rows;
	own = &config->allows[config->allow_count++];
	*own = *row;
	own->name = copy(row->name, &error);
	own->service = copy(row->service, &error);
	own->container = copy(row->container, &error);
	own->cgroup = copy(row->cgroup, &error);
	own->exe = copy(row->exe, &error);
	return error;
}

struct config *config_default(void)
{
	struct config *config = calloc(1, sizeof(*config));

	if (!config)
		return NULL;
	config->window_seconds = 60;
	config->burst = 30;
	config->fan_out = 10;
	config->many_recipients = 50;
	config->progress_seconds = 30;
	config->store_days = LIMIT_STORE_DAYS;
	config->store_rollup_days = LIMIT_STORE_ROLLUP_DAYS;
	config->store_bytes = LIMIT_STORE_BYTES;
	config->store_directory = strdup(CONFIG_STORE);
	if (!config->store_directory) {
		config_free(config);
		return NULL;
	}
	config_add_ports(config, "25,465,587");
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		/* The row is only copied from, so that taking the const away is safe. */
		const struct config_mta row = {.name = (char *)(uintptr_t)known[i].name,
					       .path = (char *)(uintptr_t)known[i].path,
					       .user = (char *)(uintptr_t)known[i].user,
					       .builtin = true};

		if (config_add_mta(config, &row) != 0) {
			config_free(config);
			return NULL;
		}
	}
	return config;
}

void config_free(struct config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < config->mta_count; i++) {
		free(config->mtas[i].name);
		free(config->mtas[i].path);
		free(config->mtas[i].user);
		free(config->mtas[i].container);
		free(config->mtas[i].service);
	}
	for (size_t i = 0; i < config->relay_count; i++)
		free(config->relays[i].name);
	for (size_t i = 0; i < config->allow_count; i++) {
		free(config->allows[i].name);
		free(config->allows[i].service);
		free(config->allows[i].container);
		free(config->allows[i].cgroup);
		free(config->allows[i].exe);
	}
	free(config->mtas);
	free(config->relays);
	free(config->allows);
	free(config->store_directory);
	free(config);
}

bool config_port_listed(const struct config *config, uint16_t port)
{
	for (unsigned int i = 0; i < config->port_count; i++) {
		if (config->ports[i] == port)
			return true;
	}
	return false;
}

int config_add_ports(struct config *config, const char *list)
{
	uint16_t ports[CONFIG_PORTS_MAX];
	unsigned int count = config->port_count, i;
	char word[sizeof("65535")];
	uint64_t port;
	int more;

	memcpy(ports, config->ports, sizeof(ports));
	while ((more = list_next(&list, word, sizeof(word))) > 0) {
		if (number_parse(word, 1, UINT16_MAX, &port) != 0)
			return -EINVAL;
		for (i = 0; i < count && ports[i] != port; i++)
			;
		if (i == CONFIG_PORTS_MAX)
			return -ENOSPC;
		ports[i] = (uint16_t)port;
		count += i == count;
	}
	if (more < 0)
		return more;
	/* All of the list or nothing of it. */
	memcpy(config->ports, ports, sizeof(ports));
	config->port_count = count;
	return 0;
}
