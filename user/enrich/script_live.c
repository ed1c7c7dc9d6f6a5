/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * script_live.c - the script of a process that waits, read from outside
 *
 * The kernel programs' own walk (script_php.h) over process_vm_readv(2). It copies bytes and compares numbers; texts are taken apart in
 * the other half. While the process runs on, what is read need not fit together: then it does not look like PHP, and is dropped. Nothing
 * is fatal.
 */
#include "enrich/script_live.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "enrich/proc_stat.h"

struct scratch {
	struct naming naming;
	char slack[SCRIPT_URL_MAX];
};

#define PAGE 4096 /* or a part of one: within it all can be read, or nothing */

static pid_t reading;

/* 0, or less. */
static long memory_read(void *to, size_t size, uint64_t address)
{
	struct iovec here = {to, size}, there = {(void *)(uintptr_t)address, size};

	return process_vm_readv(reading, &here, 1, &there, 1, 0) == (ssize_t)size ? 0 : -EFAULT;
}

/* As bpf_probe_read_user_str(): what lies behind the NUL need not be there. */
static long memory_text(char *to, size_t size, uint64_t address)
{
	size_t got = 0;

	while (got < size - 1) {
		size_t piece = PAGE - (address + got) % PAGE;
		const char *end;

		if (piece > size - 1 - got)
			piece = size - 1 - got;
		if (memory_read(to + got, piece, address + got))
			return -EFAULT;
		end = memchr(to + got, '\0', piece);
		if (end)
			return end - to + 1;
		got += piece;
	}
	to[got] = '\0';
	return (long)size;
}

#define MEMORY_READ(to, size, address) memory_read(to, size, address)
#define MEMORY_TEXT(to, size, address) memory_text(to, size, address)
#include "script_php.h"

static void begin(struct naming *naming, int process, uint32_t tgid)
{
	struct stat file, root;

	memset(naming, 0, sizeof(*naming));
	naming->script.tgid = naming->script.reader = tgid;
	naming->script.origin = SCRIPT_OF_OPENER;
	if (fstatat(process, "ns/mnt", &file, 0) == 0)
		naming->script.ns_mnt = (uint32_t)file.st_ino;
	if (fstatat(process, "root", &file, 0) || stat("/", &root) || file.st_ino != root.st_ino ||
	    file.st_dev != root.st_dev)
		naming->script.flags |= SCRIPT_F_CHROOT;
	naming->environment = proc_stat(process, PROC_STAT_ENV_START);
	naming->environment_end = proc_stat(process, PROC_STAT_ENV_END);
}

static void read_php(struct scratch *scratch, int process, const struct script_layout *layout)
{
	struct naming *naming = &scratch->naming;

	naming->layout = *layout;
	naming->bias = layout->text ? proc_stat(process, PROC_STAT_START_CODE) - layout->text : 0;
	naming->script.version = layout->version;
	naming->script.status = layout->status;
	if (layout->status != SCRIPT_READ)
		return;
	script_sapi(scratch);
	if (naming->is_program)
		script_environment(scratch);
	script_php(scratch);
}

size_t script_live_read(uint32_t tgid, uint64_t start, const struct script_layout *layout,
			struct event_script *script)
{
	static struct scratch scratch;
	struct naming *naming = &scratch.naming;
	int process = proc_open(tgid);
	size_t size;

	if (process < 0)
		return 0;
	reading = (pid_t)tgid;
	begin(naming, process, tgid);
	if (layout)
		read_php(&scratch, process, layout);
	else
		script_environment(&scratch);
	size = offsetof(struct event_script, text) + naming->at;
	/* The directory stands for that process alone, but memory is read by number. */
	if ((!layout && !naming->at && !(naming->script.flags & SCRIPT_F_WORDS_CUT)) ||
	    proc_stat(process, PROC_STAT_START) != proc_stat_ticks(start))
		size = 0;
	close(process);
	memcpy(script, &naming->script, size);
	return size;
}
