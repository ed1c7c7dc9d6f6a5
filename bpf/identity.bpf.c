// SPDX-License-Identifier: GPL-2.0-only
/*
 * identity.bpf.c - fills the identity of an OPEN or SENDER record from `current`
 *
 * Paths are written leaf first by walking the dentries up to the root of the mount namespace, so that a process inside a chroot
 * or one that is gone a moment later is named in full. A page of argv that is not resident is said, not waited for.
 */
#include "identity.bpf.h"

static __always_inline struct mount *mount_of(struct vfsmount *mnt)
{
	return (void *)mnt - bpf_core_field_offset(struct mount, mnt);
}

/*
 * Writes the path of (mnt, dentry) to text[at...]. Returns its length, with IDENTITY_CUT if it is not whole.
 */
__noinline int text_path(struct scratch *scratch, __u64 at, __u64 mnt_address, __u64 dentry_address)
{
	struct mount *mount = mount_of((struct vfsmount *)mnt_address);
	struct dentry *dentry = (struct dentry *)dentry_address;
	__u64 begin = at;

	if (!scratch || !dentry_address)
		return 0;
	for (int i = 0; i < PATH_COMPONENTS; i++) {
		struct dentry *parent = BPF_CORE_READ(dentry, d_parent);
		const unsigned char *name;
		__u32 length;
		long copied;

		if (dentry == BPF_CORE_READ(mount, mnt.mnt_root)) {
			struct mount *above = BPF_CORE_READ(mount, mnt_parent);

			if (above == mount || !above)
				return at - begin;
			dentry = BPF_CORE_READ(mount, mnt_mountpoint);
			mount = above;
			continue;
		}
		length = BPF_CORE_READ(dentry, d_name.len);
		name = BPF_CORE_READ(dentry, d_name.name);
		if (at > EVENT_TEXT_MAX || at - begin + length + 1 > EVENT_PATH_MAX)
			return (at - begin) | IDENTITY_CUT;
		barrier_var(
			at); /* the bound is checked again where it is used: 6.1 loses it in a spill */
		if (at > EVENT_TEXT_MAX)
			break;
		copied = bpf_probe_read_kernel_str(&scratch->open.text[at], 256, name);
		if (copied <= 0)
			return (at - begin) | IDENTITY_CUT;
		at += copied & 511;
		if (dentry == parent) /* a file without a directory: memfd, or an unmounted tree */
			return at - begin;
		dentry = parent;
	}
	return (at - begin) | IDENTITY_CUT;
}

/* The path of a cgroup in the default hierarchy, leaf first as well. */
__noinline int text_cgroup(struct scratch *scratch, __u64 at, __u64 node_address)
{
	struct kernfs_node *node = (struct kernfs_node *)node_address;
	__u64 begin = at;

	if (!scratch)
		return 0;
	for (int i = 0; i < CGROUP_COMPONENTS; i++) {
		struct kernfs_node *parent;
		const char *name;
		long copied;

		if (!node)
			return at - begin;
		parent = node_parent(node);
		if (!parent)
			return at - begin;
		if (at > EVENT_TEXT_MAX || at - begin > EVENT_PATH_MAX - 256)
			return (at - begin) | IDENTITY_CUT;
		name = BPF_CORE_READ(node, name);
		barrier_var(at);
		if (at > EVENT_TEXT_MAX)
			break;
		copied = bpf_probe_read_kernel_str(&scratch->open.text[at], 256, name);
		if (copied <= 0)
			return (at - begin) | IDENTITY_CUT;
		at += copied & 511;
		node = parent;
	}
	return (at - begin) | IDENTITY_CUT;
}

static __always_inline void fill_argv(struct scratch *scratch, __u64 at, struct mm_struct *mm)
{
	struct event_open *open = &scratch->open;
	unsigned long start = BPF_CORE_READ(mm, arg_start);
	__u64 length = BPF_CORE_READ(mm, arg_end) - start;
	__u64 resident;

	if (!mm || !start || length > (1 << 30)) {
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

		parent = BPF_CORE_READ(parent, real_parent, group_leader);
		row->tgid = BPF_CORE_READ(parent, tgid);
		if (!row->tgid)
			return;
		BPF_CORE_READ_INTO(&row->comm, parent, comm);
		who->ancestor_count = i + 1;
	}
	if (BPF_CORE_READ(parent, real_parent, tgid))
		who->flags |= IDENTITY_ANCESTORS_CUT;
}

static __always_inline void fill_exe(struct event_identity *who, struct file *file)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);

	if (!inode) {
		who->flags |= IDENTITY_NO_EXE;
		return;
	}
	who->exe_inode = BPF_CORE_READ(inode, i_ino);
	who->exe_device = BPF_CORE_READ(inode, i_sb, s_dev);
	who->exe_links = BPF_CORE_READ(inode, i_nlink);
	who->exe_uid = BPF_CORE_READ(inode, i_uid.val);
	who->exe_mode = BPF_CORE_READ(inode, i_mode);
	if (!who->exe_links)
		who->flags |= IDENTITY_EXE_DELETED;
}

/* tgid as the process itself sees it: the number on the deepest level of its pid namespace. */
static __always_inline void fill_namespaces(struct event_identity *who, struct task_struct *leader)
{
	struct pid *pid = BPF_CORE_READ(leader, thread_pid);
	unsigned int level = BPF_CORE_READ(pid, level);
	struct upid upid = {};
	unsigned long numbers = (unsigned long)pid + bpf_core_field_offset(struct pid, numbers);

	if (bpf_probe_read_kernel(&upid, sizeof(upid),
				  (void *)(numbers + level * bpf_core_type_size(struct upid))) ==
	    0) {
		who->ns_tgid = upid.nr;
		who->ns_pid = BPF_CORE_READ(upid.ns, ns.inum);
	}
	who->ns_mnt = BPF_CORE_READ(leader, nsproxy, mnt_ns, ns.inum);
}

/*
 * Fills who, the lengths and the texts of scratch->open, which has been zeroed up to text[], from the task, 0 = current. Returns the
 * texts' length.
 */
__noinline int identity_fill(struct scratch *scratch, __u64 task_address)
{
	struct task_struct *task =
		task_address ? (struct task_struct *)task_address : (void *)bpf_get_current_task();
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	const struct cred *cred = BPF_CORE_READ(task, cred);
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	struct file *exe = BPF_CORE_READ(mm, exe_file);
	struct event_open *open;
	struct event_identity *who;
	__u64 at = 0;
	__u32 length;

	if (!scratch)
		return 0;
	open = &scratch->open;
	who = &open->who;
	who->tgid = BPF_CORE_READ(task, tgid);
	who->tid = BPF_CORE_READ(task, pid);
	who->ppid = BPF_CORE_READ(leader, real_parent, tgid);
	who->start = BPF_CORE_READ(leader, start_boottime);
	who->uid = BPF_CORE_READ(cred, uid.val);
	who->gid = BPF_CORE_READ(cred, gid.val);
	who->euid = BPF_CORE_READ(cred, euid.val);
	who->egid = BPF_CORE_READ(cred, egid.val);
	who->loginuid = -1;
	if (bpf_core_field_exists(struct task_struct, loginuid))
		who->loginuid = BPF_CORE_READ(task, loginuid.val);
	if (BPF_CORE_READ(task, flags) & PF_KTHREAD)
		who->flags |= IDENTITY_KTHREAD;
	BPF_CORE_READ_INTO(&who->comm, leader, comm);
	fill_namespaces(who, leader);
	fill_ancestors(who, leader);
	fill_exe(who, exe);

	if (exe) {
		length = text_path(scratch, at, (__u64)BPF_CORE_READ(exe, f_path.mnt),
				   (__u64)BPF_CORE_READ(exe, f_path.dentry));
		if (length & IDENTITY_CUT)
			who->flags |= IDENTITY_EXE_CUT;
		open->exe_len = length;
		at += open->exe_len;
		/* "memfd:" is the kernel's own name for a file that never had a directory. */
		if (!who->exe_links && open->exe_len > 6 && open->text[0] == 'm' &&
		    open->text[1] == 'e' && open->text[2] == 'm' && open->text[3] == 'f' &&
		    open->text[4] == 'd' && open->text[5] == ':')
			who->flags |= IDENTITY_EXE_MEMFD;
	}
	length = text_path(scratch, at, (__u64)BPF_CORE_READ(task, fs, pwd.mnt),
			   (__u64)BPF_CORE_READ(task, fs, pwd.dentry));
	if (length & IDENTITY_CUT)
		who->flags |= IDENTITY_CWD_CUT;
	open->cwd_len = length;
	at += open->cwd_len;

	who->cgroup_id = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	length = text_cgroup(scratch, at, (__u64)BPF_CORE_READ(task, cgroups, dfl_cgrp, kn));
	if (length & IDENTITY_CUT)
		who->flags |= IDENTITY_CGROUP_CUT;
	open->cgroup_len = length;
	at += open->cgroup_len;

	if (task_address)
		who->flags |= IDENTITY_ARGV_UNREAD; /* another process's memory is out of reach */
	else
		fill_argv(scratch, at, mm);
	return at + open->argv_len;
}
