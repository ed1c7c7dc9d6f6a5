/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * event.h - the records that the kernel programs write and the program reads
 *
 * Compiled on both sides. Every record starts with struct event_head; its exact length is in the head. Members have fixed widths and explicit padding, so that x86-64 and arm64, clang's
 * BPF target and the host compiler agree; the assertions at the end hold both to it.
 *
 * Addresses are 16 bytes in network order, IPv4 as ::ffff:a.b.c.d. Ports are in host order. Times are
 * CLOCK_BOOTTIME nanoseconds. Texts are bytes of the attacker's choice: they carry a length and no promise.
 */
#ifndef SMTPSNOOP_EVENT_H
#define SMTPSNOOP_EVENT_H

#ifdef __bpf__
#include <linux/types.h>
#else
#include <assert.h>
#include <linux/types.h>
#endif

/* Written into the program's read-only data and checked after load: a foreign object is refused. */
#define EVENT_VERSION 1

#define EVENT_COMM_LEN 16 /* TASK_COMM_LEN */
#define EVENT_ANCESTORS 6 /* a worker under a shell under cron under a service is five */
/* the four texts of an identity together: paths 640 each at most, and argv */
#define EVENT_TEXT_MAX 2560
#define EVENT_PATH_MAX 640 /* leaf first: what a longer path loses is its beginning */
#define EVENT_ARGV_MAX 512
/* payload bytes a record: what the verifier walks through byte by byte */
#define EVENT_PIECE_MAX 256

enum event_kind {
	EVENT_OPEN = 1, /* a connection is attempted, or found to be SMTP: struct event_open */
	EVENT_SENDER = 2, /* somebody else than the opener writes: struct event_open too */
	EVENT_STATE = 3, /* established, closed: struct event_state */
	EVENT_DATA =
		4, /* a piece of the dialogue, or the note that one was withheld: struct event_data */
	EVENT_SCRIPT = 5, /* which script the process runs: struct event_script in event_script.h */
};

struct event_head {
	__u32 size; /* bytes of the whole record, head included */
	__u16 kind; /* enum event_kind */
	__u16 flags; /* EVENT_F_*, the same meaning in every kind */
	__u64 cookie; /* socket cookie: never used twice in one boot */
	__u32 generation; /* 0 for the socket's first connection, 1 after a reconnect ... */
	__u32 reserved;
	__u64 time; /* when it happened */
};

#define EVENT_F_LISTED 0x0001 /* the destination port is one of the SMTP ports */
#define EVENT_F_EXISTING 0x0002 /* the connection was there before we were */
#define EVENT_F_LATE 0x0004 /* OPEN: written when the gate found SMTP, not at connect */
/* OPEN: only the small identity was to be had (no exe path, argv, cwd). A full one may follow. */
#define EVENT_F_SMALL 0x0008
/* OPEN: no memory for the socket's state was to be had; nothing more will be said of this connection. */
#define EVENT_F_UNFOLLOWED 0x0040
/* OPEN: written before routing; if no TRANSITION_SENT follows, no packet left. */
#define EVENT_F_ATTEMPT 0x0010
/* OPEN: from a capture file, so that nobody knows the opener: `who` and the texts are empty. Never written by the kernel. */
#define EVENT_F_NOBODY 0x0020

/* How SMTP was found; numbers shared with the gate. */
enum found_by {
	FOUND_NOT = 0,
	FOUND_PORT = 1,
	FOUND_GREETING = 2, /* the server's 220, then the client's EHLO, MAIL or RCPT */
	FOUND_CLIENT = 3, /* the client's EHLO before any greeting */
	FOUND_PROXY = 4, /* CONNECT or SOCKS to an SMTP port */
};

struct event_endpoints {
	__u8 local[16];
	__u8 remote[16];
	__u16 local_port; /* 0 = not chosen yet */
	__u16 remote_port;
	__u16 family; /* of the socket: AF_INET, AF_INET6 */
	__u16 reserved;
	__u32 netns; /* inode of the network namespace */
	__u32 reserved2;
};

struct event_process {
	__u32 tgid;
	char comm[EVENT_COMM_LEN]; /* NUL-padded, not necessarily terminated */
};

#define IDENTITY_EXE_DELETED 0x0001 /* link count 0 */
#define IDENTITY_EXE_MEMFD 0x0002
#define IDENTITY_NO_EXE 0x0004 /* no executable at all: a kernel thread, or one that is exiting */
#define IDENTITY_KTHREAD 0x0008 /* PF_KTHREAD: a real one */
#define IDENTITY_EXE_CUT 0x0010 /* the path's beginning is missing */
#define IDENTITY_CWD_CUT 0x0020
#define IDENTITY_CGROUP_CUT 0x0040
#define IDENTITY_ARGV_CUT 0x0080
#define IDENTITY_ANCESTORS_CUT 0x0100 /* there are more than EVENT_ANCESTORS */
#define IDENTITY_ARGV_UNREAD 0x0200 /* the page was not resident */

struct event_identity {
	__u32 tgid;
	__u32 tid;
	__u32 ns_tgid; /* tgid inside its own pid namespace */
	__u32 ppid;
	__u64 start; /* of the process */
	__u32 uid;
	__u32 gid;
	__u32 euid;
	__u32 egid;
	__u32 loginuid; /* 0xffffffff = not set */
	__u32 flags; /* IDENTITY_* */
	__u64 cgroup_id;
	__u64 exe_inode;
	__u32 exe_device; /* kernel form: major << 20 | minor */
	__u32 exe_links;
	__u32 exe_uid;
	__u32 exe_mode;
	__u32 ns_pid; /* inodes of the namespaces */
	__u32 ns_mnt;
	char comm[EVENT_COMM_LEN]; /* of the thread group leader */
	__u32 ancestor_count;
	struct event_process ancestors[EVENT_ANCESTORS]; /* parent first */
	__u32 reserved;
};

/*
 * OPEN and SENDER. The texts follow one another in text[]: executable, working directory, cgroup, argv.
 * Paths are written leaf first, each component ended by NUL: "perl\0bin\0usr\0" is /usr/bin/perl. argv is as in
 * /proc/PID/cmdline: arguments ended by NUL.
 */
struct event_open {
	struct event_head head;
	struct event_endpoints ends;
	struct event_identity who;
	__u64 sends; /* SENDER: what the sender before had sent, in calls and bytes */
	__u64 sent_bytes;
	__u16 exe_len;
	__u16 cwd_len;
	__u16 cgroup_len;
	__u16 argv_len;
	__u8 found; /* enum found_by */
	__u8 reserved[7];
	char text
		[EVENT_TEXT_MAX]; /* only the first exe_len + cwd_len + cgroup_len + argv_len bytes are sent */
};

enum event_transition {
	TRANSITION_ESTABLISHED = 1,
	TRANSITION_CLOSED = 2,
	/* connect failed before a packet left; the error says why, if it is known */
	TRANSITION_FAILED = 3,
	TRANSITION_SENT = 4, /* the SYN is on its way; only after EVENT_F_ATTEMPT */
};

#define STATE_VIA_LOOPBACK 0x01 /* the route goes through this namespace's loopback device */
#define STATE_UNANSWERED 0x02 /* CLOSED: straight from SYN_SENT */

struct event_state {
	struct event_head head;
	struct event_endpoints ends;
	__u32 transition; /* enum event_transition */
	__s32 error; /* errno that ended it, positive; 0 = ended in order, or not known */
	__u64 bytes_out; /* acknowledged by the other side; TCP's own count */
	__u64 bytes_in;
	__u64 sends; /* calls and bytes of the last sender, as the send hook counted them */
	__u64 sent_bytes;
	__u32 senders; /* different processes seen writing */
	__u32 retransmits;
	__u64 lost_bytes; /* dialogue that the gate passed and the ring had no room for */
	__u8 how; /* STATE_* */
	__u8 found; /* enum found_by, the gate's last word */
	__u8 reserved[6];
};

enum event_direction {
	FROM_CLIENT = 0,
	FROM_SERVER = 1,
};

/* Why bytes are not in a record. Numbers shared with the gate. */
enum withheld {
	WITHHELD_NOT = 0,
	WITHHELD_BODY = 1, /* after DATA, or a BDAT chunk */
	WITHHELD_SECRET = 2, /* AUTH's argument and what answers a 334 */
	WITHHELD_TLS = 3,
	WITHHELD_NOT_SMTP = 4, /* a listed port, but another protocol */
	WITHHELD_PROXY = 5, /* the proxy's own handshake */
	WITHHELD_MISSED = 6, /* never seen, out of order, or too much at once: a real gap */
	WITHHELD_RING = 7, /* the ring was full: a real gap */
	WITHHELD_URGENT = 8, /* TCP's urgent byte, which the reader of the stream does not get */
};

#define DATA_HELLO 0x02 /* TLS ClientHello: not a line of the dialogue */
/* "CONNECT host:25 ..." or a SOCKS request: the tunnel's target, no line of the dialogue. */
#define DATA_PROXY 0x08
#define DATA_DOT 0x04 /* the withheld body ended with the lone dot */

/*
 * DATA. bytes[] holds `length` bytes at `offset` of this direction's stream; then `withheld` bytes are left out, because
 * of `why`. Offsets count from the first payload byte seen on the connection. A record may be one of the two alone.
 * A body is one record however long it is, written when it is over. After AUTH's mechanism the rest of the line, its LF
 * included, is withheld: a WITHHELD_SECRET ends the line that was begun.
 */
struct event_data {
	struct event_head head;
	__u64 offset;
	__u64 withheld;
	__u32 length;
	__u8 direction; /* enum event_direction */
	__u8 why; /* enum withheld */
	__u8 flags; /* DATA_* */
	__u8 reserved;
	__u8 bytes[EVENT_PIECE_MAX]; /* only the first `length` are sent */
};

/* What a process has open that can send mail. */
enum holds {
	HOLDS_CONNECTION = 0,
	HOLDS_RAW = 1, /* these three send what they like past TCP, unseen by us */
	HOLDS_PACKET = 2,
	HOLDS_XDP = 3,
};

/* Who has a connection open that was there before us: what the iterator over all open files writes, beside the OPEN records. */
struct event_holder {
	__u64 cookie; /* of a connection */
	__u64 start; /* of the process */
	__u32 tgid;
	__u32 fd;
	__u32 uid;
	__u32 holds; /* enum holds */
	char comm[EVENT_COMM_LEN]; /* of the thread group leader */
};

/* In memory that both sides map. attempts == delivered + counted_only, always. */
struct event_counters {
	__u64 attempts; /* connections that are SMTP or try to be */
	__u64 delivered; /* OPEN records written */
	__u64 counted_only; /* ring full, or no room to build the record: see struct loss_key */
	__u64 senders_lost; /* SENDER records that found no room */
	__u64 states_lost; /* STATE records that found no room */
	__u64 data_lost; /* DATA records that found no room */
	__u64 data_lost_bytes;
	__u64 storage_failed; /* no memory for a socket's state: the connection is counted as an attempt only */
	__u64 scratch_busy; /* all building places of this CPU were taken */
	__u64 scripts_lost; /* SCRIPT records that found no room */
	__u64 loss_rows_full; /* attempts that found no row in the loss table; they are in counted_only */
};

/* The counter map beside the ring: who lost how much detail. */
struct loss_key {
	__u64 exe_inode;
	__u32 exe_device;
	__u32 uid;
	__u16 port;
	__u16 reserved[3];
};

#define EVENT_ASSERT(what) _Static_assert(what, #what)
EVENT_ASSERT(sizeof(struct event_head) == 32);
EVENT_ASSERT(sizeof(struct event_endpoints) == 48);
EVENT_ASSERT(sizeof(struct event_process) == 20);
EVENT_ASSERT(sizeof(struct event_identity) == 232);
EVENT_ASSERT(__builtin_offsetof(struct event_open, ends) == 32);
EVENT_ASSERT(__builtin_offsetof(struct event_open, who) == 80);
EVENT_ASSERT(__builtin_offsetof(struct event_open, text) == 344);
EVENT_ASSERT(sizeof(struct event_open) == 344 + EVENT_TEXT_MAX);
EVENT_ASSERT(sizeof(struct event_state) == 144);
EVENT_ASSERT(__builtin_offsetof(struct event_data, bytes) == 56);
EVENT_ASSERT(sizeof(struct event_data) == 56 + EVENT_PIECE_MAX);
EVENT_ASSERT(sizeof(struct event_holder) == 48);
EVENT_ASSERT(sizeof(struct loss_key) == 24);

#endif
