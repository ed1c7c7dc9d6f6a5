/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * proc_stat.c - numbers of /proc/PID/stat
 *
 * The name, field 2, may hold anything: fields are counted from its end. Nothing is fatal.
 */
#include "enrich/proc_stat.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int proc_open(uint32_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%" PRIu32, pid);
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

uint64_t proc_stat(int directory, int field)
{
	int fd = openat(directory, "stat", O_RDONLY | O_CLOEXEC);
	char line[1024], *at;
	uint64_t value = 0;
	ssize_t length = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);

	if (fd >= 0)
		close(fd);
	line[length > 0 ? length : 0] = '\0';
	at = strrchr(line, ')');
	for (int here = 2; at && here < field; here++)
		at = strchr(at + 1, ' ');
	return at && sscanf(at, " %" SCNu64, &value) == 1 ? value : 0;
}

uint64_t proc_start_code(uint32_t pid)
{
	int directory = proc_open(pid);
	uint64_t value = proc_stat(directory, PROC_STAT_START_CODE);

	if (directory >= 0)
		close(directory);
	return value;
}

uint64_t proc_stat_ticks(uint64_t start)
{
	return start / (UINT64_C(1000000000) / (uint64_t)sysconf(_SC_CLK_TCK));
}
