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

static __always_inline struct task_struct *current_leader(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	return BPF_CORE_READ(task, group_leader);
}

static __always_inline struct inode *task_exe(struct task_struct *task)
{
	return BPF_CORE_READ(task, mm, exe_file, f_inode);
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
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	const struct cred *cred = BPF_CORE_READ(task, cred);
	struct inode *exe = task_exe(task);

	opener->start = BPF_CORE_READ(leader, start_boottime);
	opener->tgid = BPF_CORE_READ(task, tgid);
	opener->tid = BPF_CORE_READ(task, pid);
	opener->uid = BPF_CORE_READ(cred, uid.val);
	opener->gid = BPF_CORE_READ(cred, gid.val);
	opener->euid = BPF_CORE_READ(cred, euid.val);
	opener->exe_inode = BPF_CORE_READ(exe, i_ino);
	opener->exe_device = BPF_CORE_READ(exe, i_sb, s_dev);
	opener->cgroup_id = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	opener->ppid = BPF_CORE_READ(leader, real_parent, tgid);
	BPF_CORE_READ_INTO(&opener->comm, leader, comm);
}

/* Is `current` the process that opened the connection? True in a softirq that interrupted it, too. */
static __always_inline bool opener_is_current(const struct opener *opener)
{
	struct task_struct *leader =
		current_leader(); /* cgroup_skb has no other helper before 6.2 */

	return opener->tgid == (__u32)BPF_CORE_READ(leader, tgid) &&
	       opener->start == BPF_CORE_READ(leader, start_boottime);
}

static __always_inline bool process_wanted(struct task_struct *task)
{
	if (settings.has_pid && (__u32)BPF_CORE_READ(task, tgid) != settings.only_pid)
		return false;
	return !settings.has_uid || BPF_CORE_READ(task, cred, uid.val) == settings.only_uid;
}

/* Is the socket's cgroup the one asked for, or below it? The same cgroup decides which packets are seen. */
static __always_inline bool cgroup_wanted(struct sock *sk)
{
	struct kernfs_node *node;

	if (!settings.cgroup)
		return true;
	node = BPF_CORE_READ(sk, sk_cgrp_data.cgroup, kn);
	for (int i = 0; i < CGROUP_COMPONENTS && node; i++) {
		if (BPF_CORE_READ(node, id) == settings.cgroup)
			return true;
		node = node_parent(node);
	}
	return false;
}

/* A socket starts (again) to be watched: everything but the generation from scratch. */
static __always_inline void watch_begin(struct watch *watch, struct task_struct *task, __u64 cookie,
					__u16 remote_port)
{
	__u32 generation = watch->talk.generation;
	bool listed = port_listed(remote_port);

	if (watch->flags & WATCH_COUNTED)
		generation++;
	__builtin_memset(watch, 0, sizeof(*watch));
	watch->opened = bpf_ktime_get_boot_ns();
	watch->remote_port = remote_port;
	opener_fill(&watch->opener, task);
	watch->talk.cookie = cookie;
	watch->talk.generation = generation;
	watch->talk.last_tgid = watch->opener.tgid;
	watch->talk.last_start = watch->opener.start;
	watch->talk.last_exe = watch->opener.exe_inode;
	watch->talk.senders = 1;
	if (listed) {
		watch->flags = WATCH_LISTED;
		watch->talk.flags = EVENT_F_LISTED;
		watch->gate.wanted = 1;
		watch->gate.found = FOUND_PORT;
	}
}

#endif
