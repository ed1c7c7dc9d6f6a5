/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mta.c - is this process a trusted MTA's client?
 *
 * A table of the configured executables with the device and inode that they have now. Texts of the record are only compared. A
 * running MTA whose file was replaced by an upgrade is still the MTA: its executable is deleted, but in the host's mount
 * namespace only root can have put a root-owned file at that path of that file system.
 *
 * Inside containers device and inode on the host say nothing. There a path counts only where the configuration trusts that
 * container or service for it, the file belongs to root, and what the container's own root directory has at that path is
 * the same file, as long as it can still be looked at.
 */
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/msg.h"
#include "enrich/cgroup.h"
#include "enrich/file_id.h"
#include "enrich/mta.h"
#include "enrich/process.h"
#include "enrich/users.h"

#define NS_PER_SECOND 1000000000ull
#define REFRESH_NS (60 * NS_PER_SECOND)
/* opening the configured paths takes well under a millisecond */
#define MISS_REFRESH_NS NS_PER_SECOND

struct mta_row {
	const struct config_mta *config;
	char *real; /* config->path without symbolic links; NULL = there is no such file */
	struct file_id file;
	bool has_uid;
	uint32_t uid;
};

struct mta_table {
	uint64_t refreshed;
	size_t count;
	struct mta_row rows[];
};

static void refresh_row(struct mta_row *row, const struct mta_row *before)
{
	free(row->real);
	row->real = NULL;
	memset(&row->file, 0, sizeof(row->file));
	row->has_uid = users_id(row->config->user, &row->uid) == 0;
	if (before && strcmp(before->config->path, row->config->path) == 0) {
		row->file = before->file;
		row->real = before->real ? strdup(before->real) : NULL;
	} else if (file_id_read(row->config->path, &row->file) == 0) {
		row->real = realpath(row->config->path, NULL);
	}
}

static void refresh(struct mta_table *table, uint64_t now)
{
	for (size_t i = 0; i < table->count; i++)
		refresh_row(&table->rows[i], i ? &table->rows[i - 1] : NULL);
	table->refreshed = now;
}

/* The built-in rows are many and mostly absent; a path that was written by hand is meant to be there. */
static void warn_missing(const struct mta_table *table)
{
	char shown[256];

	for (size_t i = 0; i < table->count; i++) {
		const struct config_mta *config = table->rows[i].config;

		if (table->rows[i].file.inode || config->builtin || config->container ||
		    config->service || (i && strcmp(config[-1].path, config->path) == 0))
			continue;
		escape_text(shown, sizeof(shown), config->path, strlen(config->path), NULL);
		msg_warn("[mta %s]: there is no file %s yet", config->name, shown);
	}
}

struct mta_table *mta_new(const struct config *config, uint64_t now)
{
	struct mta_table *table =
		calloc(1, sizeof(*table) + config->mta_count * sizeof(table->rows[0]));

	if (!table)
		return NULL;
	table->count = config->mta_count;
	for (size_t i = 0; i < table->count; i++)
		table->rows[i].config = &config->mtas[i];
	refresh(table, now);
	warn_missing(table);
	return table;
}

void mta_free(struct mta_table *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->count; i++)
		free(table->rows[i].real);
	free(table);
}

static bool same_mta(const struct mta_row *one, const struct mta_row *other)
{
	return one->file.device == other->file.device && one->file.inode == other->file.inode &&
	       one->has_uid && one->uid == other->uid;
}

static bool on_host(const struct mta_row *row)
{
	return row->file.inode && row->has_uid && !row->config->container;
}

const struct config_mta *mta_next(const struct mta_table *table, size_t *at, bool *safe)
{
	while (*at < table->count) {
		const struct mta_row *row = &table->rows[(*at)++];
		bool named = false;

		for (const struct mta_row *before = table->rows; before < row && !named; before++)
			named = on_host(before) && same_mta(before, row);
		if (named || !on_host(row))
			continue;
		*safe = file_only_root_writes(row->file.uid, row->file.mode);
		return row->config;
	}
	return NULL;
}

/* Does the leaf-first text name `path`? Whole, or its last component alone. */
static bool path_is(struct bytes raw, const char *path, bool leaf_only)
{
	struct bytes left = bytes_of(path);

	while (raw.length) {
		const char *nul = memchr(raw.at, '\0', raw.length);
		struct bytes part = {raw.at, nul ? (size_t)(nul - raw.at) : raw.length};
		struct bytes leaf = bytes_leaf(left);

		if (!bytes_equal(part, leaf))
			return false;
		if (leaf_only)
			return true;
		/* Drop "/leaf" from the end. */
		left.length -= leaf.length < left.length ? leaf.length + 1 : leaf.length;
		raw = bytes_after(raw, part.length + 1);
	}
	return left.length == 0;
}

static bool path_of_row(const struct mta_row *row, struct bytes exe)
{
	return path_is(exe, row->config->path, false) ||
	       (row->real && path_is(exe, row->real, false));
}

static bool name_of_row(const struct mta_row *row, struct bytes exe)
{
	return path_is(exe, row->config->path, true) ||
	       (row->real && path_is(exe, row->real, true));
}

/* Safe by what the kernel saw at that moment; a small identity has no mode, then by what the table knows of the file. */
static bool is_safe(const struct mta_row *row, const struct event_identity *who)
{
	if (who->exe_mode)
		return file_only_root_writes(who->exe_uid, who->exe_mode);
	return file_only_root_writes(row->file.uid, row->file.mode);
}

static bool is_deleted_self(const struct mta_row *row, const struct mta_query *query)
{
	const struct event_identity *who = query->who;

	return who->exe_links == 0 && query->host_mntns && row->file.inode != 0 &&
	       who->exe_mode != 0 && who->exe_device == row->file.device &&
	       !(who->flags & (IDENTITY_EXE_MEMFD | IDENTITY_EXE_CUT)) &&
	       file_only_root_writes(who->exe_uid, who->exe_mode) && path_of_row(row, query->exe);
}

/* Unit and container, as far as the host made their names. */
static void place_of(const struct mta_query *query, char room[], struct cgroup_facts *facts)
{
	struct bytes path = {room, process_turn_path(room, query->cgroup, false)};

	cgroup_read(path, facts);
	if (facts->container_claimed || query->who->flags & IDENTITY_CGROUP_CUT)
		facts->container.length = 0;
	if (facts->unit_claimed || query->who->flags & IDENTITY_CGROUP_CUT)
		facts->unit.length = 0;
}

static bool place_is(const struct config_mta *config, const struct mta_query *query)
{
	char room[EVENT_PATH_MAX + PROCESS_TURN_EXTRA];
	struct cgroup_facts place;

	if (query->cgroup.length > EVENT_PATH_MAX)
		return false;
	place_of(query, room, &place);
	return (!config->container || cgroup_container_is(place.container, config->container)) &&
	       (!config->service || bytes_are(place.unit, config->service));
}

/* In a container or a service with a root of its own that the configuration trusts for this path. */
static bool is_trusted_inside(const struct mta_row *row, const struct mta_query *query)
{
	const struct config_mta *config = row->config;
	const struct event_identity *who = query->who;
	struct file_id file;

	if ((!config->container && !config->service) || query->host_mntns ||
	    who->flags & (IDENTITY_EXE_CUT | IDENTITY_EXE_MEMFD) || who->exe_mode == 0 ||
	    !file_only_root_writes(who->exe_uid, who->exe_mode) ||
	    !path_is(query->exe, config->path, false) || !place_is(config, query))
		return false;
	if (file_id_read_in((pid_t)who->tgid, config->path, &file) != 0)
		return true;
	return file_id_same(&file, who->exe_device, who->exe_inode);
}

/* Looks like an MTA in a container that nobody has trusted yet: worth a hint, never trust. */
static bool is_untrusted_inside(const struct mta_row *row, const struct mta_query *query)
{
	char room[EVENT_PATH_MAX + PROCESS_TURN_EXTRA];
	struct cgroup_facts place;

	if (query->host_mntns || query->who->flags & (IDENTITY_EXE_CUT | IDENTITY_EXE_MEMFD) ||
	    query->cgroup.length > EVENT_PATH_MAX || !path_is(query->exe, row->config->path, false))
		return false;
	place_of(query, room, &place);
	return place.container.length != 0 || (!query->host_pidns && query->who->exe_uid == 0);
}

/* Accounts that much else runs under say nothing about who made the MTA's mail. */
static bool own_account(const struct config_mta *config)
{
	return strcmp(config->user, "root") != 0 && strcmp(config->user, "0") != 0 &&
	       strcmp(config->user, "mail") != 0;
}

static uint8_t judge_row(const struct mta_row *row, const struct mta_query *query)
{
	const struct config_mta *config = row->config;
	const struct event_identity *who = query->who;
	bool user = row->has_uid && who->uid == row->uid && who->euid == row->uid;
	bool host_wide = !config->container && (!config->service || place_is(config, query));
	uint8_t flags = 0;

	if (host_wide && (file_id_same(&row->file, who->exe_device, who->exe_inode) ||
			  is_deleted_self(row, query))) {
		flags = ENRICHMENT_MTA_EXE;
		if (is_safe(row, who))
			flags |= ENRICHMENT_MTA_SAFE;
	} else if (is_trusted_inside(row, query)) {
		flags = ENRICHMENT_MTA_EXE | ENRICHMENT_MTA_SAFE | ENRICHMENT_MTA_CONTAINER;
	} else if (is_untrusted_inside(row, query)) {
		flags = ENRICHMENT_MTA_NAME;
	}
	if (user && flags & ENRICHMENT_MTA_EXE)
		flags |= ENRICHMENT_MTA_USER;
	/* In a container the same number is somebody else. */
	if (row->has_uid && (who->uid == row->uid || who->euid == row->uid) && query->host_pidns &&
	    row->file.inode != 0 && own_account(config))
		flags |= ENRICHMENT_MTA_OWN_USER;
	return flags;
}

/* Of several rows the one that says more of the executable wins; the flag of the account is true for all. */
static unsigned int weight(uint8_t flags)
{
	return (flags & ENRICHMENT_MTA_EXE ? 8u : 0u) + (flags & ENRICHMENT_MTA_USER ? 4u : 0u) +
	       (flags & ENRICHMENT_MTA_NAME ? 2u : 0u) +
	       (flags & ENRICHMENT_MTA_OWN_USER ? 1u : 0u);
}

static void search(const struct mta_table *table, const struct mta_query *query,
		   struct enrichment *out)
{
	const char *name = "";
	uint8_t best = 0, account = 0;

	for (size_t i = 0; i < table->count; i++) {
		uint8_t flags = judge_row(&table->rows[i], query);

		account |= flags & ENRICHMENT_MTA_OWN_USER;
		if (weight(flags) > weight(best)) {
			best = flags;
			name = table->rows[i].config->name;
		}
	}
	out->mta_flags = best | account;
	memset(out->mta, 0, sizeof(out->mta));
	if (strlen(name) < sizeof(out->mta))
		strcpy(out->mta, name);
}

static bool wears_name(const struct mta_table *table, struct bytes exe)
{
	for (size_t i = 0; i < table->count; i++) {
		if (exe.length && name_of_row(&table->rows[i], exe))
			return true;
	}
	return false;
}

void mta_find(struct mta_table *table, const struct mta_query *query, uint64_t now,
	      struct enrichment *out)
{
	if (now - table->refreshed >= REFRESH_NS)
		refresh(table, now);
	search(table, query, out);
	if (out->mta_flags & ENRICHMENT_MTA_EXE || now - table->refreshed < MISS_REFRESH_NS ||
	    !wears_name(table, query->exe))
		return;
	refresh(table, now);
	search(table, query, out);
}
