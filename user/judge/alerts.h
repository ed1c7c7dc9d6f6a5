/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * alerts.h - which alert rule a connection meets, and whether anybody has to hear of it again
 *
 * Counted by actor, which is a user with an executable in a service or container. Quiet is kept by actor and script: what the next script does
 * under the same user is news. How many alerts one user can raise is bounded, whatever names its programs have. Pure; times are
 * CLOCK_BOOTTIME ns. At most LIMIT_ALERT_ACTORS are remembered; the one seen least recently goes first.
 */
#ifndef SMTPSNOOP_ALERTS_H
#define SMTPSNOOP_ALERTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "enrich/config.h"
#include "judge/verdict.h"

/* What the rules know of one connection; zero at its beginning. Bits are by rule. */
struct alerts_seen {
	uint16_t counted; /* in the actor's window */
	uint16_t met; /* told, or kept quiet about */
	uint32_t refused[LIMIT_ALERT_RULES]; /* recipients that are in the actor's window */
};
_Static_assert(LIMIT_ALERT_RULES <= 16, "a bit for each");

struct alert {
	const struct config_alert *rule;
	uint32_t index; /* of the rule */
	bool last; /* of this user, for up to LIMIT_ALERT_USER_SECONDS: there are too many */
	uint64_t connections,
		refused; /* of the actor within the rule's window, this one included */
	uint64_t more; /* connections that were kept quiet about since the alert before */
	uint64_t since; /* when that was; 0 = this is the first */
	uint64_t held; /* alerts of this user that were held back since the one before */
};

struct alerts;

/* The configuration is borrowed. NULL = out of memory. */
struct alerts *alerts_new(const struct config *config);
void alerts_free(struct alerts *alerts); /* NULL is fine */

/* Other rules from now on. A rule that has its name from before keeps its quiet. */
void alerts_configure(struct alerts *alerts, const struct config *config);

/* Asked again as more becomes known. Calls `tell` for each rule that somebody has to hear of. */
void alerts_judge(struct alerts *alerts, const struct verdict_case *facts,
		  const struct verdict *verdict, struct alerts_seen *seen,
		  void (*tell)(void *context, const struct alert *alert), void *context);

#endif
