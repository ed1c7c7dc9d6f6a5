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
#include "script.bpf.h"

#define IPPROTO_TCP 6
#define SOCK_STREAM 1

/*
 * The socket takes no state: no memory, or its owner has filled what sockets may have of it (net.core.optmem_max) to hide. Who and
 * where is told all the same; what is said is not seen.
 */
static __always_inline void attempt_without_memory(struct sock *sk,
						   const struct event_endpoints *ends)
{
	__u32 zero = 0;
	struct watch *spare = bpf_map_lookup_elem(&spares, &zero);

	COUNT(storage_failed, 1);
	if (!port_listed(ends->remote_port) || !spare)
		return;
	spare->talk.generation = 0;
	spare->flags = 0;
	watch_begin(spare, current_task(), bpf_get_socket_cookie(sk), ends->remote_port);
	spare->talk.ends = *ends;
	spare->stage = STAGE_SENT;
	output_open(spare, EVENT_F_UNFOLLOWED);
}

/* Was the attempt for this? The unspecified address is the kernel's way to say loopback. */
static __always_inline bool same_destination(const struct event_endpoints *attempt,
					     const struct event_endpoints *sent)
{
	const __u64 *a = (const __u64 *)attempt->remote, *b = (const __u64 *)sent->remote;
	bool unspecified = !a[0] && (!a[1] || a[1] == (__u64)bpf_htonl(0xffff));

	return attempt->remote_port == sent->remote_port &&
	       (unspecified || (a[0] == b[0] && a[1] == b[1]));
}

/* connect() has been called and the route found: the SYN is next. */
static __always_inline void connect_sent(struct sock *sk)
{
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
	struct event_endpoints ends = {};
	struct progress nothing = {};
	struct watch *watch;

	if (!tcp || !cgroup_wanted(sk) || !process_wanted(current_task()))
		return;
	ends_fill(&ends, tcp);
	watch = bpf_sk_storage_get(&watches, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!watch) {
		attempt_without_memory(sk, &ends);
		return;
	}
	if (watch->stage == STAGE_ATTEMPT) {
		bool same = same_destination(&watch->talk.ends, &ends);

		/* A socket can try one address in vain and then another, and other programs can lead it elsewhere. */
		if (watch->flags & WATCH_OPEN) {
			if (same)
				watch->talk.ends = ends;
			output_state(watch, same ? TRANSITION_SENT : TRANSITION_FAILED, 0,
				     &nothing);
		}
		if (same) {
			watch->stage = STAGE_SENT;
			script_tell(watch);
			return;
		}
	}
	watch_begin(watch, current_task(), bpf_get_socket_cookie(sk), ends.remote_port);
	watch->talk.sock = (__u64)sk;
	watch->talk.ends = ends;
	watch->stage = STAGE_SENT;
	if (watch->flags & WATCH_LISTED)
		output_open(watch, 0);
	script_tell(watch);
}

#define IFF_LOOPBACK 0x8

static __always_inline void progress_fill(struct progress *progress, struct tcp_sock *tcp,
					  const struct watch *watch)
{
	struct dst_entry *route = ((struct sock *)tcp)->sk_dst_cache;

	progress->bytes_out = tcp->bytes_acked;
	progress->bytes_in = tcp->bytes_received;
	progress->retransmits = tcp->total_retrans;
	if (route && route->dev->flags & IFF_LOOPBACK)
		progress->how |= STATE_VIA_LOOPBACK;
	if (watch->stage < STAGE_ESTABLISHED)
		progress->how |= STATE_UNANSWERED;
}

static __always_inline void connect_established(struct tcp_sock *tcp, struct watch *watch)
{
	struct progress progress = {};

	watch->stage = STAGE_ESTABLISHED;
	ends_fill(&watch->talk.ends, tcp); /* with the port that it has got */
	if (!(watch->flags & WATCH_OPEN))
		return;
	progress_fill(&progress, tcp, watch);
	output_state(watch, TRANSITION_ESTABLISHED, 0, &progress);
}

/* Server bytes that waited for others that never came. */
static __always_inline void early_give_up(struct sock *sk, struct watch *watch)
{
	struct early *early = bpf_sk_storage_get(&earlies, sk, NULL, 0);
	__u32 left;

	if (!early || !early->used)
		return;
	left = early_left(early);
	watch->streams[1].why = WITHHELD_MISSED;
	watch->streams[1].offset += left;
	__sync_fetch_and_add(&watch->streams[1].withheld, left);
}

static __always_inline void connect_closed(struct sock *sk, struct tcp_sock *tcp,
					   struct watch *watch)
{
	struct progress progress = {};
	__u64 key = watch->talk.sock;
	int error = sk->sk_err;

	if (!error && watch->stage < STAGE_ESTABLISHED)
		error = sk->sk_err_soft;
	if (watch->early)
		early_give_up(sk, watch);
	if (watch->flags & WATCH_OPEN) {
		if (watch->stage < STAGE_ESTABLISHED)
			ends_fill(&watch->talk.ends, tcp);
		progress_fill(&progress, tcp, watch);
		output_note(watch, FROM_CLIENT);
		output_note(watch, FROM_SERVER);
		output_state(watch, TRANSITION_CLOSED, error, &progress);
	}
	if (settings.use_talks)
		bpf_map_delete_elem(&talks, &key);
	aside_forget(watch, sk);
	/* The generation is kept for the socket's next connection; the kernel frees the state with the socket. */
	watch->stage = STAGE_IDLE;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(tp_btf__inet_sock_set_state, struct sock *sk, int old, int new)
{
	struct tcp_sock *tcp;
	struct watch *watch;

	if (new == TCP_SYN_SENT) {
		connect_sent(sk);
		return 0;
	}
	/* Most sockets that come here have no storage of anybody's. */
	if ((new != TCP_ESTABLISHED &&new != TCP_CLOSE) || !sk->sk_bpf_storage)
		return 0;
	watch = bpf_sk_storage_get(&watches, sk, NULL, 0);
	tcp = bpf_skc_to_tcp_sock(sk);
	if (!watch || !tcp || watch->stage == STAGE_IDLE)
		return 0;
	if (new == TCP_CLOSE)
		connect_closed(sk, tcp, watch);
	else if (watch->stage < STAGE_ESTABLISHED)
		connect_established(tcp, watch);
	return 0;
}

static __always_inline int connect_attempt(struct bpf_sock_addr *ctx, bool ipv6)
{
	__u16 port = bpf_ntohs(ctx->user_port);
	struct event_endpoints *ends;
	struct progress nothing = {};
	struct bpf_sock *sk = ctx->sk;
	struct tcp_sock *tcp;
	struct watch *watch;

	if (ctx->protocol != IPPROTO_TCP || !sk || !port_listed(port) ||
	    !process_wanted(current_task()))
		return 1;
	watch = bpf_sk_storage_get(&watches, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!watch)
		return 1; /* inet_sock_set_state counts it, if it comes that far */
	if (watch->stage == STAGE_ATTEMPT && watch->flags & WATCH_OPEN)
		output_state(watch, TRANSITION_FAILED, 0,
			     &nothing); /* the attempt before this one */
	watch_begin(watch, current_task(), bpf_get_socket_cookie(ctx), port);
	watch->stage = STAGE_ATTEMPT;
	ends = &watch->talk.ends;
	tcp = bpf_skc_to_tcp_sock(sk);
	if (tcp) {
		watch->talk.sock = (__u64)tcp;
		ends_fill(ends, tcp);
	}
	/* The destination is not the socket's yet. */
	ends->remote_port = port;
	if (ipv6) {
		((__u32 *)ends->remote)[0] = ctx->user_ip6[0];
		((__u32 *)ends->remote)[1] = ctx->user_ip6[1];
		((__u32 *)ends->remote)[2] = ctx->user_ip6[2];
		((__u32 *)ends->remote)[3] = ctx->user_ip6[3];
	} else {
		map_ipv4(ends->remote, ctx->user_ip4);
	}
	output_open(watch, EVENT_F_ATTEMPT);
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
	struct progress nothing = {};
	struct watch *watch;

	if (error >= 0)
		return 0;
	watch = bpf_sk_storage_get(&watches, sk, NULL, 0);
	if (!watch || watch->stage != STAGE_ATTEMPT)
		return 0;
	if (watch->flags & WATCH_OPEN)
		output_state(watch, TRANSITION_FAILED, -error, &nothing);
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
