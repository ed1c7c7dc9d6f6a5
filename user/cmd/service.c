/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * service.c - collect's privileged half as a service: readiness, watchdog, reloading
 *
 * The other half has no way to say that it lives. But what it is sent it takes, if it does, and the kernel says how much waits: the
 * manager is told that all is well only after something sent since the last time was taken. Nothing is fatal here but the channel.
 */
#include "cmd/service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/msg.h"
#include "base/notify.h"
#include "cmd/options.h"
#include "enrich/config_text.h"

#define NS_PER_SECOND UINT64_C(1000000000)
#define READY_NS UINT64_C(10000000) /* so often it is looked whether the other half has begun */

struct service {
	const struct trace_options *options;
	const struct config *config; /* in use */
	struct config *own; /* the same, if it was read again; else NULL */
	struct channel_writer *writer;
	struct notify notify;
	const char *hooks;
	uint64_t adopted;
	uint64_t mark; /* what is to be taken: see channel_taken() */
	uint64_t due, period; /* ns */
	bool ready; /* the manager knows */
};

struct service *service_new(const struct trace_options *options, struct channel_writer *writer)
{
	struct service *service = calloc(1, sizeof(*service));
	int rc;

	if (!service)
		return NULL;
	service->options = options;
	service->config = options->config;
	service->writer = writer;
	service->due = UINT64_MAX; /* not before service_begin(), however full the channel gets */
	rc = notify_open(&service->notify);
	if (rc)
		msg_warn("the service manager cannot be reached: %s", strerror(-rc));
	/* Twice in the time that is waited for it, if one answer comes late. */
	service->period = service->notify.watchdog / 4;
	if (!service->period || service->period > LIMIT_ALIVE_SECONDS * NS_PER_SECOND)
		service->period = LIMIT_ALIVE_SECONDS * NS_PER_SECOND;
	return service;
}

void service_free(struct service *service)
{
	if (!service)
		return;
	notify_close(&service->notify);
	config_free(service->own);
	free(service);
}

uint64_t service_due(const struct service *service)
{
	return service->due;
}

static int ask(struct service *service)
{
	const struct frame_alive alive = {.adopted = service->adopted};
	int rc = channel_write(service->writer, FRAME_ALIVE, &alive, sizeof(alive), NULL, 0);

	if (!rc)
		rc = channel_flush(service->writer);
	service->mark = service->writer->sent;
	return rc;
}

int service_begin(struct service *service, uint64_t now, const char *hooks, uint64_t adopted)
{
	service->hooks = hooks;
	service->adopted = adopted;
	service->due = now + READY_NS;
	return ask(service);
}

/* True: what was sent was taken. */
static bool lives(struct service *service, uint64_t now)
{
	if (now < service->due || !channel_taken(service->writer, service->mark)) {
		if (now >= service->due)
			service->due = now + (service->ready ? service->period : READY_NS);
		return false;
	}
	if (!service->ready)
		notify_say(&service->notify, "READY=1\nSTATUS=Collecting with %s", service->hooks);
	service->ready = true;
	notify_say(&service->notify, "WATCHDOG=1");
	service->mark = service->writer->sent;
	service->due = now + service->period;
	return true;
}

int service_beat(struct service *service, uint64_t now)
{
	return lives(service, now) ? ask(service) : 0;
}

void service_waits(struct service *service, uint64_t now)
{
	lives(service, now);
}

/* In pieces, as one frame does not hold it. */
static int pass_on(struct service *service, const struct config *config)
{
	size_t length = 0, piece;
	char *text = config_text(config, &length);
	int rc = text ? 0 : -ENOMEM;

	for (size_t at = 0; at < length && !rc; at += piece) {
		const struct frame_config head = {.total = (uint32_t)length, .at = (uint32_t)at};

		piece = length - at < FRAME_CONFIG_PIECE ? length - at : FRAME_CONFIG_PIECE;
		rc = channel_write(service->writer, FRAME_CONFIG, &head, sizeof(head), text + at,
				   piece);
	}
	free(text);
	return rc ? rc : channel_flush(service->writer);
}

/* Ports are set before the kernel programs are loaded, and the store is opened once. */
static void keep_the_fixed(const struct service *service, struct config *config)
{
	const struct config *before = service->config;

	if (config->port_count != before->port_count ||
	    memcmp(config->ports, before->ports, sizeof(config->ports)) != 0)
		msg_warn("other ports count after a restart only");
	memcpy(config->ports, before->ports, sizeof(config->ports));
	config->port_count = before->port_count;
	if (strcmp(config->store_directory, before->store_directory) != 0 ||
	    config->store_days != before->store_days ||
	    config->store_rollup_days != before->store_rollup_days ||
	    config->store_bytes != before->store_bytes)
		msg_warn("another [store] counts after a restart only");
}

/* 0, -ENOMEM, or -errno of the channel. */
static int take(struct service *service, struct config *config, struct enrich *enrich, uint64_t now)
{
	int rc;

	keep_the_fixed(service, config);
	rc = enrich_configure(enrich, config, now);
	if (!rc) {
		config_free(service->own);
		service->config = service->own = config;
		return pass_on(service, config);
	}
	config_free(config);
	return rc;
}

int service_reload(struct service *service, struct enrich *enrich, uint64_t now)
{
	struct config *config;
	int rc = 0;

	notify_say(&service->notify, "RELOADING=1\nMONOTONIC_USEC=%llu",
		   (unsigned long long)(clock_ns(CLOCK_MONOTONIC) / 1000));
	config = option_config(service->options->config_path, service->options->ports);
	if (config)
		rc = take(service, config, enrich, now);
	if (!config || rc == -ENOMEM)
		msg_warn("the configuration stays as it was%s", rc ? ": out of memory" : "");
	else if (!rc)
		msg_info("the configuration was read again");
	notify_say(&service->notify, "READY=1");
	return rc == -ENOMEM ? 0 : rc;
}

void service_ends(struct service *service)
{
	notify_say(&service->notify, "STOPPING=1");
}
