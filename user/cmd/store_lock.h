/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * store_lock.h - one collector for a store
 */
#ifndef SMTPSNOOP_STORE_LOCK_H
#define SMTPSNOOP_STORE_LOCK_H

#include <sys/types.h>

/*
 * Locks a directory by its open descriptor, for as long as one of its copies is open in any process: LIMIT_LOCK_SECONDS are waited for a
 * collector that is about to end. 0; -EWOULDBLOCK if another one has it, whose process is then in *holder (0 = not known); or another
 * -errno: there are no locks here.
 */
int store_lock(int directory, pid_t *holder);

#endif
