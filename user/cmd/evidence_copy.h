/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evidence_copy.h - what is kept of a process and of a script
 *
 * Runs in a child that a timer ends: files may be on a file system that never answers.
 */
#ifndef SMTPSNOOP_EVIDENCE_COPY_H
#define SMTPSNOOP_EVIDENCE_COPY_H

#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"

/* Shared by the keeper, its children, one after another, and the privileged half. */
struct evidence_shared {
	uint64_t bytes; /* kept so far */
	unsigned int folders; /* made so far */
	int error; /* errno of who wrote and is no child of the keeper */
	unsigned int file_count;
	struct {
		uint64_t device, inode;
		char name[48];
	} files[LIMIT_EVIDENCE_FILES]; /* a file that many have is kept once */
};

struct evidence_place {
	int directory; /* of all evidence */
	int sources; /* the list of where what comes from, opened for appending */
	struct evidence_shared *shared;
};

/* A FRAME_WHO's payload. 0, or -errno: it can't be written. What can't be read is noted. */
int evidence_copy_process(const struct evidence_place *place, const void *payload, size_t size);
/* A struct event_holder: somebody else who has it open. */
int evidence_copy_holder(const struct evidence_place *place, const void *payload, size_t size);
/* A file of its own, beside those of processes. */
int evidence_copy_bytes(const struct evidence_place *place, const char *name, const char *source,
			const char *remark, const void *bytes, size_t size);
/* A SCRIPT record. */
int evidence_copy_script(const struct evidence_place *place, const void *record, size_t size);

#endif
