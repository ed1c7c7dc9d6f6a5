// SPDX-License-Identifier: GPL-2.0-only
/*
 * sender.bpf.c - who writes: sends and bytes by sender, and connections handed to another process
 *
 * fentry/tcp_sendmsg where functions can be hooked, kprobe/tcp_sendmsg where only that is to be had, else
 * tp_btf/sock_send_length (since 6.3, 6e6eda44b939). Exactly one of them is attached. io_uring passes here
 * too, sendfile and splice since 6.5 (dc97391e6610; before, tcp_sendpage).
 * Kprobes can't reach socket storage: they find the writers of known SMTP sockets in `talks`.
 */
#include "script.bpf.h"

static __always_inline void talk_note(struct talk *talk, __u64 bytes)
{
	struct task_struct *task = current_task();
	__u64 start = task->group_leader->start_boottime;
	__u64 exe = task_exe_number(task);
	__u32 tgid = task->tgid;

	if (tgid != talk->last_tgid || start != talk->last_start || exe != talk->last_exe) {
		talk->last_exe = exe;
		talk->last_tgid = tgid;
		talk->last_start = start;
		/* Two that take turns would fill the ring: after the first few they are only counted. */
		if (talk->senders++ < SENDERS_SHOWN) {
			output_sender(talk);
			if (settings.use_scripts)
				output_script(talk, SCRIPT_OF_SENDER);
		}
		talk->sends = 0;
		talk->sent_bytes = 0;
	}
	__sync_fetch_and_add(&talk->sends, 1);
	__sync_fetch_and_add(&talk->sent_bytes, bytes);
}

static __always_inline int sent(struct sock *sk, __u64 bytes)
{
	struct watch *watch;
	__u8 flags;

	/* No storage at all is the common case. */
	if (!sk->sk_bpf_storage)
		return 0;
	watch = bpf_sk_storage_get(&watches, sk, NULL, 0);
	if (!watch)
		return 0;
	flags = watch->flags;
	/* Found to be SMTP in a softirq, or about to be: now the opener itself is here to be looked at. */
	if (!(flags & WATCH_FULL) && flags & WATCH_OPEN && opener_is_current(&watch->opener))
		output_open(watch, EVENT_F_LATE);
	if (!(flags & WATCH_SCRIPT) && flags & WATCH_OPEN && opener_is_current(&watch->opener))
		script_tell(watch);
	if (flags & WATCH_OPEN)
		talk_note(&watch->talk, bytes);
	return 0;
}

SEC("fentry/tcp_sendmsg")
int BPF_PROG(fentry__tcp_sendmsg, struct sock *sk, void *msg, unsigned long size)
{
	return sent(sk, size);
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(tp_btf__sock_send_length, struct sock *sk, int result, int flags)
{
	return result > 0 ? sent(sk, result) : 0;
}

SEC("kprobe/tcp_sendmsg")
int BPF_KPROBE(kprobe__tcp_sendmsg, struct sock *sk, void *msg, unsigned long size)
{
	__u64 key = (__u64)sk;
	struct talk *talk;

	/* No storage at all is the common case, and cheaper to see than an empty hash bucket. */
	if (!BPF_CORE_READ(sk, sk_bpf_storage))
		return 0;
	talk = bpf_map_lookup_elem(&talks, &key);
	if (talk)
		talk_note(talk, size);
	return 0;
}
