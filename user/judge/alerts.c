/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * alerts.c - which alert rule a connection meets, and whether anybody has to hear of it again
 *
 * Three levels for each rule: the user (or container), for how many alerts it raised; and in a table of the user's, told apart by how much
 * of the same key they have, the actor, for its window, and the actor with its script, for the quiet. Who makes up names pushes out his own:
 * where there is no room, the user who has most gives the oldest. Keys are compared as bytes and not as hashes, since who can make two
 * of them equal could hide behind the quiet of another. Memory that is not to be had delays an alert to the
 * connection's next record; nothing is fatal.
 */
#include "judge/alerts.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "enrich/script_file.h"
#include "judge/window.h"

#define SECOND UINT64_C(1000000000)
/* Each word of a key is shorter than a record's text, and three of them come from the same one. */
#define KEY_MAX (EVENT_TEXT_MAX + SCRIPT_PATH_MAX + SCRIPT_URL_MAX + 128)

struct key {
	char bytes[KEY_MAX];
	size_t length;
};

struct entry {
	struct window connections, refused; /* of an actor */
	uint64_t told; /* 0 = never */
	uint64_t more; /* connections since then */
	UT_hash_handle hh;
	char key[];
};

struct user {
	struct window alerts;
	uint64_t held;
	struct entry *by_key; /* in the order of being seen: the first is the least recent */
	UT_hash_handle hh;
	char key[];
};

struct alerts {
	const struct config *config;
	struct user *by_key; /* in the order of being seen, too */
	unsigned int entries; /* of all users */
};

struct alerts *alerts_new(const struct config *config)
{
	struct alerts *alerts = calloc(1, sizeof(*alerts));

	if (alerts)
		alerts->config = config;
	return alerts;
}

static void forget(struct alerts *alerts, struct user *user, struct entry *entry)
{
	HASH_DEL(user->by_key, entry);
	free(entry);
	alerts->entries--;
}

static void forget_user(struct alerts *alerts, struct user *user)
{
	while (user->by_key)
		forget(alerts, user, user->by_key);
	HASH_DEL(alerts->by_key, user);
	free(user);
}

void alerts_free(struct alerts *alerts)
{
	if (!alerts)
		return;
	while (alerts->by_key)
		forget_user(alerts, alerts->by_key);
	free(alerts);
}

void alerts_configure(struct alerts *alerts, const struct config *config)
{
	alerts->config = config;
}

/* With its length, so that no two keys are the same by where words end. */
static void key_add(struct key *key, const void *bytes, size_t length)
{
	uint16_t size;

	if (length > KEY_MAX - key->length - sizeof(size))
		length = KEY_MAX - key->length - sizeof(size);
	size = (uint16_t)length;
	memcpy(key->bytes + key->length, &size, sizeof(size));
	if (length)
		memcpy(key->bytes + key->length + sizeof(size), bytes, length);
	key->length += sizeof(size) + length;
}

/* A container's users are numbers that it chooses: it counts as one. A name that somebody else may have given it does not help. */
static void key_user(struct key *key, const struct config_alert *rule,
		     const struct process *process)
{
	uint32_t uid = process ? process->id.uid : UINT32_MAX;

	key->length = 0;
	key_add(key, rule->name, strlen(rule->name));
	if (process && process->container.length && !process->container_claimed)
		key_add(key, process->container.at, process->container.length);
	else
		key_add(key, &uid, sizeof(uid));
}

/* The path and not the inode, which is another one for each copy that a dropper makes. */
static void key_actor(struct key *key, const struct process *process)
{
	struct bytes unit = {NULL, 0};
	uint64_t inode = 0;

	if (!process)
		return;
	if (!process->exe.length)
		inode = process->id.exe_inode;
	if (!process->unit_claimed && bytes_end(process->unit, ".service"))
		unit = process->unit;
	key_add(key, &process->id.uid, sizeof(process->id.uid));
	key_add(key, process->exe.at, process->exe.length);
	key_add(key, &inode, sizeof(inode));
	key_add(key, unit.at, unit.length);
}

static void key_script(struct key *key, const struct verdict_case *facts)
{
	const struct process *process = facts->sender ? facts->sender : facts->opener;
	const struct script *known = facts->sender ? facts->sender_script : facts->opener_script;
	struct bytes script = {NULL, 0};
	struct script_file file;
	struct process then;

	if (facts->script && facts->script->version)
		script = script_path(script_sender(facts->script));
	if (!script.length && process) {
		then = script_executed(process, known);
		if (script_file_find(&then, &file))
			script = script_file_path(&file);
	}
	key_add(key, script.at, script.length);
}

/* New if need be, moved to the end that is forgotten last. NULL = out of memory. */
static struct user *touch_user(struct alerts *alerts, const struct key *key)
{
	struct user *user;

	HASH_FIND(hh, alerts->by_key, key->bytes, key->length, user);
	if (user) {
		HASH_DEL(alerts->by_key, user);
	} else {
		if (HASH_COUNT(alerts->by_key) >= LIMIT_ALERT_USERS)
			forget_user(alerts, alerts->by_key);
		user = calloc(1, sizeof(*user) + key->length);
		if (!user)
			return NULL;
		memcpy(user->key, key->bytes, key->length);
	}
	HASH_ADD_KEYPTR(hh, alerts->by_key, user->key, key->length, user);
	if (user->hh.tbl)
		return user;
	while (user->by_key)
		forget(alerts, user, user->by_key);
	free(user);
	return NULL;
}

static void make_room(struct alerts *alerts)
{
	struct user *most = alerts->by_key;

	if (alerts->entries < LIMIT_ALERT_ACTORS)
		return;
	for (struct user *user = most; user; user = user->hh.next)
		if (HASH_COUNT(user->by_key) > HASH_COUNT(most->by_key))
			most = user;
	forget(alerts, most, most->by_key);
}

/* Likewise. */
static struct entry *touch(struct alerts *alerts, struct user *user, const struct key *key)
{
	struct entry *entry;

	HASH_FIND(hh, user->by_key, key->bytes, key->length, entry);
	if (entry) {
		HASH_DEL(user->by_key, entry);
	} else {
		make_room(alerts);
		entry = calloc(1, sizeof(*entry) + key->length);
		if (!entry)
			return NULL;
		memcpy(entry->key, key->bytes, key->length);
		alerts->entries++;
	}
	HASH_ADD_KEYPTR(hh, user->by_key, entry->key, key->length, entry);
	if (!entry->hh.tbl) {
		free(entry);
		alerts->entries--;
		return NULL;
	}
	return entry;
}

static bool is_meant(const struct config_alert *rule, const struct verdict *verdict)
{
	return (!rule->verdicts || rule->verdicts & 1u << verdict->class) &&
	       (!rule->reasons || rule->reasons & verdict->reasons);
}

/* Adds what is new of this connection to its actor's window. False: the rule's thresholds are not reached. */
static bool count(struct entry *actor, const struct verdict_case *facts, struct alerts_seen *seen,
		  struct alert *alert)
{
	const struct config_alert *rule = alert->rule;
	uint64_t width = rule->window_seconds * SECOND;
	uint16_t bit = (uint16_t)(1u << alert->index);
	uint32_t refused = facts->session ? facts->session->refused : 0;
	uint32_t *before = &seen->refused[alert->index];

	alert->connections =
		window_add(&actor->connections, !(seen->counted & bit), facts->now, width);
	alert->refused = window_add(&actor->refused, refused > *before ? refused - *before : 0,
				    facts->now, width);
	seen->counted |= bit;
	if (refused > *before)
		*before = refused;
	return alert->connections >= rule->connections && alert->refused >= rule->refused;
}

/* Nobody's programs may raise so many that the rest is not read any more. A window's error is for more of them, by the sixteenth. */
static bool user_may(struct user *user, uint64_t now, struct alert *alert)
{
	const uint64_t width = LIMIT_ALERT_USER_SECONDS * SECOND;

	if (window_add(&user->alerts, 0, now, width) >= LIMIT_ALERT_USER) {
		user->held++;
		return false;
	}
	alert->last = window_add(&user->alerts, 1, now, width) >= LIMIT_ALERT_USER;
	alert->held = user->held;
	user->held = 0;
	return true;
}

/* The rule is met: is it news? `key` is the actor's. */
static bool is_news(struct alerts *alerts, const struct verdict_case *facts, struct user *user,
		    struct key *key, struct alert *alert)
{
	uint64_t quiet = alert->rule->quiet_seconds * SECOND;
	struct entry *script;

	key_script(key, facts);
	script = touch(alerts, user, key);
	if (!script)
		return false;
	if (script->told && facts->now < script->told + quiet) {
		script->more++;
		return false;
	}
	if (!user_may(user, facts->now, alert)) {
		script->more++;
		return false;
	}
	alert->more = script->more;
	alert->since = script->told;
	script->told = facts->now ? facts->now : 1;
	script->more = 0;
	return true;
}

/* True: somebody has to hear of it. */
static bool judge_rule(struct alerts *alerts, const struct verdict_case *facts,
		       const struct verdict *verdict, struct alerts_seen *seen, struct alert *alert)
{
	struct entry *actor;
	struct user *user;
	struct key key;

	if (seen->met >> alert->index & 1 || !is_meant(alert->rule, verdict))
		return false;
	key_user(&key, alert->rule, facts->opener);
	user = touch_user(alerts, &key);
	if (!user)
		return false;
	key_actor(&key, facts->opener);
	actor = touch(alerts, user, &key);
	if (!actor || !count(actor, facts, seen, alert))
		return false;
	seen->met |= (uint16_t)(1u << alert->index);
	return is_news(alerts, facts, user, &key, alert);
}

void alerts_judge(struct alerts *alerts, const struct verdict_case *facts,
		  const struct verdict *verdict, struct alerts_seen *seen,
		  void (*tell)(void *context, const struct alert *alert), void *context)
{
	for (uint32_t i = 0; i < alerts->config->alert_count && i < LIMIT_ALERT_RULES; i++) {
		struct alert alert = {.rule = &alerts->config->alerts[i], .index = i};

		if (judge_rule(alerts, facts, verdict, seen, &alert))
			tell(context, &alert);
	}
}
