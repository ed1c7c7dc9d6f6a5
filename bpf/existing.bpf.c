// SPDX-License-Identifier: GPL-2.0-only
/*
 * existing.bpf.c - connections that were there before the trace
 *
 * Runs once, after everything is attached, over the open files of all processes: a connection that begins meanwhile is seen by one
 * of the two, and by its storage only once. Sockets towards an SMTP port are watched from their next segment on; the gate finds
 * its place in the dialogue by itself. The holder is named, as the opener cannot be any more; everybody who has it open is written to
 * who reads the iterator.
 */
#include "output.bpf.h"

#define IPPROTO_TCP 6
#define SOCK_RAW 3
#define AF_INET 2
#define AF_PACKET 17
#define AF_XDP 44

static __always_inline bool state_lives(unsigned char state)
{
	return state == TCP_ESTABLISHED || state == TCP_SYN_SENT || state == TCP_FIN_WAIT1 ||
	       state == TCP_FIN_WAIT2 || state == TCP_CLOSE_WAIT;
}

/* The last data that went either way, in jiffies. */
struct inet_connection_sock {
	struct {
		__u32 lrcvtime;
	} icsk_ack;
} __attribute__((preserve_access_index));

/* The server has said nothing since the client's last bytes: they may be the middle of a body. Within a jiffy nobody knows. */
static __always_inline bool client_had_the_word(struct tcp_sock *tcp)
{
	__u32 heard = ((struct inet_connection_sock *)tcp)->icsk_ack.lrcvtime;

	return (__s32)(tcp->lsndtime - heard) > 0;
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
	if (!(watch->flags & WATCH_LISTED)) {
		/* It has to prove itself, as one does that has been greeted. */
		watch->gate.protocol = GATE_CANDIDATE;
		watch->gate.greeted = 1;
		watch->gate.found = FOUND_GREETING;
		return;
	}
	if (state != TCP_SYN_SENT) {
		watch->gate.protocol = GATE_SMTP;
		watch->gate.greeted = 1;
		watch->gate.hold = GATE_HOLD_JOINED;
		watch->gate.careful = client_had_the_word(tcp);
	}
	open_write(watch, 0, task, false);
}

static __always_inline void write_holder(struct bpf_iter__task_file *ctx, struct task_struct *task,
					 struct sock *sk, __u32 holds)
{
	struct event_holder holder = {
		.cookie = bpf_get_socket_cookie(sk),
		.holds = holds,
		.start = task->group_leader->start_boottime,
		.tgid = (__u32)task->tgid,
		.fd = ctx->fd,
		.uid = task->cred->uid.val,
	};

	BPF_CORE_READ_STR_INTO(&holder.comm, task, group_leader, comm);
	bpf_seq_write(ctx->meta->seq, &holder, sizeof(holder));
}

/* What sends past TCP: 0 = this socket does not. Packet sockets that only listen can't be told from others. */
static __always_inline __u32 holds_past_tcp(struct sock *sk)
{
	__u16 family = sk->__sk_common.skc_family;

	if (family == AF_PACKET)
		return HOLDS_PACKET;
	if (family == AF_XDP)
		return HOLDS_XDP;
	return sk->sk_type == SOCK_RAW && (family == AF_INET || family == AF_INET6) ? HOLDS_RAW : 0;
}

SEC("iter/task_file")
int iter__task_file(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct socket *socket;
	struct sock *sk;
	__u32 past;
	bool listed;

	if (!task || !file)
		return 0;
	socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	sk = socket->sk;
	if (!sk)
		return 0;
	past = settings.adopt_all ? holds_past_tcp(sk) : 0;
	if (past && process_wanted(task) && task_wanted(task))
		write_holder(ctx, task, sk, past);
	if (past || sk->sk_protocol != IPPROTO_TCP)
		return 0;
	/* Towards an SMTP port, and not a client of a server of ours on one. */
	listed = port_listed(bpf_ntohs(sk->__sk_common.skc_dport)) &&
		 !port_listed(sk->__sk_common.skc_num);
	if ((!listed && !settings.adopt_all) || !state_lives(sk->__sk_common.skc_state))
		return 0;
	if (!cgroup_wanted(sk) || !process_wanted(task))
		return 0;
	adopt(sk, task);
	if (listed)
		write_holder(ctx, task, sk, HOLDS_CONNECTION);
	return 0;
}
