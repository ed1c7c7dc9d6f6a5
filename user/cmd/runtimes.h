/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * runtimes.h - which executables are PHP: found when the trace starts, and when one that is not known yet connects
 *
 * For the privileged half. Files are opened here and read by a child that has given up all rights: they may be anybody's.
 */
#ifndef SMTPSNOOP_RUNTIMES_H
#define SMTPSNOOP_RUNTIMES_H

#include "event.h"
#include "pass/rights.h"
#include "event_script.h"

/* An executable is PHP: how to read it, and where it was found. layout NULL: it is no more, or forgotten. 0 or -errno. */
typedef int runtimes_add_fn(void *context, const struct script_runtime *key,
			    const struct script_layout *layout, const char *path);

struct runtimes;

/* `user` is what the reading child becomes. NULL: no memory. */
struct runtimes *runtimes_new(const struct rights_user *user, runtimes_add_fn *add, void *context);
void runtimes_free(struct runtimes *runtimes); /* NULL is fine */

/* What runs now, and what distributions install: nothing but what has a web server's or PHP's name is opened. */
void runtimes_scan(struct runtimes *runtimes);

/* An opener or sender: its executable, which was at the path, is looked at, once. */
void runtimes_see(struct runtimes *runtimes, const struct event_identity *who, const char *path);

#endif
