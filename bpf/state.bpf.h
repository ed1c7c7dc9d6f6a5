/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * state.bpf.h - what the kernel programs share: configuration, maps, and the state of a watched socket
 *
 * A socket's state lives in socket storage: it dies with the socket, and no flood can push another's out.
 */
#ifndef SMTPSNOOP_STATE_BPF_H
#define SMTPSNOOP_STATE_BPF_H

#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_endian.h>

#include "event.h"
#include "kernel_types.h"
#include "limits.bpf.h"
#include "event_script.h"
#include "settings.h"

extern const volatile struct tracer_settings settings;

static __always_inline bool port_listed(__u16 port)
{
	for (__u32 i = 0; i < PORTS_MAX; i++) {
		if (i >= settings.port_count)
			break;
		if (settings.ports[i] == port)
			return true;
	}
	return false;
}

#define GATE_PORT_LISTED(port) port_listed(port)
#include "gate.h"

/* The small identity: enough to name the opener of a connection whose full identity was never asked for. */
struct opener {
	__u64 start;
	__u64 cgroup_id;
	__u64 exe_inode;
	__u32 exe_device;
	__u32 tgid;
	__u32 tid;
	__u32 ppid;
	__u32 uid;
	__u32 gid;
	__u32 euid;
	__u32 netns;
	char comm[EVENT_COMM_LEN];
};

/* Who writes. Part of struct watch, or a value of `talks` where socket storage is out of reach (kprobes). */
struct talk {
	struct event_endpoints ends; /* as the socket had them when its state last changed */
	__u64 cookie;
	__u64 sock; /* struct sock's address: the key of `talks` */
	__u64 sends;
	__u64 sent_bytes;
	__u64 last_start;
	__u64 last_exe; /* inode: an exec is a hand-over as well */
	__u32 last_tgid;
	__u32 generation;
	__u32 senders;
	__u16 flags; /* EVENT_F_* */
	__u16 reserved;
};

/* One direction's stream of payload bytes. */
struct stream {
	__u64 offset; /* bytes of it dealt with */
	__u64 withheld; /* not yet said in a record */
	__u32 next; /* TCP sequence number expected */
	__u8 started;
	__u8 why; /* enum withheld, of `withheld` */
	__u8 flags; /* DATA_DOT */
	__u8 reserved;
};

enum watch_stage {
	STAGE_IDLE = 0, /* closed, or not connected again yet */
	STAGE_ATTEMPT = 1, /* before routing */
	STAGE_SENT = 2,
	STAGE_ESTABLISHED = 3,
};

#define WATCH_COUNTED 0x01 /* in attempts */
#define WATCH_OPEN 0x02 /* its OPEN record was delivered */
#define WATCH_FULL 0x04 /* with the full identity */
#define WATCH_LISTED 0x08
#define WATCH_SCRIPT 0x10 /* its script was told, or will not be any more */
#define WATCH_ASKED 0x20 /* what else there is to tell of it was told */

struct watch {
	__u64 opened;
	__u64 lost_bytes;
	struct talk talk;
	struct opener opener;
	struct gate gate;
	struct stream streams[2]; /* indexed by enum event_direction */
	__u8 stage;
	__u8 flags; /* WATCH_* */
	__u8 early; /* server bytes wait in `earlies`, or did */
	__u8 held; /* words wait in `held` */
	__u8 script_tries;
	__u8 reserved[3];
	__u32 busy; /* a CPU is at the server's stream: there may be two at once */
};

/* The first words on a port that is not listed, until they prove something. */
struct held {
	__u16 client_length;
	__u16 server_length;
	__u32 client_over; /* bytes that found no room */
	__u32 server_over;
	__u32 reserved;
	__u8 client[2 *
		    HELD_CLIENT]; /* the second half is only room for the verifier's arithmetic */
	__u8 server[2 * HELD_SERVER];
};

/* The payload of one TCP segment. */
struct segment {
	__u32 at; /* payload's offset in the packet */
	__u32 end;
	__u32 sequence; /* of the payload's first byte */
	__u32 urgent; /* the urgent byte's place in the packet, 0 = none */
	__u8 syn;
};

/* Server segments that came before their turn, each at its distance from the byte that was awaited when the first one came. */
struct early {
	__u32 origin; /* sequence number of bytes[0] */
	__u32 used; /* some run is in use */
	/* Results of the functions that go over the runs: in memory, where the verifier forgets their values. */
	__u32 slot;
	__u32 length;
	__u32 first;
	__u32 reserved;
	struct {
		__u32 sequence;
		__u32 length; /* 0 = free */
	} runs[EARLY_RUNS];
	__u8 bytes[EARLY_BYTES +
		   EARLY_SEGMENT]; /* the last part is only room for the verifier's arithmetic */
};

/* A place to build a record in. The programs can interrupt one another on a CPU: `taken` is an atomic flag. */
struct scratch {
	__u32 taken;
	__u32 reserved;
	union {
		struct event_open open;
		struct event_state state;
		struct event_data data;
		struct gate_piece piece;
		struct naming naming;
	};
	char slack[SCRIPT_URL_MAX]; /* reads of so many bytes at the end of text[] stay inside */
};

struct watches_map {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct watch);
};

struct held_map {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct held);
};

struct early_map {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct early);
};

struct talks_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TALKS);
	__type(key, __u64); /* struct sock's address */
	__type(value, struct talk);
};

struct events_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
};

struct losses_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LOSS_ROWS);
	__type(key, struct loss_key);
	__type(value, __u64);
};

/* For a connection whose socket takes no state: long enough to tell of it. Used in tracepoints, which don't nest. */
struct spares_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct watch);
};

struct scratches_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SCRATCH_SLOTS);
	__type(key, __u32);
	__type(value, struct scratch);
};

extern struct watches_map watches SEC(".maps");
extern struct held_map held SEC(".maps");
extern struct early_map earlies SEC(".maps");
extern struct talks_map talks SEC(".maps");
extern struct events_map events SEC(".maps");
extern struct losses_map losses SEC(".maps");
extern struct scratches_map scratches SEC(".maps");
extern struct spares_map spares SEC(".maps");

/* Read by the program in memory that both map. Some twice a connection: not worth a counter for each CPU. */
extern struct event_counters counters;

#define COUNT(member, by) __sync_fetch_and_add(&counters.member, (by))

/* What TCP knows of a connection. */
struct progress {
	__u64 bytes_out;
	__u64 bytes_in;
	__u32 retransmits;
	__u32 how; /* STATE_* */
};

/* output.bpf.c */
int output_open(struct watch *watch, __u32 flags);
int output_sender(struct talk *talk);
int output_state(struct watch *watch, __u32 transition, __u32 error, struct progress *progress);
int output_note(struct watch *watch, __u32 direction);

#endif
