/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * who.bpf.h - fills the identity of an OPEN or SENDER record from a task
 *
 * A page of argv that is not resident is said, not waited for.
 */
#ifndef SMTPSNOOP_WHO_BPF_H
#define SMTPSNOOP_WHO_BPF_H

#include "identity.bpf.h"

/* identity.bpf.c */
int text_path(struct scratch *scratch, __u64 at, __u64 mnt_address, __u64 dentry_address);
int text_cgroup(struct scratch *scratch, __u64 at, __u64 node_address);

static __always_inline void fill_argv(struct scratch *scratch, __u64 at, struct mm_struct *mm)
{
	struct event_open *open = &scratch->open;
	unsigned long start = 0;
	__u64 length = 0, resident;

	if (mm) {
		start = mm->arg_start;
		length = mm->arg_end - start;
	}
	if (!start || length > (1 << 30)) {
		open->who.flags |= IDENTITY_ARGV_UNREAD;
		return;
	}
	if (length > EVENT_ARGV_MAX) {
		length = EVENT_ARGV_MAX;
		open->who.flags |= IDENTITY_ARGV_CUT;
	}
	if (at > EVENT_TEXT_MAX - EVENT_ARGV_MAX)
		return;
	if (bpf_probe_read_user(&open->text[at], length, (void *)start)) {
		/* The next page is not there; what is left of this one may be. */
		resident = 4096 - (start & 4095);
		if (resident > EVENT_ARGV_MAX)
			resident = EVENT_ARGV_MAX;
		if (resident >= length ||
		    bpf_probe_read_user(&open->text[at], resident, (void *)start)) {
			open->who.flags |= IDENTITY_ARGV_UNREAD;
			return;
		}
		open->who.flags |= IDENTITY_ARGV_CUT;
		length = resident;
	}
	open->argv_len = length;
}

static __always_inline void fill_ancestors(struct event_identity *who, struct task_struct *leader)
{
	struct task_struct *parent = leader;

	for (int i = 0; i < EVENT_ANCESTORS; i++) {
		struct event_process *row = &who->ancestors[i];

		parent = parent->real_parent->group_leader;
		row->tgid = parent->tgid;
		if (!row->tgid)
			return;
		copy16(row->comm, parent->comm);
		who->ancestor_count = i + 1;
	}
	if (parent->real_parent->tgid)
		who->flags |= IDENTITY_ANCESTORS_CUT;
}

static __always_inline void fill_exe(struct event_identity *who, struct inode *inode)
{
	if (!inode) {
		who->flags |= IDENTITY_NO_EXE;
		return;
	}
	who->exe_inode = inode->i_ino;
	who->exe_device = inode->i_sb->s_dev;
	who->exe_links = inode->i_nlink;
	who->exe_uid = inode->i_uid.val;
	who->exe_mode = inode->i_mode;
	if (!who->exe_links)
		who->flags |= IDENTITY_EXE_DELETED;
}

/* tgid as the process itself sees it: the number on the deepest level of its pid namespace. */
static __always_inline void fill_namespaces(struct event_identity *who, struct task_struct *leader)
{
	unsigned int level = leader->thread_pid->level;
	struct upid upid = {};
	/* A number, because 6.1 adds nothing unknown to a pointer. */
	unsigned long numbers = (unsigned long)BPF_CORE_READ(leader, thread_pid) +
				bpf_core_field_offset(struct pid, numbers);

	if (bpf_probe_read_kernel(&upid, sizeof(upid),
				  (void *)(numbers + level * bpf_core_type_size(struct upid))) ==
	    0) {
		who->ns_tgid = upid.nr;
		who->ns_pid = BPF_CORE_READ(upid.ns, ns.inum);
	}
	who->ns_mnt = leader->nsproxy->mnt_ns->ns.inum;
}

static __always_inline void fill_task(struct event_identity *who, struct task_struct *task,
				      struct task_struct *leader)
{
	const struct cred *cred = task->cred;

	who->tgid = task->tgid;
	who->tid = task->pid;
	who->ppid = leader->real_parent->tgid;
	who->start = leader->start_boottime;
	who->uid = cred->uid.val;
	who->gid = cred->gid.val;
	who->euid = cred->euid.val;
	who->egid = cred->egid.val;
	who->loginuid = -1;
	if (bpf_core_field_exists(struct task_struct, loginuid))
		who->loginuid = task->loginuid.val;
	if (task->flags & PF_KTHREAD)
		who->flags |= IDENTITY_KTHREAD;
	who->cgroup_id = task->cgroups->dfl_cgrp->kn->id;
	copy16(who->comm, leader->comm);
	fill_namespaces(who, leader);
	fill_ancestors(who, leader);
	fill_exe(who, task_exe(task));
}

/* "memfd:" is the kernel's own name for a file that never had a directory. */
static __always_inline bool text_is_memfd(const struct event_open *open)
{
	return open->exe_len > 6 && open->text[0] == 'm' && open->text[1] == 'e' &&
	       open->text[2] == 'm' && open->text[3] == 'f' && open->text[4] == 'd' &&
	       open->text[5] == ':';
}

/*
 * Fills who, the lengths and the texts of scratch->open, which has been zeroed up to text[], from the task. Returns the texts' length.
 * Only `current`'s own memory is within reach: of another task there is no argv.
 */
static __always_inline __u32 identity_fill(struct scratch *scratch, struct task_struct *task,
					   bool is_current)
{
	struct event_open *open = &scratch->open;
	struct event_identity *who = &open->who;
	struct mm_struct *mm = task->mm;
	struct file *exe = NULL;
	struct path path = {};
	__u64 at = 0;
	__u32 length;

	fill_task(who, task, task->group_leader);
	if (mm)
		exe = mm->exe_file;
	if (exe) {
		bpf_probe_read_kernel(&path, sizeof(path), &exe->f_path);
		length = text_path(scratch, at, (__u64)path.mnt, (__u64)path.dentry);
		if (length & IDENTITY_CUT)
			who->flags |= IDENTITY_EXE_CUT;
		open->exe_len = length;
		at += open->exe_len;
		if (!who->exe_links && text_is_memfd(open))
			who->flags |= IDENTITY_EXE_MEMFD;
	}
	bpf_probe_read_kernel(&path, sizeof(path), &task->fs->pwd);
	length = text_path(scratch, at, (__u64)path.mnt, (__u64)path.dentry);
	if (length & IDENTITY_CUT)
		who->flags |= IDENTITY_CWD_CUT;
	open->cwd_len = length;
	at += open->cwd_len;

	length = text_cgroup(scratch, at, (__u64)BPF_CORE_READ(task, cgroups, dfl_cgrp, kn));
	if (length & IDENTITY_CUT)
		who->flags |= IDENTITY_CGROUP_CUT;
	open->cgroup_len = length;
	at += open->cgroup_len;

	if (is_current)
		fill_argv(scratch, at, mm);
	else
		who->flags |= IDENTITY_ARGV_UNREAD;
	return at + open->argv_len;
}

#endif
