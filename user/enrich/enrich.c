/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * enrich.c - what only the privileged half may find out about an opener or sender
 *
 * Names of users, the host's addresses, the host's namespaces and the table of MTAs, put together for one record. Runs once for each
 * record with root's capabilities, so it is short and does not parse. Nothing is fatal after the start.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/address.h"
#include "enrich/addresses.h"
#include "enrich/enrich.h"
#include "enrich/mta.h"
#include "enrich/users.h"

#define NO_LOGIN UINT32_MAX /* loginuid of what no one logged in for */

struct enrich {
	struct users *users;
	struct addresses *addresses;
	struct mta_table *mtas;
	uint32_t netns, pidns, mntns; /* the host's; inodes */
};

/* Process 1 is in the host's namespaces; who may not look at it takes its own for the host's. */
static uint32_t host_namespace(const char *of_init, const char *of_self)
{
	struct stat file;

	if (stat(of_init, &file) != 0 && stat(of_self, &file) != 0)
		return 0;
	return (uint32_t)file.st_ino;
}

struct enrich *enrich_new(const struct config *config, uint64_t now)
{
	struct enrich *enrich = calloc(1, sizeof(*enrich));
	int error;

	if (!enrich)
		return NULL;
	enrich->netns = host_namespace("/proc/1/ns/net", "/proc/self/ns/net");
	enrich->pidns = host_namespace("/proc/1/ns/pid", "/proc/self/ns/pid");
	enrich->mntns = host_namespace("/proc/1/ns/mnt", "/proc/self/ns/mnt");
	enrich->users = users_new();
	enrich->mtas = mta_new(config, now);
	enrich->addresses = addresses_new();
	if (enrich->users && enrich->mtas && enrich->addresses)
		return enrich;
	error = errno;
	enrich_free(enrich);
	errno = error;
	return NULL;
}

void enrich_free(struct enrich *enrich)
{
	if (!enrich)
		return;
	users_free(enrich->users);
	addresses_free(enrich->addresses);
	mta_free(enrich->mtas);
	free(enrich);
}

int enrich_configure(struct enrich *enrich, const struct config *config, uint64_t now)
{
	struct mta_table *mtas = mta_new(config, now);

	if (!mtas)
		return -ENOMEM;
	mta_free(enrich->mtas);
	enrich->mtas = mtas;
	return 0;
}

const struct mta_table *enrich_mtas(const struct enrich *enrich)
{
	return enrich->mtas;
}

int enrich_fd(const struct enrich *enrich)
{
	return addresses_fd(enrich->addresses);
}

int enrich_ready(struct enrich *enrich)
{
	return addresses_refresh(enrich->addresses);
}

/* In another namespace it is not this host that has these: each has its own loopback and its own links. */
static bool is_of_namespace(const uint8_t address[16])
{
	return address_is_loopback(address) || address_is_link_local(address);
}

void enrich_open(struct enrich *enrich, const struct event_open *open, size_t size, uint64_t now,
		 struct enrichment *out)
{
	const struct event_identity *who = &open->who;
	struct mta_query query = {.who = who};

	memset(out, 0, sizeof(*out));
	if (size < offsetof(struct event_open, text) || size > sizeof(*open) ||
	    (size_t)open->exe_len + open->cwd_len + open->cgroup_len >
		    size - offsetof(struct event_open, text))
		return;
	query.exe = (struct bytes){open->text, open->exe_len};
	query.cgroup = (struct bytes){open->text + open->exe_len + open->cwd_len, open->cgroup_len};
	query.host_mntns = who->ns_mnt == enrich->mntns;
	query.host_pidns = who->ns_pid == enrich->pidns;
	users_name(enrich->users, who->uid, now, out->user, sizeof(out->user));
	if (who->loginuid != NO_LOGIN)
		users_name(enrich->users, who->loginuid, now, out->login, sizeof(out->login));
	mta_find(enrich->mtas, &query, now, out);
	out->host_netns = open->ends.netns == enrich->netns;
	/* 0: the record does not know it. */
	out->container_pidns = who->ns_pid != 0 && !query.host_pidns;
	out->host_address = addresses_has(enrich->addresses, open->ends.remote) &&
			    (out->host_netns || !is_of_namespace(open->ends.remote));
}

void enrich_user(struct enrich *enrich, uint32_t uid, uint64_t now, char *name, size_t size)
{
	users_name(enrich->users, uid, now, name, size);
}
