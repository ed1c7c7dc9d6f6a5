/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * places.c - what the unprivileged half of collect writes to: opened with the rights that it gives up
 *
 * The process that runs commands comes first: it must not hold an end of what the two halves tell each other by.
 */
#include "cmd/places.h"

#include <unistd.h>

#include "base/msg.h"
#include "cmd/store_directory.h"

static bool open_metrics(struct places *places, const struct trace_options *options,
			 const struct rights_user *user)
{
	char error[512];

	if (!options->metrics || metrics_socket_open(&places->metrics, options->metrics, user->gid,
						     error, sizeof(error)) == 0)
		return true;
	msg_error("%s", error);
	return false;
}

/* Who starts us as somebody else has chosen whom. */
static void warn_shared(const struct rights_user *user)
{
	if (user->shared && geteuid() == 0)
		msg_warn("there is no user smtpsnoop: the store belongs to the user nobody (%u), "
			 "whom other programs may share; make it by systemd-sysusers, from "
			 "dist/smtpsnoop.sysusers",
			 (unsigned int)user->uid);
}

bool places_open(struct places *places, const struct trace_options *options,
		 const struct rights_user *user)
{
	*places = (struct places){.directory = -1,
				  .metrics.fd = -1,
				  .runner = {.ask = -1, .rules = -1},
				  .alerts = {.journal = -1, .syslog = -1, .ask = -1}};
	if (!options->store)
		return true;
	if (!alert_runner_start(&places->runner, options->config))
		return false;
	alert_ends_open(&places->alerts);
	places->alerts.ask = places->runner.ask;
	places->directory = store_directory_open(options->store, user);
	if (places->directory >= 0 && open_metrics(places, options, user)) {
		warn_shared(user);
		return true;
	}
	places_close(places);
	return false;
}

void places_handed_over(struct places *places)
{
	alert_ends_close(&places->alerts);
	places->runner.ask = -1;
}

void places_close(struct places *places)
{
	places_handed_over(places);
	if (places->directory >= 0)
		close(places->directory);
	places->directory = -1;
	alert_runner_end(&places->runner);
	metrics_socket_close(&places->metrics);
}
