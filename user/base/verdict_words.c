/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * verdict_words.c - the stable words for classes and reasons of a verdict
 *
 * What they mean is in judge/verdict.c and judge/reasons.c. Pure.
 */
#include "base/verdict_words.h"

#include <string.h>

static const char *const classes[VERDICT_CLASSES] = {
	[VERDICT_UNKNOWN] = "unknown", [VERDICT_MTA] = "mta",	    [VERDICT_LOCAL] = "local",
	[VERDICT_RELAY] = "relay",     [VERDICT_BYPASS] = "bypass", [VERDICT_IMPOSTOR] = "impostor",
};

const char *verdict_name(enum verdict_class class)
{
	return (unsigned int)class < VERDICT_CLASSES ? classes[class] : "unknown";
}

int verdict_by_name(const char *name)
{
	for (int i = 0; i < VERDICT_CLASSES; i++) {
		if (strcmp(classes[i], name) == 0)
			return i;
	}
	return -1;
}

static const char *const reasons[REASON_COUNT] = {
	[REASON_DIRECT_MX] = "direct-mx",
	[REASON_ODD_PORT] = "odd-port",
	[REASON_MTA_IN_CONTAINER] = "mta-in-container",
	[REASON_EXE_DELETED] = "exe-deleted",
	[REASON_EXE_MEMFD] = "exe-memfd",
	[REASON_EXE_IN_TMP] = "exe-in-tmp",
	[REASON_SCRIPT_IN_UPLOADS] = "script-in-uploads",
	[REASON_NAME_MISMATCH] = "name-mismatch",
	[REASON_HELO_LITERAL] = "helo-literal",
	[REASON_HELO_LOCALHOST] = "helo-localhost",
	[REASON_HELO_CHANGES] = "helo-changes",
	[REASON_FAN_OUT] = "fan-out",
	[REASON_BURST] = "burst",
	[REASON_MANY_RECIPIENTS] = "many-recipients",
	[REASON_REFUSED] = "refused",
	[REASON_BLOCKLISTED] = "blocklisted",
	[REASON_EARLY_TALKER] = "early-talker",
	[REASON_NO_QUIT] = "no-quit",
	[REASON_HANDED_OVER] = "handed-over",
	[REASON_EXISTING] = "existing",
	[REASON_PROXY] = "proxy",
	[REASON_ATTEMPT_ONLY] = "attempt-only",
	[REASON_FAKE_KTHREAD] = "fake-kthread",
	[REASON_MTA_USER] = "mta-user",
	[REASON_ROOT] = "root",
	[REASON_EVIDENCE_MISSING] = "evidence-missing",
	[REASON_MTA_WRITABLE] = "mta-writable",
	[REASON_ALLOWED] = "allowed",
	[REASON_UNFOLLOWED] = "unfollowed",
	[REASON_URGENT] = "urgent-data",
	[REASON_SCRIPT_RECENT] = "script-recent",
	[REASON_SCRIPT_HIDDEN] = "script-hidden",
	[REASON_ENTRY_NOT_SCRIPT] = "entry-not-script",
};

const char *verdict_reason_name(enum verdict_reason reason)
{
	return (unsigned int)reason < REASON_COUNT ? reasons[reason] : "unknown";
}

int verdict_reason_by_name(const char *name)
{
	for (int i = 0; i < REASON_COUNT; i++) {
		if (strcmp(reasons[i], name) == 0)
			return i;
	}
	return -1;
}
