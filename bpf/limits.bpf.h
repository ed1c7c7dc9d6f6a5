/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * limits.bpf.h - the bounds of the kernel side, with their reasons
 */
#ifndef SMTPSNOOP_LIMITS_BPF_H
#define SMTPSNOOP_LIMITS_BPF_H

#define RING_BYTES                                                                                 \
	(8 * 1024 *                                                                                \
	 1024) /* some 5,000 short sessions: a quarter of a second at 20,000/s; changed at load */
#define LOSS_ROWS 4096 /* (user, executable, port) triples: more are summed in loss_rows_full */
/* sockets whose writers are followed by the kprobe variant; allocated only for it */
#define TALKS 16384

#define PATH_COMPONENTS 32 /* deeper paths lose their beginning */
#define CGROUP_COMPONENTS 16 /* Kubernetes in Docker in a slice is 8 */
#define SCRATCH_SLOTS 4 /* process, softirq, hard interrupt, and one preempted */
#define SENDERS_SHOWN 16 /* SENDER records a connection; more are only counted */

/* PHP executables, in containers too, and starts of web servers with PHP inside; the program forgets some before it is full */
#define RUNTIMES 1024
#define SCRIPT_TRIES                                                                               \
	6 /* at connect, and at sends while the program finds out whether it is PHP: up to DATA and QUIT */
#define EXECUTION_CWD                                                                              \
	248 /* kept for each process: a longer one is not, and a relative script stays relative */

/* Pieces of one segment: 64 KiB in steps of 256, and the cuts a hostile mix of commands makes. The rest is a gap. */
#define PIECES_MAX 288
#define IPV6_HEADERS 6 /* RFC 8200 4.1 lists six, each at most once but for one */
#define SEQUENCE_JUMP (1 << 20) /* a segment further ahead is forged or stray */

/*
 * Server bytes that came before their turn. A virtual machine that loses one of its CPUs for a moment gets that far: the answers to a
 * thousand RCPT are 25 KiB. Allocated only where segments do overtake one another.
 */
#define EARLY_BYTES 32768
#define EARLY_RUNS 32 /* places where something is missing, more or less */
#define EARLY_SEGMENT 16384 /* replies that waited for the window come as one */
#define BUSY_TURNS 4096 /* the verifier's limit is 8192 jumps */
#define BUSY_ROUNDS 16 /* about a millisecond in all: for a CPU that a hypervisor took away */

/* before SMTP is proven on a port not listed: a CONNECT line, or a few words */
#define HELD_CLIENT 128
#define HELD_SERVER 256 /* and the greeting */

/* From linux/socket.h and net/tcp_states.h, which can't be included beside the kernel's types. */
#define AF_INET 2
#define AF_INET6 10
#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT 2
#define TCP_FIN_WAIT1 4
#define TCP_FIN_WAIT2 5
#define TCP_CLOSE 7
#define TCP_CLOSE_WAIT 8

#endif
