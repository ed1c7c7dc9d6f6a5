/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * file_id.h - a file's identity as the kernel programs read it
 *
 * stat(2) answers what the file system wants to show: on btrfs and overlayfs st_dev (and st_ino) are not the s_dev and i_ino that
 * a program in the kernel reads. fdinfo (commit 3845f256a8b5, 5.14) and mountinfo show those; stat is the fallback.
 */
#ifndef SMTPSNOOP_FILE_ID_H
#define SMTPSNOOP_FILE_ID_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct file_id {
	uint32_t device; /* major << 20 | minor, as event_identity.exe_device */
	uint64_t inode;
	uint32_t uid, mode;
	int64_t changed; /* ctime, ns */
};

/* Symbolic links are followed. 0 or -errno. */
int file_id_read(const char *path, struct file_id *id);

/* The same for an open descriptor, which stays open. */
int file_id_read_fd(int fd, struct file_id *id);

/* The same for `path` as process `pid` sees it, links resolved inside that root. 0 or -errno (-ENOSYS before 5.6). */
int file_id_read_in(pid_t pid, const char *path, struct file_id *id);

/* The same for the executable of process `pid`, deleted or not. */
int file_id_read_exe(pid_t pid, struct file_id *id);

/* Only root can have put there what is in it. */
static inline bool file_only_root_writes(uint32_t uid, uint32_t mode)
{
	return uid == 0 && (mode & (S_IWGRP | S_IWOTH)) == 0;
}

static inline bool file_id_same(const struct file_id *id, uint32_t device, uint64_t inode)
{
	return id->inode != 0 && id->inode == inode && id->device == device;
}

#endif
