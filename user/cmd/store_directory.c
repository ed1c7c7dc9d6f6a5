/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * store_directory.c - the directory that the writer of the store is confined to
 *
 * Opened once, and only what was opened is looked at and changed: nobody can put another one in its place meanwhile. What is wrong with it
 * is one sentence.
 */
#include "cmd/store_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/msg.h"
#include "cmd/store_lock.h"

#define DIRECTORY_MODE 0750

static int fail(int fd, const char *path, const char *what, const char *why)
{
	char shown[512];

	escape_text(shown, sizeof(shown), path, strlen(path), NULL);
	msg_error("the store's directory %s %s%s", shown, what, why);
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Takes a copy: reading moves the descriptor's place. */
static bool is_empty(int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;
	int count = 0;

	if (!directory) {
		if (copy >= 0)
			close(copy);
		return false;
	}
	while ((entry = readdir(directory)))
		count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(directory);
	return count == 0;
}

/* A link by its last component; with a slash behind, it would be followed. */
static int open_directory(const char *path)
{
	char name[PATH_MAX];
	int length = snprintf(name, sizeof(name), "%s", path);

	if (length < 0 || (size_t)length >= sizeof(name)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	while (length > 1 && name[length - 1] == '/')
		name[--length] = '\0';
	if (mkdir(name, DIRECTORY_MODE) && errno != EEXIST)
		return -1;
	return open(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* False: another collector has it, and that was said. */
static bool lock(int fd, const char *path)
{
	char shown[512], who[32] = "";
	pid_t holder;
	int rc = store_lock(fd, &holder);

	if (!rc)
		return true;
	escape_text(shown, sizeof(shown), path, strlen(path), NULL);
	if (rc != -EWOULDBLOCK) {
		msg_warn("the store's directory %s cannot be locked: %s; a second collector would "
			 "not be noticed",
			 shown, strerror(-rc));
		return true;
	}
	if (holder)
		snprintf(who, sizeof(who), " (pid %d)", (int)holder);
	msg_error("another collector writes to the store in %s%s", shown, who);
	return false;
}

int store_directory_open(const char *path, const struct rights_user *user)
{
	struct stat directory;
	char why[96];
	int fd = open_directory(path);

	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return fail(-1, path, "is a symbolic link, or no directory", "");
	if (fd < 0 || fstat(fd, &directory))
		return fail(fd, path, "cannot be opened: ", strerror(errno));
	if (!lock(fd, path)) {
		close(fd);
		return -1;
	}
	if (directory.st_uid == 0 && user->uid != 0 && is_empty(fd)) {
		/* The mode first: afterwards it is another's. */
		if (fchmod(fd, DIRECTORY_MODE) || fchown(fd, user->uid, user->gid) ||
		    fstat(fd, &directory))
			return fail(fd, path,
				    "cannot be given to the store's user: ", strerror(errno));
	}
	if (directory.st_uid != user->uid) {
		snprintf(why, sizeof(why), "user %u, and has to be user %u's",
			 (unsigned int)directory.st_uid, (unsigned int)user->uid);
		return fail(fd, path, "belongs to ", why);
	}
	if (directory.st_mode & (S_IWGRP | S_IWOTH))
		return fail(fd, path, "may be written by others than its owner: chmod go-w", "");
	return fd;
}
