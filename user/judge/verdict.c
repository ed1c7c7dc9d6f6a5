/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * verdict.c - did the host's own MTA do it, or did something go round it?
 *
 * The first that holds:
 *   mta       opener, and sender after a hand-over, are trusted MTAs: executable, safety and user, as the privileged half found
 *   local     the destination is this host; not for a proxy, which is only the first step of the way
 *   relay     the destination is a configured relay, or an allow rule matches opener and sender
 *   unknown   the executable could not be read, so that nobody can say whether it is the MTA; and all that is in a capture file,
 *             where the actor is the source address
 *   impostor  it hides behind a name, or has rights, that it has no business with
 *   bypass    the rest
 *
 * Pure: no clock, no I/O. Nothing is fatal; without memory the per-actor reasons are missing.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/address.h"
#include "enrich/cgroup.h"
#include "judge/disguise.h"
#include "judge/reasons.h"
#include "judge/verdict.h"

#define NS_PER_SECOND 1000000000ull
#define TRUSTED (ENRICHMENT_MTA_EXE | ENRICHMENT_MTA_SAFE | ENRICHMENT_MTA_USER)

struct judge {
	const struct config *config;
	struct actors *actors;
};

static struct actors_options thresholds(const struct config *config)
{
	return (struct actors_options){.window = config->window_seconds * NS_PER_SECOND,
				       .burst = config->burst,
				       .fan_out = config->fan_out};
}

struct judge *judge_new(const struct config *config)
{
	const struct actors_options options = thresholds(config);
	struct judge *judge = calloc(1, sizeof(*judge));

	if (!judge)
		return NULL;
	judge->config = config;
	judge->actors = actors_new(&options);
	if (judge->actors)
		return judge;
	free(judge);
	return NULL;
}

void judge_free(struct judge *judge)
{
	if (!judge)
		return;
	actors_free(judge->actors);
	free(judge);
}

void judge_configure(struct judge *judge, const struct config *config)
{
	const struct actors_options options = thresholds(config);

	judge->config = config;
	actors_configure(judge->actors, &options);
}

/* Where no process is known, an address stands for one. No device has this number. */
static struct event_identity source_of(const struct event_endpoints *ends)
{
	struct event_identity who;

	memset(&who, 0, sizeof(who));
	who.exe_device = UINT32_MAX;
	memcpy(&who.exe_inode, ends->local, 8);
	memcpy(&who.cgroup_id, ends->local + 8, 8);
	return who;
}

void judge_opened(struct judge *judge, const struct verdict_case *facts)
{
	struct event_identity who;

	if (!facts->ends)
		return;
	who = facts->opener ? facts->opener->id : source_of(facts->ends);
	actors_opened(judge->actors, &who, facts->ends->remote, facts->opened);
}

static bool is_trusted(const struct process *process)
{
	return (process->extra.mta_flags & TRUSTED) == TRUSTED;
}

static bool is_mta(const struct verdict_case *facts)
{
	return is_trusted(facts->opener) && (!facts->sender || is_trusted(facts->sender));
}

static bool is_local(const struct verdict_case *facts)
{
	if (facts->found == FOUND_PROXY)
		return false;
	return facts->via_loopback || facts->opener->extra.host_address ||
	       address_is_loopback(facts->ends->remote);
}

static bool to_relay(const struct config *config, const struct verdict_case *facts)
{
	const struct event_endpoints *ends = facts->ends;

	if (facts->found == FOUND_PROXY)
		return false;
	for (size_t i = 0; i < config->relay_count; i++) {
		const struct config_relay *relay = &config->relays[i];

		if ((!relay->port || relay->port == ends->remote_port) &&
		    address_in(ends->remote, relay->address, relay->prefix))
			return true;
	}
	return false;
}

/* The rule's cgroup itself, or what lies below it. */
static bool in_cgroup(struct bytes path, const char *cgroup)
{
	size_t length = strlen(cgroup);

	while (length > 1 && cgroup[length - 1] == '/')
		length--;
	if (path.length < length || memcmp(path.at, cgroup, length) != 0)
		return false;
	return path.length == length || length == 1 || path.at[length] == '/';
}

/* A path alone is a name; it counts where nobody but root, or the rule's own user, can write the file. */
static bool is_exe(const struct process *process, const struct config_allow *rule)
{
	const struct event_identity *id = &process->id;
	bool owner = id->exe_uid == 0 || (rule->has_uid && id->exe_uid == rule->uid);

	return owner && (id->exe_mode & (S_IWGRP | S_IWOTH)) == 0 &&
	       !(id->flags & (IDENTITY_EXE_CUT | IDENTITY_EXE_MEMFD)) &&
	       bytes_are(process->exe, rule->exe);
}

static bool is_allowed(const struct process *process, const struct config_allow *rule)
{
	if (rule->has_uid && (process->id.uid != rule->uid || process->id.euid != rule->uid))
		return false;
	if (rule->service && (process->unit_claimed || !bytes_are(process->unit, rule->service)))
		return false;
	if (rule->container && (process->container_claimed ||
				!cgroup_container_is(process->container, rule->container)))
		return false;
	if (rule->cgroup && (process->small || process->id.flags & IDENTITY_CGROUP_CUT ||
			     !in_cgroup(process->cgroup, rule->cgroup)))
		return false;
	return !rule->exe || is_exe(process, rule);
}

static bool allow_matches(const struct config *config, const struct verdict_case *facts)
{
	const struct event_endpoints *ends = facts->ends;

	for (size_t i = 0; i < config->allow_count; i++) {
		const struct config_allow *rule = &config->allows[i];

		if (rule->has_address && !address_in(ends->remote, rule->address, rule->prefix))
			continue;
		if (rule->port && rule->port != ends->remote_port)
			continue;
		if (is_allowed(facts->opener, rule) &&
		    (!facts->sender || is_allowed(facts->sender, rule)))
			return true;
	}
	return false;
}

/* A small identity is enough when it has the executable's device and inode: that is what decides. */
static bool is_unread(const struct process *process)
{
	return process->id.exe_inode == 0 && process->exe.length == 0 &&
	       !(process->id.flags & IDENTITY_KTHREAD);
}

static bool wears_protected_name(const struct verdict_case *facts)
{
	return disguise_of(facts->opener).protected_name ||
	       (facts->sender && disguise_of(facts->sender).protected_name);
}

static struct verdict suspect(const struct judge *judge, const struct verdict_case *facts,
			      uint64_t reasons)
{
	struct actor_habits habits =
		actors_habits(judge->actors, &facts->opener->id, facts->opened);
	struct verdict verdict = {.class = VERDICT_BYPASS, .reasons = reasons};

	verdict.reasons |= reasons_identity(facts) | reasons_conduct(facts, judge->config, habits);
	if (is_unread(facts->opener) || (facts->sender && is_unread(facts->sender))) {
		verdict.class = VERDICT_UNKNOWN;
		verdict.reasons |= REASON(EVIDENCE_MISSING);
	} else if (
		verdict.reasons & REASONS_IMPOSTOR ||
		/* a protected name on another executable is a mismatch as well, and those are few */
		(verdict.reasons & REASON(NAME_MISMATCH) && wears_protected_name(facts))) {
		verdict.class = VERDICT_IMPOSTOR;
	}
	return verdict;
}

/* A connection of nobody's: only what was said and how often can be judged. */
static struct verdict of_source(const struct judge *judge, const struct verdict_case *facts,
				const struct event_identity *source, uint64_t reasons)
{
	struct actor_habits habits = actors_habits(judge->actors, source, facts->opened);

	return (struct verdict){VERDICT_UNKNOWN,
				reasons | reasons_conduct(facts, judge->config, habits)};
}

struct verdict judge_verdict(struct judge *judge, const struct verdict_case *facts)
{
	const struct session_facts *session = facts->session;
	uint64_t reasons = reasons_facts(facts);
	struct event_identity who;

	if (!facts->ends)
		return (struct verdict){VERDICT_UNKNOWN, reasons | REASON(EVIDENCE_MISSING)};
	who = facts->opener ? facts->opener->id : source_of(facts->ends);
	if (session && session->helo.seen && session->helo.length)
		actors_helo(judge->actors, &who, session->helo_bytes, session->helo.length);
	if (!facts->opener)
		return of_source(judge, facts, &who, reasons | REASON(EVIDENCE_MISSING));
	if (is_mta(facts))
		return (struct verdict){VERDICT_MTA, reasons};
	if (is_local(facts))
		return (struct verdict){VERDICT_LOCAL, reasons};
	if (to_relay(judge->config, facts))
		return (struct verdict){VERDICT_RELAY, reasons};
	if (allow_matches(judge->config, facts))
		return (struct verdict){VERDICT_RELAY, reasons | REASON(ALLOWED)};
	return suspect(judge, facts, reasons);
}

static const char *const names[VERDICT_CLASSES] = {
	[VERDICT_UNKNOWN] = "unknown", [VERDICT_MTA] = "mta",	    [VERDICT_LOCAL] = "local",
	[VERDICT_RELAY] = "relay",     [VERDICT_BYPASS] = "bypass", [VERDICT_IMPOSTOR] = "impostor",
};

const char *verdict_name(enum verdict_class class)
{
	return (unsigned int)class < VERDICT_CLASSES ? names[class] : "unknown";
}

int verdict_by_name(const char *name)
{
	for (int i = 0; i < VERDICT_CLASSES; i++) {
		if (strcmp(names[i], name) == 0)
			return i;
	}
	return -1;
}
