/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evidence_keep.h - for what copies into the folder of a process
 */
#ifndef SMTPSNOOP_EVIDENCE_KEEP_H
#define SMTPSNOOP_EVIDENCE_KEEP_H

#include <stdbool.h>

#include "cmd/evidence_copy.h"

/* A folder for one process. */
struct keep {
	const struct evidence_place *place;
	int folder;
	int proc; /* /proc/PID, or of a thread where the leader is gone; -1 = it is over */
	uint32_t uid, gid; /* the process's own, effective */
	uint64_t most; /* bytes of one file */
	char name[32];
};

/* A line of the list: what, where from, and what is to be known of it. 0, or -errno: it can't be written; here and below. */
int keep_note(const struct keep *keep, const char *name, const char *source, const char *remark);

/* All that `in` has, which is taken over, within the bounds. */
int keep_copy(const struct keep *keep, int in, const char *name, const char *source);

/*
 * The same of `found`, which is O_PATH and taken over: only of a regular file of a real file system, once, and without changing its access
 * time. own: only if the process itself may read it. -1 = it could not be opened, which errno says.
 */
int keep_copy_found(const struct keep *keep, int found, const char *name, const char *source,
		    bool own);

/* The system's unit files of the process's service, and what its cgroup says of itself. evidence_unit.c */
int keep_unit(const struct keep *keep);

#endif
