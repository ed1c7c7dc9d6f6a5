/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * users.c - names of user ids, and back
 *
 * Asks the system's user data base (getpwuid_r, so LDAP and the like too) and remembers answers and misses alike: a bot that runs
 * under many uids must not turn into a flood of look-ups. Nothing is fatal: without memory for the cache it asks again.
 */
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "base/frame.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/number.h"
#include "enrich/users.h"

#define PASSWD_BUFFER 4096 /* one line of the data base; a longer one reads as no name */
#define NS_PER_SECOND 1000000000ull

struct user {
	uint32_t uid;
	char name[ENRICHMENT_NAME_MAX];
	uint64_t asked;
	UT_hash_handle hh;
};

struct users {
	struct user *by_uid; /* in the order of asking: the first is the oldest */
};

struct users *users_new(void)
{
	return calloc(1, sizeof(struct users));
}

static void forget(struct users *users, struct user *user)
{
	HASH_DEL(users->by_uid, user);
	free(user);
}

void users_free(struct users *users)
{
	struct user *user, *next;

	if (!users)
		return;
	HASH_ITER (hh, users->by_uid, user, next)
		forget(users, user);
	free(users);
}

static void ask(uint32_t uid, char name[ENRICHMENT_NAME_MAX])
{
	char buffer[PASSWD_BUFFER];
	struct passwd entry, *found = NULL;

	memset(name, 0, ENRICHMENT_NAME_MAX);
	if (getpwuid_r((uid_t)uid, &entry, buffer, sizeof(buffer), &found) != 0 || !found)
		return;
	if (strlen(found->pw_name) < ENRICHMENT_NAME_MAX)
		strcpy(name, found->pw_name);
}

void users_name(struct users *users, uint32_t uid, uint64_t now, char *name, size_t size)
{
	char fresh[ENRICHMENT_NAME_MAX];
	const char *answer;
	struct user *user;

	HASH_FIND(hh, users->by_uid, &uid, sizeof(uid), user);
	if (user && now - user->asked >= USERS_KEEP_SECONDS * NS_PER_SECOND) {
		forget(users, user);
		user = NULL;
	}
	if (!user) {
		ask(uid, fresh);
		if (HASH_COUNT(users->by_uid) >= LIMIT_USERS)
			forget(users, users->by_uid);
		user = calloc(1, sizeof(*user));
		if (user) {
			user->uid = uid;
			user->asked = now;
			memcpy(user->name, fresh, sizeof(fresh));
			HASH_ADD(hh, users->by_uid, uid, sizeof(user->uid), user);
			if (!user->hh.tbl) {
				free(user);
				user = NULL;
			}
		}
	}
	answer = user ? user->name : fresh;
	if (size == 0)
		return;
	name[0] = '\0';
	if (strlen(answer) < size)
		strcpy(name, answer);
}

int users_id(const char *name, uint32_t *uid)
{
	char buffer[PASSWD_BUFFER];
	struct passwd entry, *found = NULL;
	uint64_t number;
	int error;

	/* 0xffffffff is "no user" to the kernel. */
	if (number_parse(name, 0, UINT32_MAX - 1, &number) == 0) {
		*uid = (uint32_t)number;
		return 0;
	}
	error = getpwnam_r(name, &entry, buffer, sizeof(buffer), &found);
	if (!found)
		return error == 0 || error == ESRCH ? -ENOENT : -error;
	*uid = found->pw_uid;
	return 0;
}

int users_group(uint32_t uid, uint32_t *gid)
{
	char buffer[PASSWD_BUFFER];
	struct passwd entry, *found = NULL;
	int error = getpwuid_r((uid_t)uid, &entry, buffer, sizeof(buffer), &found);

	if (!found)
		return error == 0 || error == ESRCH ? -ENOENT : -error;
	*gid = found->pw_gid;
	return 0;
}
