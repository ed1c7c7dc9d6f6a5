/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * store_lock.c - one collector for a store
 *
 * flock(2) on the directory, held by both halves: the kernel takes it away with the last of them, however they end. No file is made for
 * it, so there is none that the owner of the directory could put something else in the place of. Who may read the directory can hold the
 * lock, too: the store's group. Nothing is fatal here.
 */
#include "cmd/store_lock.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "base/clock.h"
#include "base/limits.h"

#define AGAIN_NS 20000000

/* A line of /proc/locks, which the kernel writes: "1: FLOCK  ADVISORY  WRITE 4711 08:01:1234 0 EOF". One that waits has "->". */
static bool is_of(const char *line, const struct stat *directory, int *pid)
{
	unsigned int high, low;
	uint64_t inode;

	return sscanf(line, "%*u: FLOCK ADVISORY WRITE %d %x:%x:%" SCNu64, pid, &high, &low,
		      &inode) == 4 &&
	       inode == directory->st_ino && high == major(directory->st_dev) &&
	       low == minor(directory->st_dev);
}

/* 0 = not known. File systems without a device of their own have another number there; who took the lock may be gone. */
static pid_t find_holder(int directory)
{
	FILE *locks = fopen("/proc/locks", "re");
	struct stat file;
	char line[256];
	int pid, found = 0;

	if (locks && fstat(directory, &file) == 0)
		while (!found && fgets(line, sizeof(line), locks))
			if (is_of(line, &file, &pid))
				found = pid;
	if (locks)
		fclose(locks);
	return found > 0 && (kill(found, 0) == 0 || errno == EPERM) ? found : 0;
}

int store_lock(int directory, pid_t *holder)
{
	const struct timespec again = {.tv_nsec = AGAIN_NS};
	uint64_t until = clock_ns(CLOCK_BOOTTIME) + LIMIT_LOCK_SECONDS * UINT64_C(1000000000);

	*holder = 0;
	while (flock(directory, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (clock_ns(CLOCK_BOOTTIME) >= until) {
			*holder = find_holder(directory);
			return -EWOULDBLOCK;
		}
		nanosleep(&again, NULL);
	}
	return 0;
}
