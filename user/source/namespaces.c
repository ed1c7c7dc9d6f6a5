/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * namespaces.c - every network namespace, from inside
 *
 * A name may be gone, or lead to something else, by the time it is opened: only what the kernel calls a namespace is entered.
 */
#include "source/namespaces.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/limits.h"

struct walk {
	namespaces_fn *fn;
	void *context;
	struct namespaces_looked *looked;
	uint32_t *seen; /* by inode */
	unsigned int seen_count;
	int home; /* our own namespace */
};

static int look_inside(const struct walk *walk, int netns, uint32_t inode)
{
	int rc;

	if (setns(netns, CLONE_NEWNET)) {
		walk->looked->refused++;
		return 0;
	}
	rc = walk->fn(walk->context, inode);
	return setns(walk->home, CLONE_NEWNET) ? -ECHILD : rc;
}

static bool is_new(struct walk *walk, uint32_t netns)
{
	for (unsigned int i = 0; i < walk->seen_count; i++)
		if (walk->seen[i] == netns)
			return false;
	if (walk->seen_count < LIMIT_NAMESPACES)
		walk->seen[walk->seen_count++] = netns;
	return true;
}

/* 0, or what ends the walk. */
static int look_at(struct walk *walk, int directory, const char *name)
{
	struct statfs system;
	struct stat file;
	int netns, rc = 0;

	if (fstatat(directory, name, &file, 0) || !is_new(walk, (uint32_t)file.st_ino))
		return 0;
	netns = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (netns < 0)
		return 0;
	if (fstatfs(netns, &system) == 0 && system.f_type == NSFS_MAGIC) {
		walk->looked->count++;
		rc = look_inside(walk, netns, (uint32_t)file.st_ino);
	}
	close(netns);
	return rc;
}

/* Every name of a directory, and below it what leads to a namespace. */
static int look_below(struct walk *walk, const char *directory, const char *below)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;
	int rc = 0;

	while (dir && !rc && (entry = readdir(dir))) {
		char name[sizeof(entry->d_name) + 16];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s%s", entry->d_name, below);
		rc = look_at(walk, dirfd(dir), name);
	}
	if (dir)
		closedir(dir);
	return rc;
}

int namespaces_each(namespaces_fn *fn, void *context, struct namespaces_looked *looked)
{
	struct walk walk = {.fn = fn, .context = context, .looked = looked};
	int rc;

	memset(looked, 0, sizeof(*looked));
	walk.home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (walk.home < 0)
		return -errno;
	walk.seen = calloc(LIMIT_NAMESPACES, sizeof(*walk.seen));
	rc = walk.seen ? look_below(&walk, "/proc", "/ns/net") : -ENOMEM;
	if (!rc)
		rc = look_below(&walk, "/run/netns", "");
	free(walk.seen);
	close(walk.home);
	return rc;
}
