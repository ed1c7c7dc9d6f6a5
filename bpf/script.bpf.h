/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * script.bpf.h - what the programs know of a process beside its identity: how it was executed, and which script it came from
 */
#ifndef SMTPSNOOP_SCRIPT_BPF_H
#define SMTPSNOOP_SCRIPT_BPF_H

#include "identity.bpf.h"

/*
 * argv and the working directory as they were at exec: a process can write over the one and leave the other. With the process, and
 * copied to those that it forks.
 */
struct execution {
	__u16 argv_length; /* 0 = not known: it was executed before us, or could not be read */
	__u8 cwd_length;
	__u8 plain; /* the environment has nothing of CGI's: it was looked at */
	__u32 flags; /* SCRIPT_F_ARGV_CUT, SCRIPT_F_CWD_CUT */
	__u64 cwd; /* the directory's dentry: a number to compare */
	char argv[EVENT_ARGV_MAX];
	char cwd_text[EXECUTION_CWD]; /* leaf first, as in event.h */
};

struct executions_map {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct execution);
};

/* The script of the PHP process that forked this one, or one that this one comes from. */
struct origins_map {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct event_script);
};

/* Filled by the program: executables that are PHP, or hold it as a library. */
struct runtimes_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, RUNTIMES);
	__type(key, struct script_runtime);
	__type(value, struct script_layout);
};

extern struct executions_map executions SEC(".maps");
extern struct origins_map origins SEC(".maps");
extern struct runtimes_map runtimes SEC(".maps");

#define SCRIPT_AGAIN 0x80

/* script.bpf.c: the SCRIPT records of `current`, if there is something to tell. */
int output_script(struct talk *talk, __u32 origin);

/*
 * At connect, where argv and the environment are told too; and again at the first sends, for a PHP that was not known as such yet, or
 * an opener that was not to be seen before.
 */
static __always_inline void script_tell(struct watch *watch)
{
	__u32 again = watch->flags & WATCH_ASKED ? SCRIPT_AGAIN : 0;

	if (!settings.use_scripts || !(watch->flags & WATCH_FULL) || watch->flags & WATCH_SCRIPT)
		return;
	watch->flags |= WATCH_ASKED;
	if (output_script(&watch->talk, SCRIPT_OF_OPENER | again) ||
	    ++watch->script_tries == SCRIPT_TRIES)
		watch->flags |= WATCH_SCRIPT;
}

#endif
