/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * frame.h - what the privileged half tells the unprivileged one, and nothing comes back
 *
 * One SOCK_SEQPACKET message is a batch: struct batch_head and then frames, each a struct frame_head and `size - 8` bytes,
 * starting at multiples of 8. A batch is at most LIMIT_BATCH bytes. Both ends are the same binary on the same host: native
 * byte order. The reader still checks every length, and treats a frame that does not fit as the end of the other half.
 */
#ifndef SMTPSNOOP_FRAME_H
#define SMTPSNOOP_FRAME_H

#include <stdint.h>

#include "event.h"

struct batch_head {
	int64_t wall_minus_boot; /* ns to add to a CLOCK_BOOTTIME time to get Unix time, as read for this batch */
	uint64_t now; /* CLOCK_BOOTTIME ns when the batch was sent */
};

enum frame_kind {
	FRAME_START = 1, /* struct frame_start: attached, tracing from now on */
	FRAME_WHO =
		2, /* struct enrichment, then struct event_open as the kernel wrote it (OPEN and SENDER) */
	FRAME_EVENT = 3, /* a kernel record as written (STATE and DATA) */
	FRAME_LOSS = 4, /* struct event_counters: totals so far */
	FRAME_END = 5, /* struct frame_end: the last one */
	FRAME_SCRIPT = 6, /* struct script_facts, then struct event_script as the kernel wrote it */
	FRAME_SOCKET = 7, /* snapshot: struct frame_socket */
	FRAME_HOLDER = 8, /* snapshot: struct event_holder */
	FRAME_LOOKED = 9, /* snapshot: struct frame_looked, after the last of both */
	FRAME_CONFIG = 10, /* collect: struct frame_config, then a piece of the text */
	FRAME_ALIVE = 11, /* collect: struct frame_alive, now and then */
	FRAME_PROCESS =
		12, /* snapshot: struct frame_process and its texts, see base/frame_process.h */
	FRAME_PROCESSES = 13, /* snapshot: struct frame_processes, after some of them */
	FRAME_STATUS = 14, /* collect --metrics: struct frame_status, every LIMIT_STATUS_SECONDS */
	FRAME_QUEUE = 15, /* snapshot: struct frame_queue, then a piece of the listing */
	FRAME_HIDING = 16, /* snapshot: struct frame_hiding */
};

struct frame_head {
	uint32_t size; /* bytes, head included, without the padding to the next frame */
	uint16_t kind;
	uint16_t reserved;
};

#define FRAME_CGROUP_MAX 256

#define START_VERSION_MAX 32
#define START_HOOKS_MAX 96
#define START_DEGRADED_MAX 1024

struct frame_start {
	uint8_t boot_id[16];
	char host[65]; /* gethostname(), terminated; all texts here are */
	char kernel[65]; /* uname -r */
	char hooks[START_HOOKS_MAX]; /* "fentry+cgroup_skb" */
	char degraded[START_DEGRADED_MAX]; /* one sentence a line, "" = nothing is */
	uint16_t ports[64]; /* listed SMTP ports */
	uint16_t port_count;
	uint16_t capture; /* not from the kernel but from capture files: `kernel` is empty */
};

/* What the kernel can't know of an opener or sender and the unprivileged half may not read. */
#define ENRICHMENT_NAME_MAX 33 /* LOGIN_NAME_MAX is 256, useradd stops at 32 */

enum enrichment_mta {
	ENRICHMENT_MTA_EXE = 0x01, /* device and inode are those of a trusted MTA's executable */
	ENRICHMENT_MTA_SAFE = 0x02, /* and that file belongs to root and nobody else may write it */
	ENRICHMENT_MTA_USER = 0x04, /* and uid and euid are those that belong to it */
	ENRICHMENT_MTA_TRUSTED = 0x07, /* all of these */
	ENRICHMENT_MTA_CONTAINER = 0x08, /* trusted by the configuration inside its container */
	ENRICHMENT_MTA_NAME =
		0x10, /* in a container, at the path of a known MTA, but not trusted: hint */
	ENRICHMENT_MTA_OWN_USER =
		0x20, /* the uid belongs to a known MTA, whatever the executable is */
};

struct enrichment {
	char user[ENRICHMENT_NAME_MAX]; /* "" = no name */
	char login[ENRICHMENT_NAME_MAX];
	char mta[ENRICHMENT_NAME_MAX]; /* name of the MTA that the flags speak of */
	uint8_t mta_flags; /* enum enrichment_mta */
	uint8_t host_address; /* the destination is an address of the initial network namespace */
	uint8_t host_netns; /* the socket is in the initial network namespace */
	uint8_t container_pidns; /* not in the initial pid namespace */
	uint8_t reserved;
};

/* What the file system says of the file that sent. */
enum script_file_known {
	SCRIPT_FILE_UNKNOWN = 0, /* no path, or it may not be looked at */
	SCRIPT_FILE_THERE = 1,
	SCRIPT_FILE_GONE = 2,
};

struct script_facts {
	int64_t changed; /* its ctime, Unix seconds: a date that utime(2) does not set */
	int64_t age; /* seconds since then, when the record was written */
	uint32_t uid; /* of the owner */
	uint32_t mode;
	uint8_t known; /* enum script_file_known */
	char owner[ENRICHMENT_NAME_MAX]; /* "" = no name */
	uint8_t whole; /* a file has all of the name that looks like code of eval() */
	uint8_t reserved[5];
};

/* The kernel's TCP_ESTABLISHED and so on, include/net/tcp_states.h. */
enum socket_state {
	SOCKET_ESTABLISHED = 1,
	SOCKET_SYN_SENT = 2,
	SOCKET_FIN_WAIT1 = 4,
	SOCKET_FIN_WAIT2 = 5,
	SOCKET_TIME_WAIT = 6,
	SOCKET_CLOSE_WAIT = 8,
	SOCKET_LAST_ACK = 9,
	SOCKET_CLOSING = 11,
};

/* A TCP socket towards an SMTP port, as sock_diag(7) describes it. */
struct frame_socket {
	uint64_t cookie;
	struct event_endpoints ends;
	uint64_t bytes_out, bytes_in; /* acknowledged; received */
	uint32_t uid; /* of the socket's owner; UINT32_MAX = not known any more (TIME_WAIT) */
	uint32_t inode; /* 0 = no file leads to it any more */
	uint32_t state; /* enum socket_state */
	uint32_t receive_queue, send_queue; /* bytes */
	uint32_t retransmits;
	uint32_t round_trip; /* us, 0 = not known */
	uint32_t idle; /* ms since the last data in either direction; UINT32_MAX = not known */
	uint32_t window; /* congestion window, segments; 0 = not known */
	uint32_t congestion; /* the kernel's enum tcp_ca_state, include/uapi/linux/tcp.h */
	char user[ENRICHMENT_NAME_MAX];
	char cgroup[FRAME_CGROUP_MAX]; /* below the hierarchy, terminated; "" = not known */
	uint8_t mptcp; /* a part of an MPTCP connection: no file leads to it, and who has that is not told */
	char reserved[6];
};

enum hiding_kind {
	HIDING_PROGRAM = 1, /* a BPF program of somebody else, at a place where packets pass */
	HIDING_TUN = 2, /* a tun or tap device: its packets come from a program */
};

/* Where a program is attached. */
enum hiding_place {
	PLACE_UNKNOWN,
	PLACE_CGROUP_EGRESS,
	PLACE_CGROUP_INGRESS,
	PLACE_CGROUP_SOCKET,
	PLACE_CGROUP_SOCK_OPS,
	PLACE_CGROUP_CONNECT,
	PLACE_TC, /* the root qdisc of an interface */
	PLACE_TC_EGRESS,
	PLACE_TC_INGRESS,
	PLACE_TCX_EGRESS,
	PLACE_TCX_INGRESS,
	PLACE_NETKIT_PRIMARY,
	PLACE_NETKIT_PEER,
	PLACE_XDP,
	PLACE_NETFILTER,
	PLACES,
};

struct frame_hiding {
	uint32_t kind; /* enum hiding_kind */
	uint32_t id; /* of the program */
	uint32_t
		type; /* of the program: enum bpf_prog_type; of the device: IFF_TUN or IFF_TAP, 0 = not known */
	uint32_t place; /* enum hiding_place */
	uint32_t netns; /* inode, 0 = not known, or none */
	uint32_t elsewhere; /* it is not the network namespace that we are in */
	uint32_t ifindex; /* 0 = none */
	uint32_t uid; /* who loaded the program; whose the device is; UINT32_MAX = nobody's */
	uint32_t pid; /* who has the device open; 0 = nobody that is seen */
	char name
		[16]; /* of the program, BPF_OBJ_NAME_LEN, or of that process; not necessarily terminated */
	char device[16]; /* IFNAMSIZ, terminated; "" = none, or not known */
	char cgroup
		[FRAME_CGROUP_MAX]; /* that the program is attached to, terminated; "" = none, or not known */
	char reserved[4];
};

/* What the search came to. */
struct frame_looked {
	uint32_t namespaces; /* network namespaces */
	uint32_t refused; /* of them, those that could not be entered */
	uint32_t over; /* sockets that found no room */
	uint32_t
		unasked; /* namespaces where the kernel can't be asked: no tcp_diag, not loadable either */
	uint32_t
		programs_unknown; /* errno: the kernel does not tell which BPF programs there are */
	uint32_t hiding_over; /* FRAME_HIDINGs that were too many */
};

/* Whose queue. */
enum queue_mta { QUEUE_POSTFIX, QUEUE_EXIM, QUEUE_SENDMAIL, QUEUE_OPENSMTPD, QUEUE_MTAS };

/* How it ended that a program of this host was asked. */
enum tool_end {
	TOOL_RUNS = 0, /* not yet */
	TOOL_DONE = 1,
	TOOL_ABSENT = 2, /* there is no such file */
	TOOL_UNSAFE = 3, /* it is not root's, or others may write it: it was not started */
	TOOL_REFUSED = 4, /* it could not be started; status is the errno */
	TOOL_FAILED = 5, /* status is its exit status, or a signal's number, negative */
	TOOL_LATE = 6, /* it had no more time */
	TOOL_OVER = 7, /* it said more than there is room for */
};

#define FRAME_SAID_MAX 200 /* a sentence of an error */

/* What an MTA's own tool says of its queue, in pieces: only the last of them tells how it ended. */
struct frame_queue {
	uint32_t mta; /* enum queue_mta */
	uint32_t end; /* enum tool_end */
	int32_t status;
	int32_t zone; /* of this host's local time: seconds east of UTC */
	char said[FRAME_SAID_MAX]; /* on its standard error, terminated */
	/* bytes of its standard output follow */
};

/* The configuration was read again: what the judge needs of it, as config_text() writes it, in pieces one after another. */
struct frame_config {
	uint32_t total; /* bytes of all of it */
	uint32_t at; /* where this piece begins */
};

#define FRAME_CONFIG_PIECE 32768

/* That it is taken says that the reader lives; and its batch tells the time where nothing else happens. */
struct frame_alive {
	uint64_t
		adopted; /* connections from before the start; the first one of these comes after the last of them */
};

/* How the halves are, the privileged one first. */
struct frame_status {
	struct event_counters counters;
	uint64_t ring_bytes;
	uint64_t ring_used; /* the most that waited in it since the last time */
	uint64_t resident[2]; /* bytes of memory; 0 = not known */
	uint64_t processor[2]; /* ns of a processor's time */
};

struct frame_end {
	struct event_counters counters;
	uint64_t loss_rows; /* rows of the loss table */
	uint64_t
		states_missed; /* tracing programs that the kernel skipped (recursion), as bpf statistics say */
	int32_t status; /* enum exit_status of the privileged half */
	uint32_t reserved;
	/* struct frame_loss_row follow, loss_rows of them, at most LIMIT_LOSS_SHOWN, largest first */
};

#define LIMIT_LOSS_SHOWN 64

struct frame_loss_row {
	struct loss_key key;
	uint64_t attempts;
	char user[ENRICHMENT_NAME_MAX];
	char reserved[7];
};

_Static_assert(sizeof(struct frame_head) == 8, "frames stay aligned");
_Static_assert(sizeof(struct script_facts) % 8 == 0, "the kernel record behind it stays aligned");
_Static_assert(sizeof(struct enrichment) % 8 == 0, "the kernel record behind it stays aligned");

#endif
