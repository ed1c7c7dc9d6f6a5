/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evidence_list.c - the files of a directory of evidence, and their digests
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

#include "base/escape.h"
#include "base/msg.h"
#include "base/open.h"

#define LIST "SHA256SUMS"
#define PATH_BYTES 4096

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int no_dots(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
}

int evidence_each(int directory, const char *below, evidence_fn *fn, void *context, bool folders)
{
	struct dirent **names;
	int count = scandirat(directory, ".", &names, no_dots, by_name), rc = 0;

	if (count < 0)
		return -errno;
	for (int i = 0; i < count; i++) {
		const char *name = names[i]->d_name;
		char path[2 * sizeof(names[i]->d_name) + 2];
		struct stat file;
		int folder;

		snprintf(path, sizeof(path), "%s%s%s", below, below[0] ? "/" : "", name);
		if (rc || fstatat(directory, name, &file, AT_SYMLINK_NOFOLLOW)) {
			free(names[i]);
			continue;
		}
		if (S_ISDIR(file.st_mode) && !below[0]) {
			folder = openat(directory, name,
					O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			rc = folder < 0 ? -errno
					: evidence_each(folder, path, fn, context, folders);
			if (folder >= 0)
				close(folder);
		}
		if (!rc && (folders || below[0] || !S_ISDIR(file.st_mode)))
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

	if (!strcmp(path, LIST))
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
	int fd = openat(directory, LIST, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			0600),
	    rc;
	FILE *list = fd < 0 ? NULL : fdopen(fd, "w");

	if (!list)
		return -errno;
	rc = evidence_each(directory, "", list_file, list, false);
	if (fclose(list) && !rc)
		rc = -errno;
	return rc;
}

/* Names of the list lead into the directory and nowhere else. */
static int check(int directory, const char *path, const char *wanted)
{
	int found = open_below(directory, path, O_PATH | O_NOFOLLOW,
			       RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	char sum[SHA256_DIGEST_STRING_LENGTH];
	struct stat file;
	int fd, rc;

	if (found < 0)
		return -errno;
	fd = fstat(found, &file) || !S_ISREG(file.st_mode) ? -1 : open_again(found, O_RDONLY);
	close(found);
	if (fd < 0)
		return -EBADMSG;
	rc = digest(fd, sum);
	close(fd);
	return rc ? rc : strcmp(sum, wanted) ? -EBADMSG : 0;
}

struct listed {
	FILE *list;
	unsigned int more;
};

/* Tells what is there and not in the list. */
static int find_listed(int directory, const char *name, const char *path, void *context)
{
	char line[PATH_BYTES], shown[PATH_BYTES];
	struct listed *listed = context;

	(void)directory;
	(void)name;
	if (!strcmp(path, LIST))
		return 0;
	rewind(listed->list);
	while (fgets(line, sizeof(line), listed->list)) {
		line[strcspn(line, "\n")] = '\0';
		if (strlen(line) > SHA256_DIGEST_STRING_LENGTH + 1 &&
		    !strcmp(line + SHA256_DIGEST_STRING_LENGTH + 1, path))
			return 0;
	}
	escape_text(shown, sizeof(shown), path, strlen(path), NULL);
	printf("%s: not in the list\n", shown);
	listed->more++;
	return 0;
}

int evidence_verify(const char *path)
{
	int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = directory < 0 ? -1 : openat(directory, LIST, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	FILE *list = fd < 0 ? NULL : fdopen(fd, "r");
	struct listed listed = {.list = list};
	unsigned int good = 0, bad = 0;
	char line[PATH_BYTES], shown[PATH_BYTES];

	if (!list) {
		escape_text(shown, sizeof(shown), path, strlen(path), NULL);
		msg_error("--verify %s: no evidence is there (%s): %s", shown, LIST,
			  strerror(errno));
		if (directory >= 0)
			close(directory);
		return EXIT_CANNOT;
	}
	while (fgets(line, sizeof(line), list)) {
		size_t length = strcspn(line, "\n");
		const char *name = line + SHA256_DIGEST_STRING_LENGTH + 1;
		int rc = -EINVAL;

		line[length] = '\0';
		if (length > SHA256_DIGEST_STRING_LENGTH + 1) {
			line[SHA256_DIGEST_STRING_LENGTH - 1] = '\0';
			rc = check(directory, name, line);
		} else {
			name = line;
		}
		escape_text(shown, sizeof(shown), name, strlen(name), NULL);
		if (rc)
			printf("%s: %s\n", shown,
			       rc == -EBADMSG ? "not as it was kept" : strerror(-rc));
		good += !rc;
		bad += rc != 0;
	}
	evidence_each(directory, "", find_listed, &listed, false);
	fclose(list);
	close(directory);
	printf("%u files as they were kept, %u not, %u added\n", good, bad, listed.more);
	return bad || !good || listed.more ? EXIT_FAILED : EXIT_DONE;
}
