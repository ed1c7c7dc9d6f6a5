/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cmdline.c - arguments from /proc, for connections from before the trace
 *
 * Only bytes are moved: nothing in them is looked at here. Whatever fails leaves the record as it was.
 */
#include "enrich/cmdline.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define STAT_START 22 /* starttime in /proc/PID/stat, proc(5); in clock ticks since boot */

static size_t read_file(const char *path, char *out, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, out, size);

	if (fd >= 0)
		close(fd);
	return got < 0 ? 0 : (size_t)got;
}

/* Field 2 is the name in parentheses and may hold blanks and more of them: count from the last one. */
static bool same_process(const struct event_identity *who)
{
	char path[64], stat[1024];
	uint64_t ticks;
	size_t length;
	char *at;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/stat", who->tgid);
	length = read_file(path, stat, sizeof(stat) - 1);
	stat[length] = '\0';
	at = strrchr(stat, ')');
	for (int field = 2; at && field < STAT_START; field++)
		at = strchr(at + 1, ' ');
	if (!at || sscanf(at, " %" SCNu64, &ticks) != 1)
		return false;
	return ticks == who->start / (UINT64_C(1000000000) / (uint64_t)sysconf(_SC_CLK_TCK));
}

size_t cmdline_add(struct event_open *open, size_t size)
{
	const size_t texts = (size_t)open->exe_len + open->cwd_len + open->cgroup_len;
	char path[64], argv[EVENT_ARGV_MAX + 1];
	size_t length;

	if (!(open->who.flags & IDENTITY_ARGV_UNREAD) || open->argv_len ||
	    size != offsetof(struct event_open, text) + texts ||
	    texts > EVENT_TEXT_MAX - EVENT_ARGV_MAX || !same_process(&open->who))
		return size;
	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/cmdline", open->who.tgid);
	length = read_file(path, argv, sizeof(argv));
	if (!length || !same_process(&open->who))
		return size;
	open->who.flags &= ~(uint32_t)IDENTITY_ARGV_UNREAD;
	if (length > EVENT_ARGV_MAX) {
		length = EVENT_ARGV_MAX;
		open->who.flags |= IDENTITY_ARGV_CUT;
	}
	memcpy(open->text + texts, argv, length);
	open->argv_len = length;
	open->head.size = size + length;
	return size + length;
}
