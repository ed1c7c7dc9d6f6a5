/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evidence_list.h - the files of evidence, and their digests
 */
#ifndef SMTPSNOOP_EVIDENCE_LIST_H
#define SMTPSNOOP_EVIDENCE_LIST_H

#include <stdbool.h>

/* 0 = go on; anything else ends it and is returned. path: below the whole. */
typedef int evidence_fn(int directory, const char *name, const char *path, void *context);

enum evidence_folders { FOLDERS_NOT, FOLDERS_FIRST, FOLDERS_LAST };

/*
 * Calls fn for every file below the directory, one folder deep, which is as deep as it is made: what is a folder there is told as if it
 * were a file. Also for the folders, before or after what is in them, if it wants that.
 */
int evidence_each(int directory, const char *below, evidence_fn *fn, void *context,
		  enum evidence_folders folders);

/* As sha256sum(1) writes it. 0 or -errno. */
int evidence_list_write(int directory);

/* What has this name is an archive: what ends in EVIDENCE_ARCHIVE. Anything else is a directory. */
bool evidence_is_archive(const char *path);
#define EVIDENCE_ARCHIVE ".tar.zst"

/* Compares a directory or an archive with its list. An enum exit_status; it prints what it finds. */
int evidence_verify(const char *path);

#endif
