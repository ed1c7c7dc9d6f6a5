/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * service.h - collect's privileged half as a service: readiness, watchdog, reloading
 */
#ifndef SMTPSNOOP_SERVICE_H
#define SMTPSNOOP_SERVICE_H

#include <stdint.h>

#include "cmd/trace_options.h"
#include "enrich/enrich.h"
#include "pass/channel.h"

struct service;

/* All of them are borrowed. NULL: out of memory. */
struct service *service_new(const struct trace_options *options, struct channel_writer *writer);
void service_free(struct service *service); /* NULL is fine */

/* Everything is attached, and `adopted` connections were there before: the manager is told once the other half has taken that. */
int service_begin(struct service *service, uint64_t now, const char *hooks, uint64_t adopted);

/* CLOCK_BOOTTIME ns, when service_beat() wants to be called. */
uint64_t service_due(const struct service *service);

/*
 * Tells the manager that both halves live, if the other one has taken what it was sent before; and sends it something to take. 0, or
 * -errno: the channel's.
 */
int service_beat(struct service *service, uint64_t now);

/* The same while the channel is full: nothing is sent. */
void service_waits(struct service *service, uint64_t now);

/* Reads the configuration again. A wrong one is said and changes nothing. 0, or -errno: the channel's. */
int service_reload(struct service *service, struct enrich *enrich, uint64_t now);

void service_ends(struct service *service);

#endif
