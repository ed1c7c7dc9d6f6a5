/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * metrics_server.h - HTTP for /metrics and /healthz, inside the loop of the unprivileged half
 *
 * No thread of its own, and it never waits. How much of the loop's time clients can take is bounded: it looks at them every
 * LIMIT_METRICS_MS at most, and at LIMIT_METRICS_CLIENTS of them.
 */
#ifndef SMTPSNOOP_METRICS_SERVER_H
#define SMTPSNOOP_METRICS_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Who knows the answers. */
struct metrics_answers {
	void *context;
	void (*write)(void *context, FILE *out); /* /metrics */
	bool (*unhealthy)(void *context, char *why, size_t size); /* false = /healthz is "ok" */
};

struct metrics_server;

/*
 * The listener is closed with the server. Loads the library, so it comes before rights are given up and the root is changed. NULL with a
 * sentence in `error`.
 */
struct metrics_server *metrics_server_new(int listener, const struct metrics_answers *answers,
					  char *error, size_t error_size);
void metrics_server_free(struct metrics_server *server); /* NULL is fine: so it is in all others */

/* To be polled for reading; -1 = not now. */
int metrics_server_fd(const struct metrics_server *server);

/*
 * After each poll; ready: the descriptor is. `now` is CLOCK_BOOTTIME ns. Returns ns until it wants to be called again, or UINT64_MAX.
 */
uint64_t metrics_server_step(struct metrics_server *server, bool ready, uint64_t now);

#endif
