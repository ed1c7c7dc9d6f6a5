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

uint64_t script_live_start_code(int process)
{
	return proc_stat(process, PROC_STAT_START_CODE);
}

static void begin(struct naming *naming, int process, pid_t pid)
{
	struct stat file, root;

	memset(naming, 0, sizeof(*naming));
	naming->script.tgid = naming->script.reader = (uint32_t)pid;
	if (fstatat(process, "ns/mnt", &file, 0) == 0)
		naming->script.ns_mnt = (uint32_t)file.st_ino;
	if (fstatat(process, "root", &file, 0) || stat("/", &root) || file.st_ino != root.st_ino ||
	    file.st_dev != root.st_dev)
		naming->script.flags |= SCRIPT_F_CHROOT;
	naming->environment = proc_stat(process, PROC_STAT_ENV_START);
	naming->environment_end = proc_stat(process, PROC_STAT_ENV_END);
}

size_t script_live_read(int process, pid_t pid, const struct script_layout *layout,
			struct event_script *script)
{
	static struct scratch scratch;
	struct naming *naming = &scratch.naming;
	uint64_t text;

	reading = pid;
	begin(naming, process, pid);
	if (layout) {
		naming->layout = *layout;
		text = layout->text;
		naming->bias = text ? script_live_start_code(process) - text : 0;
		naming->script.version = layout->version;
		naming->script.status = layout->status;
	}
	if (layout && layout->status == SCRIPT_READ) {
		script_sapi(&scratch);
		if (naming->is_program)
			script_environment(&scratch);
		script_php(&scratch);
	} else if (!layout) {
		script_environment(&scratch);
	}
	if (!layout && !naming->at && !(naming->script.flags & SCRIPT_F_WORDS_CUT))
		return 0;
	naming->script.origin = SCRIPT_OF_OPENER;
	naming->script.head.kind = EVENT_SCRIPT;
	naming->script.head.size = (uint32_t)(offsetof(struct event_script, text) + naming->at);
	memcpy(script, &naming->script, naming->script.head.size);
	return naming->script.head.size;
}
