/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * event_script.h - which script a process runs: the kernel's record of it, and how to read PHP's own memory
 *
 * Compiled on both sides, like event.h. Everything in text[] comes from the memory of the process itself, which can write there what it
 * likes: it is shown, and no verdict trusts it.
 */
#ifndef SMTPSNOOP_EVENT_SCRIPT_H
#define SMTPSNOOP_EVENT_SCRIPT_H

#include "event.h"

#define SCRIPT_FRAMES                                                                              \
	16 /* a framework's front controller to the mail library's socket is about twelve */
#define SCRIPT_TEXT_MAX 4096 /* sixteen frames of 120 bytes, and a request of 2,000 */
#define SCRIPT_WORD_MAX 256 /* a path, function or host; of a longer path the end is kept */
#define SCRIPT_URL_MAX 1024 /* a URL, or the path of the file that was asked for */

/* How to read a PHP: offsets of one version and addresses of one file. A value of the map `runtimes`. */
struct script_layout {
	__u64 sapi_globals; /* addresses as in the file: add mm->start_code - text */
	__u64 executor_globals;
	__u64 sapi_module;
	__u64 text; /* p_vaddr of the file's first executable segment; 0 = the addresses are the process's */
	__u16 version; /* 802 is 8.2 */
	__u16 execute_data; /* EG(current_execute_data) */
	__u16 filename; /* zend_op_array.filename */
	__u16 previous; /* zend_execute_data.prev_execute_data */
	__u8 status; /* SCRIPT_READ, or why it can't be read */
	__u8 library; /* look again under the process's own start_code: PHP is a library there */
	__u16 reserved[3];
};

/* The key of `runtimes`: an executable. start_code is 0, but for those where PHP is a library: there it tells one start from another. */
struct script_runtime {
	__u64 inode;
	__u64 start_code;
	__u32 device; /* kernel form, as in struct event_identity */
	__u32 reserved;
};

enum script_status {
	SCRIPT_NONE = 0, /* no PHP, or none of its scripts is running */
	SCRIPT_READ = 1,
	SCRIPT_THREADS = 2, /* a ZTS build: its globals are each thread's own */
	SCRIPT_VERSION = 3, /* a version whose layout is not known */
	SCRIPT_UNREADABLE = 4, /* a page was not resident */
	SCRIPT_ODD = 5, /* what was read can't be PHP's: dropped */
};

enum script_origin {
	SCRIPT_OF_OPENER = 1, /* read when it connected, or at its first send */
	SCRIPT_OF_SENDER = 2,
	SCRIPT_OF_ANCESTOR = 3, /* read when a PHP process forked, and inherited from there */
};

/* Texts beside the frames. The names are those of CGI (RFC 3875 4.1). */
enum script_word {
	SCRIPT_METHOD,
	SCRIPT_URL, /* path and query, as the client asked */
	SCRIPT_QUERY, /* only where the URL is without it */
	SCRIPT_HOST,
	SCRIPT_CLIENT,
	SCRIPT_ENTRY, /* the file that the web server asked for */
	SCRIPT_DOCROOT,
	SCRIPT_SSH, /* SSH_CONNECTION: who logged in */
	SCRIPT_ARGV, /* as it was at exec, if the process has written over it since */
	SCRIPT_CWD, /* the directory it was executed in, leaf first as in event.h, if it has left it */
	SCRIPT_WORDS,
};

#define SCRIPT_F_FRAMES_CUT 0x01 /* there are more, or the rest could not be read */
#define SCRIPT_F_WORDS_CUT 0x02 /* no room, or the search was given up */
#define SCRIPT_F_ARGV_CUT 0x08 /* SCRIPT_ARGV is not whole */
#define SCRIPT_F_CWD_CUT 0x10 /* the beginning of SCRIPT_CWD is missing */
#define SCRIPT_F_CWD_ROOT 0x20 /* SCRIPT_CWD is /, of which there is nothing to write */
#define SCRIPT_F_CHROOT 0x40 /* its root is not that of its mount namespace */
#define SCRIPT_F_ENVIRONMENT 0x04 /* the words come from the environment (CGI) */

struct script_frame {
	__u32 line; /* 0 = not known, or PHP's own function */
	__u16 file; /* bytes of text; 0 = PHP's own function */
	__u8 class_name;
	__u8 function;
};

struct script_text {
	__u16 at;
	__u16 length; /* 0 = not known */
};

/*
 * EVENT_SCRIPT, after the OPEN or SENDER that it belongs to. From frames_at on text[] holds file, class and function of
 * each frame, innermost first.
 */
struct event_script {
	struct event_head head;
	__u32 tgid; /* of the process that was read */
	__u16 version; /* of PHP; 0 = it is none */
	__u8 status; /* enum script_status */
	__u8 origin; /* enum script_origin */
	__u8 flags; /* SCRIPT_F_* */
	__u8 frame_count;
	__u16 frames_at;
	char sapi[16]; /* "fpm-fcgi", terminated if shorter */
	struct script_text words[SCRIPT_WORDS];
	__u32 ns_mnt; /* mount namespace of the process that was read */
	__u32 reader; /* tgid of the process that connects or sends: tgid's own, or a descendant of it */
	struct script_frame frames[SCRIPT_FRAMES];
	char text[SCRIPT_TEXT_MAX];
};

/* Reading a script's name: the record, and where the reading is. */
struct naming {
	struct script_layout layout;
	__u64 bias; /* what to add to the layout's addresses */
	__u64 at; /* bytes of text so far */
	__u64 next; /* the execute_data, or the variable of the environment, to look at next */
	__u64 environment; /* of the process: from here */
	__u64 environment_end;
	__u64 server; /* SG(server_context) */
	__u64 bucket[6]; /* a FastCGI parameter: here, because the stack of Linux 6.1 is full */
	__u32 inside; /* of a variable longer than what was read */
	__u32 is_program; /* PHP as a CGI program */
	struct event_script script; /* last: its text runs into the slack */
};

EVENT_ASSERT(sizeof(struct script_layout) == 48);
EVENT_ASSERT(sizeof(struct script_runtime) == 24);
EVENT_ASSERT(sizeof(struct script_frame) == 8);
EVENT_ASSERT(__builtin_offsetof(struct event_script, words) == 60);
EVENT_ASSERT(__builtin_offsetof(struct event_script, text) == 108 + 8 * SCRIPT_FRAMES);

#endif
