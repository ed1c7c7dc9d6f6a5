/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * disk.h - the store's file for its writer: opened, looked after, put aside
 */
#ifndef SMTPSNOOP_DISK_H
#define SMTPSNOOP_DISK_H

#include <stdbool.h>
#include <sys/types.h>

#include "store/sql.h"
#include "store/store.h"

struct disk {
	char *path;
	struct sql sql; /* sql.db NULL = not open */
	dev_t device;
	ino_t inode, log_inode; /* the file's, and that of its write-ahead log */
};

/* Makes the file (0640) if there is none; brings an older schema up to date. Unless STORE_OK it stays closed. */
enum store_status disk_open(struct disk *disk, int64_t now);
void disk_close(struct disk *disk);

/* Is the open file still the one at its path? */
bool disk_is_there(const struct disk *disk);

/* Closes one that is not there any more, and takes away what its log left at the path, which a new file would be mixed with. */
void disk_leave(struct disk *disk);

/* Closes it, and renames it to NAME.damaged, in place of an older one. 0 or -errno. */
int disk_put_aside(struct disk *disk);

/* What an error of SQLite's says about the store; asked right after the call, while errno is its own. */
enum store_status disk_status(const struct disk *disk, int rc);

uint64_t disk_bytes(const struct disk *disk); /* of the file and its log */

#endif
