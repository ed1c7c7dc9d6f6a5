/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * process_now.h - a process as it is now: decoded from a FRAME_PROCESS
 *
 * Pure. Texts are hostile bytes with a length; present/ escapes them. What is not known is 0 or empty.
 */
#ifndef SMTPSNOOP_PROCESS_NOW_H
#define SMTPSNOOP_PROCESS_NOW_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/frame_process.h"

#define PROCESS_UNLIMITED UINT64_MAX

struct process_limit {
	bool known;
	uint64_t soft, hard; /* PROCESS_UNLIMITED = there is none */
};

/* Memory that can be executed and is not what a file that is there says; pieces that have all but their place in common. */
struct process_code {
	char permissions[5]; /* "rwxp" */
	bool deleted; /* its file has no name any more */
	struct bytes path; /* empty = no file; "[stack]", "[anon:name]": the kernel's name for it */
	uint64_t bytes;
	uint32_t pieces;
};

struct process_deleted {
	uint32_t fd;
	uint64_t bytes;
	struct bytes path;
};

/* One allocation; every pointer leads into it. */
struct process_now {
	struct frame_process is;
	struct bytes exe; /* without the kernel's " (deleted)" */
	bool exe_deleted;
	struct bytes cwd, root;
	struct bytes cmdline; /* arguments ended by NUL each (the last one perhaps not) */
	struct bytes environment; /* names, or names and values, ended by NUL each */
	bool status; /* these are known */
	uint32_t uid, euid;
	uint64_t permitted, effective; /* capabilities, 1 << number */
	bool no_new_privs;
	uint32_t seccomp; /* 0 = none, 1 = strict, 2 = filter */
	struct process_limit open_files, processes;
	unsigned int code_count, deleted_count;
	struct process_code code[LIMIT_PROCESS_CODE];
	struct process_deleted deleted[LIMIT_PROCESS_DELETED];
};

/* Checks every length. NULL with errno EBADMSG when the bytes are no such frame, ENOMEM. free() it. */
struct process_now *process_now_decode(const void *payload, size_t size);

/* Takes the next piece that ends with NUL off `rest`; at NULL when there is none. Empty pieces count. */
struct bytes process_now_next(struct bytes *rest);

/* The command line as one text, its arguments parted by blanks. Returns its length. */
size_t process_now_cmdline(const struct process_now *now, char out[PROCESS_CMDLINE_MAX]);

/* "pts/3", "tty1", "ttyS0"; "" = none, or one that has no well-known name. */
#define PROCESS_TTY 24
void process_now_tty(char out[PROCESS_TTY], uint32_t tty);
unsigned int process_now_tty_major(uint32_t tty);
unsigned int process_now_tty_minor(uint32_t tty);

#endif
