/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * user_memory.bpf.h - what the walk through a process's memory (include/script_php.h) begins with
 */
#ifndef SMTPSNOOP_USER_MEMORY_BPF_H
#define SMTPSNOOP_USER_MEMORY_BPF_H

#include "script.bpf.h"

/* php.bpf.c: the environment's words, and all that PHP tells. */
int script_environment(struct scratch *scratch);
int script_sapi(struct scratch *scratch);
int script_php(struct scratch *scratch);

static __always_inline void script_of_php(struct scratch *scratch)
{
	script_sapi(scratch);
	if (scratch->naming.is_program)
		script_environment(scratch);
	script_php(scratch);
}

/* Is the task's executable PHP? Then its layout is taken. */
static __always_inline bool naming_layout(struct naming *naming, struct task_struct *task,
					  struct mm_struct *mm)
{
	struct inode *exe = task_exe(task);
	struct script_runtime key = {};
	struct script_layout *layout;

	if (!exe)
		return false;
	key.inode = exe->i_ino;
	key.device = exe->i_sb->s_dev;
	layout = bpf_map_lookup_elem(&runtimes, &key);
	if (layout && layout->library) {
		key.start_code = mm->start_code;
		layout = bpf_map_lookup_elem(&runtimes, &key);
	}
	if (!layout)
		return false;
	naming->layout = *layout;
	naming->bias = layout->text ? mm->start_code - layout->text : 0;
	naming->script.version = layout->version;
	naming->script.status = layout->status;
	return true;
}

/* Not at the top of a file system. */
static __always_inline bool is_chrooted(struct task_struct *task)
{
	struct dentry *root = BPF_CORE_READ(task, fs, root.dentry);

	return BPF_CORE_READ(root, d_parent) != root;
}

static __always_inline void naming_begin(struct naming *naming, struct task_struct *task,
					 struct mm_struct *mm)
{
	__builtin_memset(naming, 0, offsetof(struct naming, script.text));
	naming->script.tgid = task->tgid;
	naming->script.reader = task->tgid;
	naming->script.ns_mnt = task->nsproxy->mnt_ns->ns.inum;
	if (is_chrooted(task))
		naming->script.flags |= SCRIPT_F_CHROOT;
	naming->environment = mm->env_start;
	naming->environment_end = mm->env_end;
}

#endif
