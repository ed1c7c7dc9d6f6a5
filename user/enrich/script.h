/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * script.h - which script a process runs, decoded from one FRAME_SCRIPT
 *
 * Pure. Every text is what the process has in its memory: bounded, escaped where it is shown, and no verdict rests on it.
 */
#ifndef SMTPSNOOP_SCRIPT_H
#define SMTPSNOOP_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/frame.h"
#include "enrich/process.h"
#include "event_script.h"

struct script_call {
	struct bytes file; /* empty: one of PHP's own functions */
	struct bytes class_name; /* empty: a function without a class, or none */
	struct bytes function; /* empty: the main code of a file */
	uint32_t line; /* 0 = not known */
};

/* One allocation; every pointer leads into it. */
struct script {
	enum script_status status;
	enum script_origin origin;
	uint8_t flags; /* SCRIPT_F_* */
	unsigned int version; /* of PHP, 802 is 8.2; 0 = it is no PHP */
	uint32_t tgid;
	struct bytes sapi;
	struct bytes words
		[SCRIPT_WORDS]; /* by enum script_word; empty = not known. SCRIPT_CWD as a path */
	struct script_facts facts; /* of script_sender() */
	unsigned int call_count;
	struct script_call calls[SCRIPT_FRAMES]; /* innermost first */
};

/* "read", "zts"...; NULL for SCRIPT_NONE. */
const char *script_status_name(enum script_status status);

/* NULL with errno EBADMSG when the bytes are no such record, ENOMEM. Free with free(). */
struct script *script_decode(const void *payload, size_t size);

/* The innermost call that is code of a file: who did it. NULL = there is none. */
const struct script_call *script_caller(const struct script *script);

/* The caller's file, else the file that the web server asked for; empty = not known. "(stdin)" and eval()'d code are not paths. */
struct bytes script_sender(const struct script *script);

/* The beginning of script_sender() is missing, or it is so long that it might be. */
bool script_file_cut(const struct script *script);

/*
 * The process as it was executed: with the arguments and the working directory of then, where it has changed them. Borrows from both;
 * script may be NULL.
 */
struct process script_executed(const struct process *process, const struct script *script);

/* A file's path, without what PHP appends for code of eval(): "/x.php(3) : eval()'d code" is /x.php. */
struct bytes script_path(struct bytes file);

#endif
