/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evidence.h - a directory or an archive with what an investigation needs before the attacker removes it
 *
 * Kept by a process of its own, which stays as privileged as it was started (the attributes of a file are not to change by being read),
 * and opens nothing but what it is asked for. It gets its name when it is complete: there is all of it or nothing.
 */
#ifndef SMTPSNOOP_EVIDENCE_H
#define SMTPSNOOP_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/frame.h"

struct evidence;

/*
 * Makes a directory, under another name until it is complete, and starts the keeper, who makes an archive of it in the end where that is
 * asked for (evidence_is_archive()). NULL: it can't be, and the message is out.
 */
struct evidence *evidence_new(const char *path);
/* For the unprivileged half: the file for our records; everything else of it is closed here. */
int evidence_only_records(struct evidence *evidence);

/* A process that has a connection open: it is kept once, if there is room and time; what is not is counted. */
void evidence_process(struct evidence *evidence, const struct enrichment *extra,
		      const struct event_open *open, size_t size);
/* Those who have connections open; at the end of them the ones that are suspects' are kept as well. */
void evidence_holder(struct evidence *evidence, const struct event_holder *holder);
void evidence_holders_end(struct evidence *evidence);

/* The script that it was at, `size` bytes of a SCRIPT record. */
void evidence_script(struct evidence *evidence, const void *record, size_t size);

/* A file with `size` bytes that were not copied from one. */
void evidence_bytes(struct evidence *evidence, const char *name, const char *source,
		    const char *remark, const void *bytes, size_t size);

/* keep: everything else went well. Frees it. 0, or -1: nothing was kept, and the message is out. NULL is fine: 0. */
int evidence_end(struct evidence *evidence, bool keep);

#endif
