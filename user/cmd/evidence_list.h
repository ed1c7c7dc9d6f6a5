/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evidence_list.h - the files of a directory of evidence, and their digests
 */
#ifndef SMTPSNOOP_EVIDENCE_LIST_H
#define SMTPSNOOP_EVIDENCE_LIST_H

#include <stdbool.h>

/* 0 = go on; anything else ends it and is returned. path: below the whole. */
typedef int evidence_fn(int directory, const char *name, const char *path, void *context);

/*
 * Calls fn for every file below the directory, one folder deep, which is as deep as it is made: what is a folder there is told as if it
 * were a file. Then for the folder, if it wants that.
 */
int evidence_each(int directory, const char *below, evidence_fn *fn, void *context, bool folders);

/* As sha256sum(1) writes it. 0 or -errno. */
int evidence_list_write(int directory);

/* Compares a directory with its list. An enum exit_status; it prints what it finds. */
int evidence_verify(const char *path);

#endif
