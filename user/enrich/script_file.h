/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * script_file.h - which script is an interpreter running, as far as its arguments tell?
 *
 * Pure: no file is looked at. The arguments are the process's own claim, and it may have written over them; the working directory
 * is the one at the moment of the record, and need not be the one that the script was started in.
 */
#ifndef SMTPSNOOP_SCRIPT_FILE_H
#define SMTPSNOOP_SCRIPT_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "enrich/interpreter.h"
#include "enrich/process.h"

enum script_kind {
	SCRIPT_UNKNOWN, /* cut, written over, not read, or for requests to say, as with php-fpm */
	SCRIPT_FILE,
	SCRIPT_MODULE, /* a name that the interpreter looks up: python -m, a Java class, perl -S, a URL */
	SCRIPT_CODE, /* an argument is the program: perl -e, sh -c */
	SCRIPT_STDIN,
};

#define SCRIPT_PATH_MAX (EVENT_PATH_MAX + PROCESS_TURN_EXTRA)

struct script_file {
	enum script_language language;
	enum script_kind kind;
	/* Which argument said it, for process_argument(): the script, the module, the code. 0 = none. */
	unsigned int argument;
	/*
	 * FILE: the path, absolute, without ".", ".." and "//"; symbolic links are not followed. A beginning that is not known or
	 * has no room is "[...]". MODULE: the name. UNKNOWN: empty; or when the path was cut, the directories that are known, with a slash
	 * at the end. Else empty. Hostile bytes, not terminated.
	 */
	char path[SCRIPT_PATH_MAX];
	size_t length;
};

/* False, with `out` not filled, if the executable is no interpreter by its name, or not known. */
bool script_file_find(const struct process *process, struct script_file *out);

static inline struct bytes script_file_path(const struct script_file *script)
{
	return (struct bytes){script->path, script->length};
}

#endif
