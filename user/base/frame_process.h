/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * frame_process.h - a process as it is now, as the privileged half has read it: the payloads of FRAME_PROCESS and FRAME_PROCESSES
 *
 * Numbers of the kernel's, and texts as /proc gave them. They are taken apart by the other half.
 */
#ifndef SMTPSNOOP_FRAME_PROCESS_H
#define SMTPSNOOP_FRAME_PROCESS_H

#include "base/frame.h"
#include "base/limits.h"

enum process_flags {
	PROCESS_HOLDS = 0x01, /* it had a connection open when we came */
	PROCESS_UNFINISHED = 0x02, /* it took too long: what is missing was not read */
	PROCESS_VALUES = 0x04, /* the environment has its values, too */
	PROCESS_CMDLINE_CUT = 0x08, /* these were longer */
	PROCESS_ENVIRON_CUT = 0x10,
	PROCESS_FILES_CUT = 0x20, /* it has more open: what was counted is a lower bound */
	PROCESS_ANCESTORS_CUT = 0x40, /* the last one told is not the first of all */
};

/* In the order in which they are read: what lies in the memory of the process can make whoever reads it wait, and comes last. */
enum process_text {
	PROCESS_EXE, /* links of /proc/PID */
	PROCESS_CWD,
	PROCESS_ROOT,
	PROCESS_DELETED, /* open files that are deleted: "FD BYTES PATH", ended by NUL each */
	PROCESS_STATUS, /* some lines of its files */
	PROCESS_LIMITS,
	PROCESS_CODE, /* lines of maps: executable, and not as a file that is there has it */
	PROCESS_CMDLINE,
	PROCESS_ENVIRON, /* names ended by NUL each; with PROCESS_VALUES as it is */
	PROCESS_TEXTS
};

enum process_namespace {
	NAMESPACE_NET,
	NAMESPACE_PID,
	NAMESPACE_MNT,
	NAMESPACE_USER,
	PROCESS_NAMESPACES
};

#define PROCESS_ANCESTORS 32
#define PROCESS_CMDLINE_MAX 4096
#define PROCESS_TEXT_MAX 49152 /* all of them together */

struct frame_process {
	uint64_t start; /* CLOCK_BOOTTIME ns */
	uint64_t namespaces[PROCESS_NAMESPACES]; /* inodes of those that are not init's, else 0 */
	uint32_t tgid;
	uint32_t flags; /* enum process_flags */
	uint32_t group, session; /* leaders of them */
	uint32_t tty; /* device number in the kernel's form, 0 = none */
	uint32_t threads;
	uint32_t files, sockets; /* open; the latter are among them */
	uint32_t deleted; /* of them, files without a name; some are told */
	uint32_t code; /* lines of maps that were looked for; some are told */
	uint32_t left_out; /* of the environment: no NAME=VALUE, or the name is too long */
	uint32_t ancestor_count;
	struct event_process ancestors[PROCESS_ANCESTORS]; /* parent first */
	char comm[EVENT_COMM_LEN];
	uint32_t lengths[PROCESS_TEXTS];
	uint32_t reserved;
	/* the texts follow one another */
};

/* Of all processes; the last one counts. */
struct frame_processes {
	uint32_t looked; /* told by a FRAME_PROCESS */
	uint32_t gone; /* over before we came to them */
	uint32_t late; /* there was no time left for them */
	uint32_t over; /* there was no room for them */
};

_Static_assert(sizeof(struct frame_process) + PROCESS_TEXT_MAX <=
		       LIMIT_BATCH - sizeof(struct batch_head) - sizeof(struct frame_head),
	       "one fits into a batch");

#endif
