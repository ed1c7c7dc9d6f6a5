/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hear.c - the unprivileged half: everything that reads the attacker's text happens behind here
 *
 * Signals that stop the trace are for the other half: it drains the ring, says how it ended and closes the channel; only then do
 * we end, so that nothing is lost.
 */
#include "cmd/hear.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/msg.h"
#include "pass/channel.h"

int hear_init(struct hear *hear, const struct config *config, const struct hear_to *to,
	      void *context, struct table_options *table)
{
	memset(hear, 0, sizeof(*hear));
	hear->to = to;
	hear->context = context;
	hear->judge = judge_new(config);
	table->judge = hear->judge;
	hear->table = hear->judge ? table_new(table) : NULL;
	return hear->table ? 0 : -ENOMEM;
}

void hear_free(struct hear *hear)
{
	table_free(hear->table);
	judge_free(hear->judge);
	config_free(hear->config);
	free(hear->text);
}

void hear_no_signals(void)
{
	static const int theirs[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};

	for (size_t i = 0; i < sizeof(theirs) / sizeof(theirs[0]); i++)
		signal(theirs[i], SIG_IGN);
}

/* All of the text is here. The other half has read the same, so this is no mistake of the administrator's. */
static void configure(struct hear *hear)
{
	char error[256];
	struct config *config =
		config_parse("the parsing half", hear->text, hear->text_used, error, sizeof(error));

	if (!config) {
		msg_error("%s: the rules stay as they were", error);
		return;
	}
	judge_configure(hear->judge, config);
	config_free(hear->config);
	hear->config = config;
}

static int take_config(struct hear *hear, const struct frame_config *head, size_t size)
{
	if (size < sizeof(*head) || head->total > 2 * LIMIT_CONFIG_BYTES)
		return -EBADMSG;
	size -= sizeof(*head);
	if (head->at == 0) {
		free(hear->text);
		hear->text = malloc(head->total ? head->total : 1);
		if (!hear->text)
			return -ENOMEM;
		hear->text_size = head->total;
		hear->text_used = 0;
	}
	if (head->at != hear->text_used || head->total != hear->text_size ||
	    size > hear->text_size - hear->text_used)
		return -EBADMSG;
	memcpy(hear->text + hear->text_used, head + 1, size);
	hear->text_used += (uint32_t)size;
	if (hear->text_used < hear->text_size)
		return 0;
	configure(hear);
	free(hear->text);
	hear->text = NULL;
	hear->text_size = hear->text_used = 0;
	return 0;
}

static int take_end(struct hear *hear, const struct frame_end *end, size_t size)
{
	if (size < sizeof(*end))
		return -EBADMSG;
	table_end(hear->table, hear->now);
	hear->ended = true;
	hear->status = hear->to->end(hear->context, end, (const struct frame_loss_row *)(end + 1),
				     (size - sizeof(*end)) / sizeof(struct frame_loss_row));
	return 0;
}

static int on_frame(void *context, const struct batch_head *head, uint16_t kind,
		    const void *payload, size_t size)
{
	struct hear *hear = context;

	hear->wall_minus_boot = head->wall_minus_boot;
	hear->now = head->now;
	switch (kind) {
	case FRAME_START:
		if (size != sizeof(struct frame_start))
			return -EBADMSG;
		hear->started = true;
		hear->to->start(hear->context, payload);
		return 0;
	case FRAME_WHO:
	case FRAME_SCRIPT:
	case FRAME_EVENT:
		return table_frame(hear->table, kind, payload, size);
	case FRAME_LOSS:
		if (size != sizeof(struct event_counters))
			return -EBADMSG;
		hear->to->loss(hear->context, payload);
		return 0;
	case FRAME_CONFIG:
		return take_config(hear, payload, size);
	case FRAME_END:
		return take_end(hear, payload, size);
	default:
		return hear->to->frame ? hear->to->frame(hear->context, kind, payload, size)
				       : -EBADMSG;
	}
}

static int poll_timeout(uint64_t nanoseconds)
{
	uint64_t milliseconds = nanoseconds / 1000000 + 1;

	return nanoseconds == UINT64_MAX ? -1 : milliseconds > 60000 ? 60000 : (int)milliseconds;
}

/* 1 = go on, 0 = the other half is gone, -errno */
static int step(struct hear *hear, int channel, uint8_t *buffer)
{
	struct pollfd poll_channel = {.fd = channel, .events = POLLIN};
	uint64_t wait = table_tick(hear->table, clock_ns(CLOCK_BOOTTIME));
	uint64_t theirs = hear->to->tick(hear->context);
	int rc = poll(&poll_channel, 1, poll_timeout(theirs < wait ? theirs : wait));

	if (rc < 0 && errno != EINTR)
		return -errno;
	hear->now = clock_ns(CLOCK_BOOTTIME);
	hear->quiet = rc == 0;
	return rc > 0 ? channel_read(channel, buffer, on_frame, hear) : 1;
}

int hear_run(struct hear *hear, int channel)
{
	static uint8_t buffer[LIMIT_BATCH] __attribute__((aligned(8)));
	bool good = true;
	int rc = 1;

	while (rc == 1 && good && !hear->ended) {
		rc = step(hear, channel, buffer);
		good = !hear->to->round || hear->to->round(hear->context);
	}
	if (hear->ended)
		return good ? hear->status : EXIT_FAILED;
	if (rc == -EBADMSG)
		msg_error("the tracing half sent a record that is none: stopped");
	else if (rc < 0)
		msg_error("cannot read from the tracing half: %s", strerror(-rc));
	if (hear->started)
		table_end(hear->table, hear->now);
	return EXIT_FAILED;
}
