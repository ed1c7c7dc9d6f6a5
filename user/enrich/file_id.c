/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * file_id.c - a file's identity as the kernel programs read it
 *
 * The file is opened with O_PATH: no right to read it is needed, nothing runs (no FIFO blocks, no device opens), and all answers are
 * about the same file. Nothing is fatal.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/open.h"
#include "enrich/file_id.h"

/* "mnt_id:" and "ino:" of an open file; what is not there stays as it was. */
static void read_fdinfo(int fd, unsigned long *mount, uint64_t *inode)
{
	char path[64], line[256];
	unsigned long long number;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "mnt_id: %llu", &number) == 1)
			*mount = (unsigned long)number;
		else if (sscanf(line, "ino: %llu", &number) == 1)
			*inode = number;
	}
	fclose(file);
}

/* The super block's device of a mount, from /proc/PID/mountinfo: "36 35 98:0 /root /mnt ...". */
static bool read_device(const char *mountinfo, unsigned long mount, uint32_t *device)
{
	FILE *file = fopen(mountinfo, "re");
	unsigned int major_number, minor_number;
	unsigned long id;
	char *line = NULL;
	size_t room = 0;
	bool found = false;

	if (!file)
		return false;
	while (!found && getline(&line, &room, file) > 0)
		found = sscanf(line, "%lu %*u %u:%u ", &id, &major_number, &minor_number) == 3 &&
			id == mount;
	if (found)
		*device = major_number << 20 | minor_number;
	free(line);
	fclose(file);
	return found;
}

static int read_open(int fd, const char *mountinfo, struct file_id *id)
{
	unsigned long mount = 0;
	struct statx file;

	/* No file system is asked: it might not answer. */
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &file) != 0)
		return -errno;
	id->inode = file.stx_ino;
	id->device = file.stx_dev_major << 20 | file.stx_dev_minor;
	id->uid = file.stx_uid;
	id->mode = file.stx_mode;
	id->changed = file.stx_ctime.tv_sec * INT64_C(1000000000) + file.stx_ctime.tv_nsec;
	read_fdinfo(fd, &mount, &id->inode);
	if (mount)
		read_device(mountinfo, mount, &id->device);
	return 0;
}

/* Takes the descriptor over. */
static int read_fd(int fd, const char *mountinfo, struct file_id *id)
{
	int error = read_open(fd, mountinfo, id);

	close(fd);
	return error;
}

int file_id_read(const char *path, struct file_id *id)
{
	int fd = open(path, O_PATH | O_CLOEXEC);

	return fd < 0 ? -errno : read_fd(fd, "/proc/self/mountinfo", id);
}

int file_id_read_fd(int fd, struct file_id *id)
{
	return read_open(fd, "/proc/self/mountinfo", id);
}

int file_id_read_in(pid_t pid, const char *path, struct file_id *id)
{
	char name[64];
	int root, fd;

	snprintf(name, sizeof(name), "/proc/%d/root", (int)pid);
	root = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	/* What runs is known to the kernel, with all that leads to it; a file system of the container's own making is never asked. */
	fd = open_below(root, path, O_PATH, RESOLVE_IN_ROOT | RESOLVE_CACHED);
	if (fd < 0) {
		int error = -errno;

		close(root);
		return error;
	}
	close(root);
	snprintf(name, sizeof(name), "/proc/%d/mountinfo", (int)pid);
	return read_fd(fd, name, id);
}

int file_id_read_exe(pid_t pid, struct file_id *id)
{
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "/proc/%d/exe", (int)pid);
	fd = open(name, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(name, sizeof(name), "/proc/%d/mountinfo", (int)pid);
	return read_fd(fd, name, id);
}
