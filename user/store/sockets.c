/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sockets.c - the sockets of a snapshot by cookie, each with who has it open
 *
 * Holders are told before sockets; either may miss the other, when a connection ends meanwhile. Nothing is fatal.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/sockets.h"

struct sockets {
	struct socket_seen *all;
	struct sockets_hiding hiding;
	uint64_t over;
};

struct sockets *sockets_new(void)
{
	return calloc(1, sizeof(struct sockets));
}

void sockets_free(struct sockets *sockets)
{
	if (!sockets)
		return;
	while (sockets->all) {
		struct socket_seen *seen = sockets->all;

		HASH_DEL(sockets->all, seen);
		free(seen);
	}
	free(sockets);
}

struct socket_seen *sockets_find(struct sockets *sockets, uint64_t cookie)
{
	struct socket_seen *seen;

	HASH_FIND(hh, sockets->all, &cookie, sizeof(cookie), seen);
	return seen;
}

struct socket_seen *sockets_first(struct sockets *sockets)
{
	return sockets->all;
}

uint64_t sockets_over(const struct sockets *sockets)
{
	return sockets->over;
}

/* NULL: there is no room; it was counted. */
static struct socket_seen *find_or_add(struct sockets *sockets, uint64_t cookie)
{
	struct socket_seen *seen = sockets_find(sockets, cookie);

	if (seen)
		return seen;
	seen = HASH_COUNT(sockets->all) < LIMIT_SOCKETS ? calloc(1, sizeof(*seen)) : NULL;
	if (seen) {
		seen->cookie = cookie;
		HASH_ADD(hh, sockets->all, cookie, sizeof(seen->cookie), seen);
		if (seen->hh.tbl)
			return seen;
		free(seen);
	}
	sockets->over++;
	return NULL;
}

const struct sockets_hiding *sockets_hiding(const struct sockets *sockets)
{
	return &sockets->hiding;
}

/* A process is told once, however many it has. */
static void hide(struct sockets_hiding *hiding, const struct event_holder *holder)
{
	for (unsigned int i = 0; i < hiding->count && i < LIMIT_HIDING; i++)
		if (hiding->holders[i].tgid == holder->tgid &&
		    hiding->holders[i].holds == holder->holds)
			return;
	if (hiding->count < LIMIT_HIDING)
		hiding->holders[hiding->count] = *holder;
	hiding->count++;
}

static bool ended(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

int sockets_frame(struct sockets *sockets, uint16_t kind, const void *payload, size_t size)
{
	struct event_holder holder;
	struct frame_socket is;
	struct socket_seen *seen;

	if (kind == FRAME_HOLDER && size == sizeof(holder)) {
		memcpy(&holder, payload, sizeof(holder));
		if (holder.holds > HOLDS_XDP)
			return -EBADMSG;
		if (holder.holds != HOLDS_CONNECTION) {
			hide(&sockets->hiding, &holder);
			return 0;
		}
		seen = find_or_add(sockets, holder.cookie);
		if (seen && seen->holder_count < LIMIT_HOLDERS)
			seen->holders[seen->holder_count] = holder;
		if (seen)
			seen->holder_count++;
		return 0;
	}
	if (kind != FRAME_SOCKET || size != sizeof(is))
		return -EBADMSG;
	memcpy(&is, payload, sizeof(is));
	if (!ended(is.user, sizeof(is.user)) || !ended(is.cgroup, sizeof(is.cgroup)))
		return -EBADMSG;
	seen = find_or_add(sockets, is.cookie);
	if (seen) {
		seen->known = true;
		seen->is = is;
	}
	return 0;
}
