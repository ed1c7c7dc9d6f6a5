/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evidence_list.c - the files of evidence, and their digests
 *
 * A directory to be compared may be anybody's: its names lead nowhere else, and only regular files are opened.
 */
#include "cmd/evidence_list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sha2.h>

#include "base/bytes.h"
#include "base/escape.h"
#include "base/limits.h"
#include "base/msg.h"
#include "base/open.h"
#include "cmd/evidence_compare.h"
#include "cmd/evidence_unpack.h"

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int no_dots(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
}

static int each_in_folder(int directory, const char *name, const char *path, evidence_fn *fn,
			  void *context, enum evidence_folders folders)
{
	int folder = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int rc = folder < 0 ? -errno : 0;

	if (!rc && folders == FOLDERS_FIRST)
		rc = fn(directory, name, path, context);
	if (!rc)
		rc = evidence_each(folder, path, fn, context, folders);
	if (folder >= 0)
		close(folder);
	return !rc && folders == FOLDERS_LAST ? fn(directory, name, path, context) : rc;
}

int evidence_each(int directory, const char *below, evidence_fn *fn, void *context,
		  enum evidence_folders folders)
{
	struct dirent **names;
	int count = scandirat(directory, ".", &names, no_dots, by_name), rc = 0;

	if (count < 0)
		return -errno;
	for (int i = 0; i < count; i++) {
		const char *name = names[i]->d_name;
		char path[2 * sizeof(names[i]->d_name) + 2];
		struct stat file;

		snprintf(path, sizeof(path), "%s%s%s", below, below[0] ? "/" : "", name);
		if (rc || fstatat(directory, name, &file, AT_SYMLINK_NOFOLLOW))
			;
		else if (S_ISDIR(file.st_mode) && !below[0])
			rc = each_in_folder(directory, name, path, fn, context, folders);
		else
			rc = fn(directory, name, path, context);
		free(names[i]);
	}
	free(names);
	return rc;
}

/* The digest of an open file in hexadecimal. 0 or -errno. */
static int digest(int fd, char out[SHA256_DIGEST_STRING_LENGTH])
{
	static uint8_t piece[65536];
	SHA2_CTX context;
	ssize_t got;

	SHA256Init(&context);
	while ((got = read(fd, piece, sizeof(piece))) > 0)
		SHA256Update(&context, piece, (size_t)got);
	SHA256End(&context, out);
	return got < 0 ? -errno : 0;
}

static int list_file(int directory, const char *name, const char *path, void *context)
{
	char sum[SHA256_DIGEST_STRING_LENGTH];
	int fd, rc;

	if (!strcmp(path, EVIDENCE_LIST))
		return 0;
	fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	rc = digest(fd, sum);
	close(fd);
	if (!rc && fprintf(context, "%s  %s\n", sum, path) < 0)
		rc = -errno;
	return rc;
}

int evidence_list_write(int directory)
{
	int fd = openat(directory, EVIDENCE_LIST,
			O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600),
	    rc;
	FILE *list = fd < 0 ? NULL : fdopen(fd, "w");

	if (!list)
		return -errno;
	rc = evidence_each(directory, "", list_file, list, FOLDERS_NOT);
	if (fclose(list) && !rc)
		rc = -errno;
	return rc;
}

/* A regular file that is there: anything else is not opened. -1 with errno. */
static int open_regular(int directory, const char *path)
{
	int found = open_below(directory, path, O_PATH | O_NOFOLLOW,
			       RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	struct stat file;
	int fd = -1;

	if (found < 0)
		return -1;
	if (fstat(found, &file) || !S_ISREG(file.st_mode))
		errno = EBADMSG;
	else
		fd = open_again(found, O_RDONLY);
	close(found);
	return fd;
}

/* Names of the list lead into the directory and nowhere else. */
static int find_sum(void *context, const char *path, char sum[SHA256_DIGEST_STRING_LENGTH])
{
	const int *directory = context;
	int fd = open_regular(*directory, path), rc;

	if (fd < 0)
		return -errno;
	rc = digest(fd, sum);
	close(fd);
	return rc;
}

/* Tells what is there and not in the list. */
static int find_listed(int directory, const char *name, const char *path, void *context)
{
	(void)directory;
	(void)name;
	if (strcmp(path, EVIDENCE_LIST) != 0)
		compare_there(context, path);
	return 0;
}

/* NULL with errno. */
static struct comparison *read_list(int directory)
{
	int fd = open_regular(directory, EVIDENCE_LIST);
	char *text = fd < 0 ? NULL : malloc(LIMIT_EVIDENCE_SUMS + 1);
	struct comparison *comparison = NULL;
	size_t size = 0;
	ssize_t got = 0;

	while (text && size <= LIMIT_EVIDENCE_SUMS &&
	       (got = read(fd, text + size, LIMIT_EVIDENCE_SUMS + 1 - size)) > 0)
		size += (size_t)got;
	if (size > LIMIT_EVIDENCE_SUMS)
		errno = EFBIG;
	else if (text && got == 0)
		comparison = compare_new(text, size);
	if (!comparison)
		free(text);
	if (fd >= 0)
		close(fd);
	return comparison;
}

bool evidence_is_archive(const char *path)
{
	return bytes_end(bytes_of(path), EVIDENCE_ARCHIVE);
}

int evidence_verify(const char *path)
{
	int directory;
	struct comparison *comparison;
	char shown[256];

	if (evidence_is_archive(path))
		return evidence_unpack(path);
	directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	comparison = directory < 0 ? NULL : read_list(directory);
	if (!comparison) {
		escape_text(shown, sizeof(shown), path, strlen(path), NULL);
		msg_error("--verify %s: no evidence is there (" EVIDENCE_LIST "): %s", shown,
			  strerror(errno));
		if (directory >= 0)
			close(directory);
		return EXIT_CANNOT;
	}
	compare_listed(comparison, find_sum, &directory);
	evidence_each(directory, "", find_listed, comparison, FOLDERS_NOT);
	close(directory);
	return compare_end(comparison);
}
