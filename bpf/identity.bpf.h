/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * identity.bpf.h - who is `current`, read from the kernel's own structures
 *
 * Nothing here trusts what a process says of itself but for argv, which is only shown. Works in tracing and in cgroup_skb
 * programs: helpers for any type, bpf_get_current_task() and probe reads.
 */
#ifndef SMTPSNOOP_IDENTITY_BPF_H
#define SMTPSNOOP_IDENTITY_BPF_H

#include "state.bpf.h"

#define PF_KTHREAD 0x00200000
#define IDENTITY_CUT (1u << 31) /* in text_path()'s result: the beginning is missing */

static __always_inline struct scratch *scratch_take(void)
{
	for (__u32 i = 0; i < SCRATCH_SLOTS; i++) {
		__u32 key = i;
		struct scratch *scratch = bpf_map_lookup_elem(&scratches, &key);

		if (scratch && __sync_val_compare_and_swap(&scratch->taken, 0, 1) == 0)
			return scratch;
	}
	COUNT(scratch_busy, 1);
	return NULL;
}

static __always_inline void scratch_return(struct scratch *scratch)
{
	__sync_lock_test_and_set(&scratch->taken, 0);
}

/*
 * Kernel structures that the verifier knows the type of are read by plain loads, a nanosecond each: `current` (also outside of tracing
 * programs, since 5.11), and the arguments of typed tracepoints and function entries. A pointer that turns out bad reads as 0. All
 * else goes through bpf_probe_read_kernel(), which costs ten to forty times as much.
 */
static __always_inline struct task_struct *current_task(void)
{
	return bpf_get_current_task_btf();
}

/* Two words: a comm, an IPv6 address. */
static __always_inline void copy16(void *to, const void *from)
{
	((__u64 *)to)[0] = ((const __u64 *)from)[0];
	((__u64 *)to)[1] = ((const __u64 *)from)[1];
}

static __always_inline struct inode *task_exe(struct task_struct *task)
{
	struct mm_struct *mm = task->mm;
	struct file *file;

	if (!mm)
		return NULL;
	file = mm->exe_file;
	return file ? file->f_inode : NULL;
}

static __always_inline __u64 task_exe_number(struct task_struct *task)
{
	struct inode *exe = task_exe(task);

	return exe ? exe->i_ino : 0;
}

static __always_inline struct kernfs_node *node_parent(struct kernfs_node *node)
{
	if (bpf_core_field_exists(struct kernfs_node, parent))
		return BPF_CORE_READ(node, parent);
	return BPF_CORE_READ((struct kernfs_node___rcu *)node, __parent);
}

/* The identity kept for every watched socket: cheap, because most of them are no SMTP. */
static __always_inline void opener_fill(struct opener *opener, struct task_struct *task)
{
	struct task_struct *leader = task->group_leader;
	const struct cred *cred = task->cred;
	struct inode *exe = task_exe(task);

	opener->start = leader->start_boottime;
	opener->tgid = task->tgid;
	opener->tid = task->pid;
	opener->uid = cred->uid.val;
	opener->gid = cred->gid.val;
	opener->euid = cred->euid.val;
	if (exe) {
		opener->exe_inode = exe->i_ino;
		opener->exe_device = exe->i_sb->s_dev;
	}
	opener->cgroup_id = task->cgroups->dfl_cgrp->kn->id;
	opener->ppid = leader->real_parent->tgid;
	copy16(opener->comm, leader->comm);
}

/* Is `current` the process that opened the connection, and the same program? True in a softirq that interrupted it, too. */
static __always_inline bool opener_is_current(const struct opener *opener)
{
	struct task_struct *task = current_task();

	return opener->tgid == (__u32)task->tgid &&
	       opener->start == task->group_leader->start_boottime &&
	       opener->exe_inode == task_exe_number(task);
}

static __always_inline bool process_wanted(struct task_struct *task)
{
	if (settings.has_pid && (__u32)task->tgid != settings.only_pid)
		return false;
	return !settings.has_uid || task->cred->uid.val == settings.only_uid;
}

/* Is it the cgroup asked for, or below it? */
static __always_inline bool node_wanted(struct kernfs_node *node)
{
	for (int i = 0; i < CGROUP_COMPONENTS && node; i++) {
		if (BPF_CORE_READ(node, id) == settings.cgroup)
			return true;
		node = node_parent(node);
	}
	return false;
}

/* The socket's cgroup decides: it also decides which packets are seen. */
static __always_inline bool cgroup_wanted(struct sock *sk)
{
	return !settings.cgroup || node_wanted(sk->sk_cgrp_data.cgroup->kn);
}

static __always_inline bool task_wanted(struct task_struct *task)
{
	return !settings.cgroup || node_wanted(task->cgroups->dfl_cgrp->kn);
}

static __always_inline void map_ipv4(__u8 *to, __u32 address)
{
	*(__u64 *)to = 0;
	*(__u32 *)(to + 8) = bpf_htonl(0xffff);
	*(__u32 *)(to + 12) = address;
}

/* Where from and where to, as the socket has it now. Of a closed one skc_num is 0 already, and inet_sport is not. */
static __always_inline void ends_fill(struct event_endpoints *ends, struct tcp_sock *tcp)
{
	const struct sock_common *common = &((struct sock *)tcp)->__sk_common;

	ends->family = common->skc_family;
	ends->remote_port = bpf_ntohs(common->skc_dport);
	ends->local_port = bpf_ntohs(((struct inet_sock *)tcp)->inet_sport);
	ends->netns = common->skc_net.net->ns.inum;
	if (ends->family == AF_INET6) {
		copy16(ends->local, &common->skc_v6_rcv_saddr);
		copy16(ends->remote, &common->skc_v6_daddr);
	} else {
		map_ipv4(ends->local, common->skc_rcv_saddr);
		map_ipv4(ends->remote, common->skc_daddr);
	}
}

/* A socket starts (again) to be watched: everything but the generation from scratch. The ends are the caller's to fill. */
static __always_inline void watch_begin(struct watch *watch, struct task_struct *task, __u64 cookie,
					__u16 remote_port)
{
	__u32 generation = watch->talk.generation;

	if (watch->flags & WATCH_COUNTED)
		generation++;
	__builtin_memset(watch, 0, sizeof(*watch));
	watch->opened = bpf_ktime_get_boot_ns();
	opener_fill(&watch->opener, task);
	watch->talk.cookie = cookie;
	watch->talk.generation = generation;
	watch->talk.last_tgid = watch->opener.tgid;
	watch->talk.last_start = watch->opener.start;
	watch->talk.last_exe = watch->opener.exe_inode;
	watch->talk.senders = 1;
	if (port_listed(remote_port)) {
		watch->flags = WATCH_LISTED;
		watch->talk.flags = EVENT_F_LISTED;
		watch->gate.wanted = 1;
		watch->gate.found = FOUND_PORT;
	}
}

#endif
