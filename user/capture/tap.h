/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tap.h - the kernel's gate on the streams of a captured connection
 *
 * What the dialogue plane does in the kernel, with the same code (include/gate.h): pieces and notes as in struct event_data come
 * out, in order, and on a port that is not listed only once SMTP is proven.
 */
#ifndef SMTPSNOOP_TAP_H
#define SMTPSNOOP_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"

struct tap;

enum tap_state {
	TAP_UNPROVEN = 0, /* nothing comes out yet */
	TAP_SMTP, /* or a listed port, whatever is said there */
	TAP_NOT, /* something else: free the tap */
};

struct tap_ports { /* the listed ones; borrowed */
	const uint16_t *ports;
	unsigned int count;
};

struct tap_output {
	/* SMTP is proven; called once, before anything else, and never for a listed port. */
	void (*proven)(void *context);
	/* As the members of struct event_data; length is EVENT_PIECE_MAX at most. */
	void (*piece)(void *context, const struct event_data *piece);
};

bool tap_port_listed(const struct tap_ports *ports, uint32_t port);

/* joined: its beginning was not captured. NULL = out of memory. */
struct tap *tap_new(const struct tap_output *output, void *context, const struct tap_ports *ports,
		    uint16_t server_port, bool joined);
void tap_free(struct tap *tap); /* NULL is fine */

void tap_bytes(struct tap *tap, enum event_direction from, const uint8_t *bytes, size_t length);
void tap_missing(struct tap *tap, enum event_direction from, uint64_t length);
void tap_end(struct tap *tap); /* the last notes come out */

enum tap_state tap_state(const struct tap *tap);
enum found_by tap_found(const struct tap *tap);

#endif
