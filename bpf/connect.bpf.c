// SPDX-License-Identifier: GPL-2.0-only
/*
 * connect.bpf.c - who opens: a connection from its attempt to its end
 *
 * inet_sock_set_state is a tracepoint on every supported kernel, with or without trampolines and kprobes: the change to
 * SYN_SENT happens in the process that called connect (io_uring's worker and Fast Open included), with the destination set.
 * The cgroup/connect programs run before routing and show attempts that never become a packet; where a function exit can be
 * hooked, the errno of those is known as well.
 */
#include "identity.bpf.h"
#include "order.bpf.h"

#define IPPROTO_TCP 6
#define SOCK_STREAM 1

/*
 * The socket takes no state: no memory, or its owner has filled what sockets may have of it (net.core.optmem_max) to hide. Who and
 * where is told all the same; what is said is not seen.
 */
static __always_inline void attempt_without_memory(struct sock *sk, struct task_struct *task,
						   __u16 port, bool listed)
{
	__u32 zero = 0;
	struct watch *spare = bpf_map_lookup_elem(&spares, &zero);

	COUNT(storage_failed, 1);
	if (!listed || !spare)
		return;
	spare->talk.generation = 0;
	spare->flags = 0;
	watch_begin(spare, task, bpf_get_socket_cookie(sk), port);
	*(volatile __u64 *)&spare->talk.sock = (__u64)sk;
	spare->stage = STAGE_SENT;
	output_open(spare, EVENT_F_UNFOLLOWED, 0);
}

/* Is this where the attempt was for? A socket can try one address in vain and then another. */
static __always_inline bool same_destination(const struct watch *watch, struct sock *sk, __u16 port)
{
	__u32 address[4] = {};
	const __u32 *attempted = (const __u32 *)watch->attempted;

	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET6) {
		BPF_CORE_READ_INTO(&address, sk, __sk_common.skc_v6_daddr);
	} else {
		address[2] = bpf_htonl(0xffff);
		address[3] = BPF_CORE_READ(sk, __sk_common.skc_daddr);
	}
	return watch->remote_port == port && address[0] == attempted[0] &&
	       address[1] == attempted[1] && address[2] == attempted[2] &&
	       address[3] == attempted[3];
}

/* connect() has been called and the route found: the SYN is next. */
static __always_inline void connect_sent(struct sock *sk)
{
	__u16 port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	struct task_struct *task = (void *)bpf_get_current_task();
	struct watch *watch;

	if (!cgroup_wanted(sk) || !process_wanted(task))
		return;
	watch = bpf_sk_storage_get(&watches, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!watch) {
		attempt_without_memory(sk, task, port, port_listed(port));
		return;
	}
	if (watch->stage == STAGE_ATTEMPT && same_destination(watch, sk, port)) {
		watch->stage = STAGE_SENT;
		if (watch->flags & WATCH_OPEN)
			output_state(watch, TRANSITION_SENT, 0);
		return;
	}
	/* An attempt elsewhere came to nothing, or another program has led it here. */
	if (watch->stage == STAGE_ATTEMPT && watch->flags & WATCH_OPEN)
		output_state(watch, TRANSITION_FAILED, 0);
	watch_begin(watch, task, bpf_get_socket_cookie(sk), port);
	*(volatile __u64 *)&watch->talk.sock = (__u64)sk;
	watch->stage = STAGE_SENT;
	if (watch->flags & WATCH_LISTED)
		output_open(watch, 0, 0);
}

static __always_inline void connect_closed(struct sock *sk, struct watch *watch)
{
	int error = BPF_CORE_READ(sk, sk_err);
	__u64 key = watch->talk.sock;

	if (!error && watch->stage < STAGE_ESTABLISHED)
		error = BPF_CORE_READ(sk, sk_err_soft);
	struct early *early = bpf_sk_storage_get(&earlies, sk, NULL, 0);

	/* Server bytes that waited for others that never came. */
	if (early && early->used) {
		__u32 left = early_left(early);

		watch->streams[1].why = WITHHELD_MISSED;
		watch->streams[1].offset += left;
		__sync_fetch_and_add(&watch->streams[1].withheld, left);
		early->used = 0;
	}
	if (watch->flags & WATCH_OPEN) {
		output_note(watch, FROM_CLIENT);
		output_note(watch, FROM_SERVER);
		output_state(watch, TRANSITION_CLOSED, error);
	}
	if (settings.use_talks)
		bpf_map_delete_elem(&talks, &key);
	/* What was counted keeps its generation for the socket's next connection. */
	if (watch->flags & WATCH_COUNTED)
		watch->stage = STAGE_IDLE;
	else
		bpf_sk_storage_delete(&watches, sk);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(tp_btf__inet_sock_set_state, struct sock *sk, int old, int new)
{
	struct watch *watch;

	if (BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
		return 0;
	if (new == TCP_SYN_SENT) {
		connect_sent(sk);
		return 0;
	}
	if (new != TCP_ESTABLISHED &&new != TCP_CLOSE)
		return 0;
	watch = bpf_sk_storage_get(&watches, sk, NULL, 0);
	if (!watch || watch->stage == STAGE_IDLE)
		return 0;
	if (new == TCP_CLOSE) {
		connect_closed(sk, watch);
	} else if (watch->stage < STAGE_ESTABLISHED) {
		watch->stage = STAGE_ESTABLISHED;
		if (watch->flags & WATCH_OPEN)
			output_state(watch, TRANSITION_ESTABLISHED, 0);
	}
	return 0;
}

static __always_inline int connect_attempt(struct bpf_sock_addr *ctx, bool ipv6)
{
	__u16 port = bpf_ntohs(ctx->user_port);
	struct task_struct *task = (void *)bpf_get_current_task();
	struct bpf_sock *sk = ctx->sk;
	struct watch *watch;

	if (ctx->protocol != IPPROTO_TCP || !sk || !port_listed(port) || !process_wanted(task))
		return 1;
	watch = bpf_sk_storage_get(&watches, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!watch)
		return 1; /* inet_sock_set_state counts it, if it comes that far */
	if (watch->stage == STAGE_ATTEMPT && watch->flags & WATCH_OPEN)
		output_state(watch, TRANSITION_FAILED, 0); /* the attempt before this one */
	watch_begin(watch, task, bpf_get_socket_cookie(ctx), port);
	*(volatile __u64 *)&watch->talk.sock = (__u64)sk;
	watch->stage = STAGE_ATTEMPT;
	if (ipv6) {
		*(__u32 *)&watch->attempted[0] = ctx->user_ip6[0];
		*(__u32 *)&watch->attempted[4] = ctx->user_ip6[1];
		*(__u32 *)&watch->attempted[8] = ctx->user_ip6[2];
		*(__u32 *)&watch->attempted[12] = ctx->user_ip6[3];
	} else {
		*(__u32 *)&watch->attempted[8] = bpf_htonl(0xffff);
		*(__u32 *)&watch->attempted[12] = ctx->user_ip4;
	}
	output_open(watch, EVENT_F_ATTEMPT, 0);
	return 1;
}

SEC("cgroup/connect4")
int cgroup__connect4(struct bpf_sock_addr *ctx)
{
	return connect_attempt(ctx, false);
}

SEC("cgroup/connect6")
int cgroup__connect6(struct bpf_sock_addr *ctx)
{
	return connect_attempt(ctx, true);
}

/* The errno of an attempt that never became a packet: no route, a forbidden route, no port left. */
static __always_inline int connect_failed(struct sock *sk, int error)
{
	struct watch *watch;

	if (error >= 0)
		return 0;
	watch = bpf_sk_storage_get(&watches, sk, NULL, 0);
	if (!watch || watch->stage != STAGE_ATTEMPT)
		return 0;
	if (watch->flags & WATCH_OPEN)
		output_state(watch, TRANSITION_FAILED, -error);
	watch->stage = STAGE_IDLE;
	return 0;
}

SEC("fexit/tcp_v4_connect")
int BPF_PROG(fexit__tcp_v4_connect, struct sock *sk, void *address, int length, int result)
{
	return connect_failed(sk, result);
}

SEC("fexit/tcp_v6_connect")
int BPF_PROG(fexit__tcp_v6_connect, struct sock *sk, void *address, int length, int result)
{
	return connect_failed(sk, result);
}
