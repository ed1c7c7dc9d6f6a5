// SPDX-License-Identifier: GPL-2.0-only
/*
 * existing.bpf.c - connections that were there before the trace
 *
 * Runs once, after everything is attached, over the open files of all processes: a connection that begins meanwhile is seen by one
 * of the two, and by its storage only once. Sockets towards an SMTP port are watched from their next segment on; the gate finds
 * its place in the dialogue by itself. The holder is named, as the opener cannot be any more.
 */
#include "output.bpf.h"

#define IPPROTO_TCP 6

static __always_inline bool state_lives(unsigned char state)
{
	return state == TCP_ESTABLISHED || state == TCP_SYN_SENT || state == TCP_FIN_WAIT1 ||
	       state == TCP_FIN_WAIT2 || state == TCP_CLOSE_WAIT;
}

static __always_inline void adopt(struct sock *sk, struct task_struct *task)
{
	unsigned char state = sk->__sk_common.skc_state;
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
	struct watch *watch;

	watch = bpf_sk_storage_get(&watches, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!watch || watch->opened || !tcp)
		return;
	watch_begin(watch, task, bpf_get_socket_cookie(sk), bpf_ntohs(sk->__sk_common.skc_dport));
	watch->talk.sock = (__u64)sk;
	ends_fill(&watch->talk.ends, tcp);
	watch->talk.flags |= EVENT_F_EXISTING;
	watch->stage = state == TCP_SYN_SENT ? STAGE_SENT : STAGE_ESTABLISHED;
	if (state != TCP_SYN_SENT) {
		watch->gate.protocol = GATE_SMTP;
		watch->gate.greeted = 1;
		watch->gate.hold = GATE_HOLD_JOINED;
	}
	open_write(watch, 0, task, false);
}

SEC("iter/task_file")
int iter__task_file(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct socket *socket;
	struct sock *sk;

	if (!task || !file)
		return 0;
	socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	sk = socket->sk;
	if (!sk || sk->sk_protocol != IPPROTO_TCP)
		return 0;
	/* Towards an SMTP port, and not a client of a server of ours on one. */
	if (!port_listed(bpf_ntohs(sk->__sk_common.skc_dport)) ||
	    port_listed(sk->__sk_common.skc_num) || !state_lives(sk->__sk_common.skc_state))
		return 0;
	if (cgroup_wanted(sk) && process_wanted(task))
		adopt(sk, task);
	return 0;
}
