/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * users.h - names of user ids, and back
 */
#ifndef SMTPSNOOP_USERS_H
#define SMTPSNOOP_USERS_H

#include <stddef.h>
#include <stdint.h>

struct users; /* a bounded cache: LIMIT_USERS names, each for USERS_KEEP_SECONDS */

#define USERS_KEEP_SECONDS 60 /* a renamed account is seen after a minute */

struct users *users_new(void); /* NULL = out of memory */
void users_free(struct users *users);

/*
 * Writes the name of `uid` to name, terminated; "" when there is none (or it does not fit: a cut name would be another one).
 * `now` is CLOCK_BOOTTIME in ns.
 */
void users_name(struct users *users, uint32_t uid, uint64_t now, char *name, size_t size);

/* A user's name, or a number, to a uid. 0, -ENOENT (no such user), or another -errno: the data base cannot be asked. */
int users_id(const char *name, uint32_t *uid);

/* The group that a user has in the data base. 0, -ENOENT (no such user), or another -errno. */
int users_group(uint32_t uid, uint32_t *gid);

#endif
