/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * config_load.c - the configuration from its file
 *
 * A file that anybody but root can write is refused, since what it says grants trust. Nothing is fatal here: every failure is one
 * sentence for the caller to print.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "enrich/config.h"

/* NULL when the file may be used, else what is wrong with it. */
static const char *refusal(const struct stat *file)
{
	if (!S_ISREG(file->st_mode))
		return "not a regular file";
	if (file->st_uid != 0)
		return "it grants trust and does not belong to root: chown root";
	if (file->st_mode & (S_IWGRP | S_IWOTH))
		return "it grants trust and others than root can write it: chmod go-w";
	if (file->st_size > LIMIT_CONFIG_BYTES)
		return "larger than a configuration can be";
	return NULL;
}

/* The whole file, allocated; NULL with errno. Growing while it is read is an error: half of it means something else. */
static char *read_all(int fd, size_t size)
{
	char *text = malloc(size + 1);
	size_t have = 0;
	ssize_t got;

	if (!text)
		return NULL;
	while ((got = read(fd, text + have, size + 1 - have)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 || (have += (size_t)got) > size)
			break;
	}
	if (got == 0 && have == size)
		return text;
	if (got >= 0)
		errno = EBUSY;
	free(text);
	return NULL;
}

struct config *config_load(const char *path, bool must_exist, char *error, size_t error_size)
{
	struct config *config = NULL;
	const char *wrong;
	char *text = NULL;
	struct stat file;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 && errno == ENOENT && !must_exist) {
		config = config_default();
		if (!config)
			snprintf(error, error_size, "%s: out of memory", path);
		return config;
	}
	if (fd < 0 || fstat(fd, &file) != 0) {
		snprintf(error, error_size, "%s: %s", path, strerror(errno));
		goto cleanup;
	}
	wrong = refusal(&file);
	if (wrong) {
		snprintf(error, error_size, "%s: %s", path, wrong);
		goto cleanup;
	}
	text = read_all(fd, (size_t)file.st_size);
	if (!text) {
		snprintf(error, error_size, "%s: %s", path, strerror(errno));
		goto cleanup;
	}
	config = config_parse(path, text, (size_t)file.st_size, error, error_size);
cleanup:
	free(text);
	if (fd >= 0)
		close(fd);
	return config;
}
