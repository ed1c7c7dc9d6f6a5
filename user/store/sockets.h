/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sockets.h - the sockets of a snapshot by cookie, each with who has it open
 *
 * Bounded by LIMIT_SOCKETS; what finds no room is counted.
 */
#ifndef SMTPSNOOP_STORE_SOCKETS_H
#define SMTPSNOOP_STORE_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/frame.h"
#include "base/hash.h"
#include "base/limits.h"

struct socket_seen {
	uint64_t cookie;
	bool known; /* `is` is filled: sock_diag(7) knew it, too */
	bool shown;
	struct frame_socket is;
	unsigned int holder_count; /* descriptors, over all processes */
	struct event_holder holders[LIMIT_HOLDERS]; /* the first of them */
	UT_hash_handle hh;
};

/* How many of its holders are kept; socket may be NULL. */
static inline unsigned int socket_holders(const struct socket_seen *socket)
{
	if (!socket)
		return 0;
	return socket->holder_count < LIMIT_HOLDERS ? socket->holder_count : LIMIT_HOLDERS;
}

/* Processes that can send past TCP: the first of them, and how many. */
struct sockets_hiding {
	struct event_holder holders[LIMIT_HIDING];
	unsigned int count;
};

struct sockets;

struct sockets *sockets_new(void); /* NULL = out of memory */
void sockets_free(struct sockets *sockets); /* NULL is fine */

/* FRAME_SOCKET and FRAME_HOLDER. 0, also where it finds no room; -EBADMSG: a size or text that is wrong. */
int sockets_frame(struct sockets *sockets, uint16_t kind, const void *payload, size_t size);

struct socket_seen *sockets_find(struct sockets *sockets, uint64_t cookie); /* NULL = none */
struct socket_seen *sockets_first(struct sockets *sockets); /* oldest first, on by hh.next */
const struct sockets_hiding *sockets_hiding(const struct sockets *sockets);
uint64_t sockets_over(const struct sockets *sockets);

#endif
