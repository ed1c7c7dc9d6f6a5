/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * search.h - what a snapshot's search came to, beside its sockets
 */
#ifndef SMTPSNOOP_SEARCH_H
#define SMTPSNOOP_SEARCH_H

#include "store/hiding.h"
#include "store/queues.h"
#include "store/sockets.h"

/* Borrowed; pointers may be NULL: nothing was heard of it. */
struct snapshot_search {
	const struct frame_looked *looked;
	const struct sockets_hiding *hiding;
	const struct hiding_places *places;
	const struct queues *queues;
	uint64_t over; /* sockets that found no room */
};

#endif
