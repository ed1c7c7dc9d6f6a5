/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cgroup2.c - finds the cgroup v2 hierarchy, or mounts it for ourselves alone
 *
 * The private mount is detached (fsmount): it has no mount point, and is gone with its descriptor, however we end.
 */
#include "source/cgroup2.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/escape.h"

#define FSCONFIG_CREATE 6 /* enum fsconfig_command FSCONFIG_CMD_CREATE, linux/mount.h */
#define FS_CLOEXEC 1 /* FSOPEN_CLOEXEC and FSMOUNT_CLOEXEC */

static int mount_private(void)
{
	int context = syscall(SYS_fsopen, "cgroup2", FS_CLOEXEC);
	int fd = -1;

	if (context < 0)
		return -errno;
	if (syscall(SYS_fsconfig, context, FSCONFIG_CREATE, NULL, NULL, 0) == 0)
		fd = syscall(SYS_fsmount, context, FS_CLOEXEC, 0);
	if (fd < 0)
		fd = -errno;
	close(context);
	return fd;
}

static int find_mounted(char *where, size_t size)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *entry;
	int fd = -ENOENT;

	if (!mounts)
		return -errno;
	while (fd < 0 && (entry = getmntent(mounts))) {
		if (strcmp(entry->mnt_type, "cgroup2") != 0)
			continue;
		fd = open(entry->mnt_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			fd = -errno;
		else
			snprintf(where, size, "%s", entry->mnt_dir);
	}
	endmntent(mounts);
	return fd;
}

static int open_root(struct cgroup2 *cgroup, char *error, size_t error_size)
{
	int fd = find_mounted(cgroup->root, sizeof(cgroup->root));

	snprintf(cgroup->where, sizeof(cgroup->where), "%s", cgroup->root);
	if (fd < 0) {
		fd = mount_private();
		snprintf(cgroup->where, sizeof(cgroup->where), "(private mount)");
	}
	if (fd < 0) {
		snprintf(error, error_size,
			 "no cgroup v2 hierarchy is mounted, and mounting one failed: %s; "
			 "try: mount -t cgroup2 none /sys/fs/cgroup/unified",
			 strerror(-fd));
		return fd;
	}
	cgroup->fd = fd;
	cgroup->id = 0;
	return 0;
}

int cgroup2_open(struct cgroup2 *cgroup, const char *path, char *error, size_t error_size)
{
	struct statfs fs;
	struct stat st;
	char shown[256];
	int fd, root;

	if (!path)
		return open_root(cgroup, error, error_size);
	root = find_mounted(cgroup->root, sizeof(cgroup->root));
	if (root >= 0)
		close(root);
	escape_text(shown, sizeof(shown), path, strlen(path), NULL);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		int rc = -errno;

		snprintf(error, error_size, "--cgroup %s: %s; cgroup v2 is %s%s", shown,
			 strerror(-rc), root >= 0 ? "at " : "not mounted",
			 root >= 0 ? cgroup->root : "");
		return rc;
	}
	if (fstatfs(fd, &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC || fstat(fd, &st) < 0) {
		snprintf(error, error_size,
			 "--cgroup %s: not a directory of the cgroup v2 hierarchy", shown);
		close(fd);
		return -EINVAL;
	}
	cgroup->fd = fd;
	cgroup->id = st.st_ino; /* kernfs: the inode number is the id on 64-bit hosts */
	snprintf(cgroup->where, sizeof(cgroup->where), "%s", path);
	return 0;
}

static int path_of(int fd, char *path, size_t size)
{
	char link[64];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, size);
	if (length < 0)
		return -errno;
	if ((size_t)length >= size)
		return -ENAMETOOLONG;
	path[length] = '\0';
	return 0;
}

/* Is it the directory, or below it? */
static bool is_below(const char *path, const char *directory)
{
	size_t length = strlen(directory);

	return strncmp(path, directory, length) == 0 && (!path[length] || path[length] == '/');
}

/* The longest of a path's mount points that are the hierarchy's. */
static size_t mounted_part(const char *path, const char *mounts)
{
	FILE *file = setmntent(mounts, "re");
	struct mntent *entry;
	size_t longest = 0;

	if (!file)
		return 0;
	while ((entry = getmntent(file))) {
		size_t length = strlen(entry->mnt_dir);

		if (strcmp(entry->mnt_type, "cgroup2") == 0 && length > longest &&
		    is_below(path, entry->mnt_dir))
			longest = length;
	}
	endmntent(file);
	return longest;
}

const char *cgroup2_below(const char *path, const char *mounts)
{
	static const char *const known[] = {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"};
	size_t skip = mounted_part(path, mounts);

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]) && !skip; i++)
		if (is_below(path, known[i]))
			skip = strlen(known[i]);
	return path + skip;
}

int cgroup2_path(const struct cgroup2 *cgroup, uint64_t id, char *path, size_t size, bool *inside)
{
	/* exportfs.h: FILEID_KERNFS, the id alone (since Linux 5.9) */
	union {
		struct file_handle head;
		char room[sizeof(struct file_handle) + sizeof(id)];
	} handle = {.head = {.handle_bytes = sizeof(id), .handle_type = 0xfe}};
	char whole[PATH_MAX], ours[PATH_MAX];
	size_t skip;
	int fd, rc;

	memcpy(handle.head.f_handle, &id, sizeof(id));
	fd = open_by_handle_at(cgroup->fd, &handle.head, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	rc = path_of(fd, whole, sizeof(whole));
	if (!rc)
		rc = path_of(cgroup->fd, ours, sizeof(ours));
	close(fd);
	if (rc)
		return rc;
	*inside = !cgroup->id || is_below(whole, ours);
	skip = is_below(whole, cgroup->root) ? strlen(cgroup->root) : 0;
	if (strlen(whole + skip) >= size)
		return -ENAMETOOLONG;
	strcpy(path, whole[skip] ? whole + skip : "/");
	return 0;
}
