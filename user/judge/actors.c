/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * actors.c - what one actor did lately
 *
 * Destinations are kept with the time of the last connection to each, so that their number in the window is exact up to the
 * threshold's limit. Memory that is not to be had loses a count, never a connection; nothing is fatal.
 */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/limits.h"
#include "judge/actors.h"
#include "judge/window.h"

/* Compared as bytes: no padding. */
struct actor_key {
	uint64_t exe_inode;
	uint64_t cgroup_id;
	uint32_t exe_device;
	uint32_t uid;
};
_Static_assert(sizeof(struct actor_key) == 24, "no padding");

struct destination {
	uint8_t address[16];
	uint64_t last; /* 0 = free */
};

/* An episode: from the first to the last time that a threshold was reached, without a pause of a window. */
struct episode {
	uint64_t first, last; /* 0 = never */
};

struct actor {
	struct actor_key key;
	struct window connections;
	struct episode burst, fan_out;
	struct destination destinations[LIMIT_FAN_OUT];
	uint64_t helo[LIMIT_HELO_NAMES]; /* hashes */
	unsigned int helo_count;
	UT_hash_handle hh;
};

struct actors {
	struct actors_options options;
	struct actor *by_key; /* in the order of being seen: the first is the least recent */
};

struct actors *actors_new(const struct actors_options *options)
{
	struct actors *actors = calloc(1, sizeof(*actors));

	if (actors)
		actors->options = *options;
	return actors;
}

void actors_configure(struct actors *actors, const struct actors_options *options)
{
	actors->options = *options;
}

void actors_free(struct actors *actors)
{
	struct actor *actor, *next;

	if (!actors)
		return;
	HASH_ITER (hh, actors->by_key, actor, next) {
		HASH_DEL(actors->by_key, actor);
		free(actor);
	}
	free(actors);
}

static struct actor *find(const struct actors *actors, const struct event_identity *who)
{
	struct actor_key key = {.exe_inode = who->exe_inode,
				.cgroup_id = who->cgroup_id,
				.exe_device = who->exe_device,
				.uid = who->uid};
	struct actor *actor;

	HASH_FIND(hh, actors->by_key, &key, sizeof(key), actor);
	return actor;
}

/* The actor, new if need be, moved to the end that is forgotten last. NULL = out of memory. */
static struct actor *touch(struct actors *actors, const struct event_identity *who)
{
	struct actor *actor = find(actors, who), *oldest;

	if (actor) {
		HASH_DEL(actors->by_key, actor);
	} else {
		if (HASH_COUNT(actors->by_key) >= LIMIT_ACTORS) {
			oldest = actors->by_key;
			HASH_DEL(actors->by_key, oldest);
			free(oldest);
		}
		actor = calloc(1, sizeof(*actor));
		if (!actor)
			return NULL;
		actor->key = (struct actor_key){.exe_inode = who->exe_inode,
						.cgroup_id = who->cgroup_id,
						.exe_device = who->exe_device,
						.uid = who->uid};
	}
	HASH_ADD(hh, actors->by_key, key, sizeof(actor->key), actor);
	if (!actor->hh.tbl) {
		free(actor);
		return NULL;
	}
	return actor;
}

static void reached(struct episode *episode, uint64_t now, uint64_t window)
{
	if (!episode->last || now - episode->last > window)
		episode->first = now;
	episode->last = now;
}

static bool covers(const struct episode *episode, uint64_t opened, uint64_t window)
{
	return episode->last && opened + window >= episode->first &&
	       opened <= episode->last + window;
}

/* Different destinations in the last window, this one included. */
static uint32_t count_destination(struct actor *actor, const uint8_t remote[16], uint64_t now,
				  uint64_t window)
{
	struct destination *own = NULL, *oldest = &actor->destinations[0];
	uint32_t recent = 0;

	for (size_t i = 0; i < LIMIT_FAN_OUT; i++) {
		struct destination *at = &actor->destinations[i];

		if (at->last && memcmp(at->address, remote, sizeof(at->address)) == 0)
			own = at;
		else if (at->last && now - at->last < window)
			recent++;
		if (at->last < oldest->last)
			oldest = at;
	}
	if (!own) {
		own = oldest;
		/* The one that is forgotten for it was counted above. */
		recent -= own->last && now - own->last < window;
		memcpy(own->address, remote, sizeof(own->address));
	}
	own->last = now ? now : 1;
	return recent + 1;
}

void actors_opened(struct actors *actors, const struct event_identity *who,
		   const uint8_t remote[16], uint64_t now)
{
	const struct actors_options *options = &actors->options;
	struct actor *actor = touch(actors, who);

	if (!actor)
		return;
	/* Records of several CPUs can come a little out of order. */
	if (now < actor->connections.start)
		now = actor->connections.start;
	if (window_add(&actor->connections, 1, now, options->window) >= options->burst)
		reached(&actor->burst, now, options->window);
	if (count_destination(actor, remote, now, options->window) >= options->fan_out)
		reached(&actor->fan_out, now, options->window);
}

/* FNV-1a over the name in lower case. A collision costs one reason, nothing more. */
static uint64_t hash_name(const char *name, size_t length)
{
	uint64_t hash = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)name[i];

		if (c >= 'A' && c <= 'Z')
			c = (unsigned char)(c | 0x20);
		hash = (hash ^ c) * 0x100000001b3ull;
	}
	return hash;
}

void actors_helo(struct actors *actors, const struct event_identity *who, const char *name,
		 size_t length)
{
	struct actor *actor = touch(actors, who);
	uint64_t hash = hash_name(name, length);

	if (!actor)
		return;
	for (unsigned int i = 0; i < actor->helo_count; i++) {
		if (actor->helo[i] == hash)
			return;
	}
	if (actor->helo_count < LIMIT_HELO_NAMES)
		actor->helo[actor->helo_count++] = hash;
}

struct actor_habits actors_habits(const struct actors *actors, const struct event_identity *who,
				  uint64_t opened)
{
	const struct actor *actor = find(actors, who);
	uint64_t window = actors->options.window;

	if (!actor)
		return (struct actor_habits){0};
	return (struct actor_habits){.burst = covers(&actor->burst, opened, window),
				     .fan_out = covers(&actor->fan_out, opened, window),
				     .helo_changes = actor->helo_count > 1};
}
