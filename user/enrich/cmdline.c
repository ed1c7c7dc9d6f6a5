/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cmdline.c - arguments from /proc, for connections from before the trace
 *
 * Only bytes are moved: nothing in them is looked at here. Whatever fails leaves the record as it was. Who has made the process can hold
 * the lock on its memory for ever, so that a child reads them, once for what a process has open at a time.
 */
#include "enrich/cmdline.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/limits.h"
#include "enrich/proc_stat.h"

#define SECOND UINT64_C(1000000000)

/* Of one process. */
struct arguments {
	uint64_t start;
	uint32_t tgid;
	uint32_t length;
	char text[EVENT_ARGV_MAX + 1];
};

static struct child child = {.size = sizeof(struct arguments)};

/* If it still is the same process: nothing can come in the place of its directory. */
static void read_arguments(void *memory)
{
	struct arguments *arguments = memory;
	int process = proc_open(arguments->tgid), fd = -1;
	ssize_t got = -1;

	if (proc_stat(process, PROC_STAT_START) == proc_stat_ticks(arguments->start))
		fd = openat(process, "cmdline", O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		got = read(fd, arguments->text, sizeof(arguments->text));
		close(fd);
	}
	if (process >= 0)
		close(process);
	arguments->length = got > 0 ? (uint32_t)got : 0;
}

/* NULL: they are not to be had. */
static const struct arguments *arguments_of(const struct event_identity *who)
{
	static struct arguments last;
	static uint64_t read_at, window;
	static unsigned int late;
	struct arguments *arguments;
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	enum child_end how;

	if (last.tgid == who->tgid && last.start == who->start && now - read_at < SECOND)
		return last.length ? &last : NULL;
	if (now / (LIMIT_CMDLINE_SECONDS * SECOND) != window) {
		window = now / (LIMIT_CMDLINE_SECONDS * SECOND);
		late = 0;
	}
	arguments = late < LIMIT_CMDLINE_LATE ? child_memory(&child) : NULL;
	if (!arguments)
		return NULL;
	arguments->tgid = who->tgid;
	arguments->start = who->start;
	how = child_run(&child, read_arguments, LIMIT_CMDLINE_MS, -1);
	memcpy(&last, arguments, sizeof(last));
	if (how != CHILD_DONE || last.length > sizeof(last.text))
		last.length = 0;
	late += how == CHILD_LATE;
	read_at = now;
	return last.length ? &last : NULL;
}

void cmdline_rest(void)
{
	child_rest(&child);
}

size_t cmdline_add(struct event_open *open, size_t size)
{
	const size_t texts = (size_t)open->exe_len + open->cwd_len + open->cgroup_len;
	const struct arguments *arguments;
	size_t length;

	if (!(open->who.flags & IDENTITY_ARGV_UNREAD) || open->argv_len ||
	    size != offsetof(struct event_open, text) + texts ||
	    texts > EVENT_TEXT_MAX - EVENT_ARGV_MAX)
		return size;
	arguments = arguments_of(&open->who);
	if (!arguments)
		return size;
	length = arguments->length;
	open->who.flags &= ~(uint32_t)IDENTITY_ARGV_UNREAD;
	if (length > EVENT_ARGV_MAX) {
		length = EVENT_ARGV_MAX;
		open->who.flags |= IDENTITY_ARGV_CUT;
	}
	memcpy(open->text + texts, arguments->text, length);
	open->argv_len = length;
	open->head.size = size + length;
	return size + length;
}
