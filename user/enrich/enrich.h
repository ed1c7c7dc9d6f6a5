/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * enrich.h - what only the privileged half may find out about an opener or sender
 *
 * Texts of the record are compared, never parsed: they are the attacker's.
 */
#ifndef SMTPSNOOP_ENRICH_H
#define SMTPSNOOP_ENRICH_H

#include <stddef.h>
#include <stdint.h>

#include "base/frame.h"
#include "enrich/config.h"
#include "event.h"

struct enrich;

/* The configuration is borrowed. `now` is CLOCK_BOOTTIME in ns. NULL with errno: no memory, or no list of addresses. */
struct enrich *enrich_new(const struct config *config, uint64_t now);
void enrich_free(struct enrich *enrich); /* NULL is fine */

/* Other MTAs from now on. Borrowed as above. -ENOMEM: those from before stay. */
int enrich_configure(struct enrich *enrich, const struct config *config, uint64_t now);

/* Readable when an address of the host has changed: then call enrich_ready(). -1 = there is none. */
int enrich_fd(const struct enrich *enrich);
int enrich_ready(struct enrich *enrich); /* 0 or -errno: the old addresses stay */

/*
 * For every OPEN and SENDER record. `size` is that of the record; where its lengths do not hold together *out says nothing but
 * is valid (the unprivileged half will refuse the record).
 */
void enrich_open(struct enrich *enrich, const struct event_open *open, size_t size, uint64_t now,
		 struct enrichment *out);

struct mta_table;
const struct mta_table *enrich_mtas(const struct enrich *enrich);

/* The name of a uid; "" = there is none. */
void enrich_user(struct enrich *enrich, uint32_t uid, uint64_t now, char *name, size_t size);

#endif
