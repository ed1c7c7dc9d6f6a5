/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * config.h - /etc/smtpsnoop.conf: trusted MTAs, relays, allow rules, ports, thresholds
 *
 * Read by the privileged half before it forks, so that both halves have it; a service that reads it again passes it on as text
 * (config_text.h). Nothing is guessed: an unknown section, key or value is refused with file, line and what is wrong.
 */
#ifndef SMTPSNOOP_CONFIG_H
#define SMTPSNOOP_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"

#define CONFIG_PORTS_MAX 64
#define CONFIG_STORE "/var/lib/smtpsnoop"

/* [mta NAME]: an executable that may speak SMTP to the world. Built-in ones come first. */
struct config_mta {
	char *name;
	char *path; /* absolute; on the host, or inside the container */
	char *user; /* its uid: name or number */
	char *container; /* id prefix or name; NULL = any or none */
	char *service; /* systemd unit; NULL = any */
	bool builtin;
};

/* [relay NAME]: a smarthost. address is an IPv4/IPv6 address or prefix (CIDR); port 0 = any. */
struct config_relay {
	char *name;
	uint8_t address[16]; /* v4 as ::ffff:a.b.c.d */
	uint8_t prefix; /* of the 128 bits */
	uint16_t port;
};

/* [allow NAME]: every condition that is set must hold. */
struct config_allow {
	char *name;
	bool has_uid;
	uint32_t uid;
	/*
	 * Exact; cgroup also matches what is below it. Service and container hold only for names that the host made
	 * (see cgroup.h), exe only for a file that nobody but root, or the rule's own user, can write.
	 */
	char *service, *container, *cgroup, *exe;
	bool has_address;
	uint8_t address[16];
	uint8_t prefix;
	uint16_t port; /* 0 = any */
};

struct config {
	uint16_t ports[CONFIG_PORTS_MAX]; /* 25, 465, 587 and those added */
	unsigned int port_count;
	struct config_mta *mtas;
	size_t mta_count;
	struct config_relay *relays;
	size_t relay_count;
	struct config_allow *allows;
	size_t allow_count;
	/* thresholds of the judge, per actor and window */
	uint32_t window_seconds; /* 60 */
	uint32_t burst; /* connections in the window, 30 */
	uint32_t fan_out; /* different destinations in the window, 10 */
	uint32_t many_recipients; /* in one connection, 50 */
	uint32_t progress_seconds; /* a line for a connection that lasts, 30 */
	/* [store] */
	char *store_directory; /* CONFIG_STORE */
	uint32_t store_days; /* connections are kept in full, 90 */
	uint32_t store_rollup_days; /* sums by the hour and the day, 400 */
	uint64_t store_bytes; /* the file's size, 1 GiB */
};

/*
 * Rows are added through these: every text of `row` is copied. 0, -ENOSPC (LIMIT_RULES reached), -ENOMEM.
 */
int config_add_mta(struct config *config, const struct config_mta *row);
int config_add_relay(struct config *config, const struct config_relay *row);
int config_add_allow(struct config *config, const struct config_allow *row);

/* The defaults, with the built-in MTAs. NULL = out of memory. */
struct config *config_default(void);

/*
 * Reads `path` over the defaults. A missing file is fine unless `must_exist`. Errors: NULL, and one sentence in
 * `error` ("/etc/smtpsnoop.conf:12: unknown key \"prot\" in [relay a]; known are address, port"). Owner must be root and the
 * file not writable by others, else it is refused: it grants trust.
 */
struct config *config_load(const char *path, bool must_exist, char *error, size_t error_size);

/* The same from memory, for tests and the fuzzer; `name` stands for the path in errors. */
struct config *config_parse(const char *name, const char *text, size_t length, char *error,
			    size_t error_size);

/* "25,2525": adds to the ports. 0, or -EINVAL (not numbers 1..65535), -ENOSPC (over CONFIG_PORTS_MAX). */
int config_add_ports(struct config *config, const char *list);
bool config_port_listed(const struct config *config, uint16_t port);
void config_free(struct config *config);

#endif
