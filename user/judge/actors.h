/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * actors.h - what one actor did lately: how often, to how many, under which HELO names
 *
 * An actor is a user with an executable in a cgroup: one hacked site's workers count together, however many processes they are. At
 * most LIMIT_ACTORS are remembered; the one seen least recently goes first. Pure; times are CLOCK_BOOTTIME ns.
 */
#ifndef SMTPSNOOP_ACTORS_H
#define SMTPSNOOP_ACTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"

struct actors;

struct actors_options {
	uint64_t window; /* ns */
	uint32_t burst; /* connections in the window that are a burst */
	uint32_t fan_out; /* different destinations in it, at most LIMIT_FAN_OUT */
};

struct actors *actors_new(const struct actors_options *options); /* NULL = out of memory */
void actors_free(struct actors *actors); /* NULL is fine */
void actors_configure(struct actors *actors, const struct actors_options *options);

/* A connection is opened to `remote`. */
void actors_opened(struct actors *actors, const struct event_identity *who,
		   const uint8_t remote[16], uint64_t now);

/* The actor calls itself so. Case does not count (RFC 5321 2.4). */
void actors_helo(struct actors *actors, const struct event_identity *who, const char *name,
		 size_t length);

/* What holds for a connection of this actor that was opened at `opened`. */
struct actor_habits {
	bool burst, fan_out; /* the threshold was reached less than a window from that moment */
	bool helo_changes; /* two HELO names or more */
};
struct actor_habits actors_habits(const struct actors *actors, const struct event_identity *who,
				  uint64_t opened);

#endif
