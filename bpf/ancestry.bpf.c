// SPDX-License-Identifier: GPL-2.0-only
/*
 * ancestry.bpf.c - what a process brings with it from before it connects: its arguments at exec, and the PHP script that forked it
 *
 * Kept in task storage: it goes with the process. A fork or exec without PHP costs a look-up or two.
 */
#include "user_memory.bpf.h"
#include "who.bpf.h"

static __always_inline void execution_copy(struct task_struct *from, struct task_struct *child)
{
	struct execution *execution = bpf_task_storage_get(&executions, from, NULL, 0), *copy;

	if (!execution)
		return;
	copy = bpf_task_storage_get(&executions, child, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (copy)
		bpf_probe_read_kernel(copy, sizeof(*copy), execution);
}

static __always_inline void origin_copy(struct event_script *from, struct task_struct *child)
{
	struct event_script *copy =
		bpf_task_storage_get(&origins, child, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (copy)
		bpf_probe_read_kernel(copy, sizeof(*copy), from);
}

/* A PHP process forks in exec(), mail(), popen() and the like: its script is the child's origin. */
static __always_inline bool origin_of_php(struct task_struct *parent, struct task_struct *child)
{
	struct mm_struct *mm = parent->mm;
	struct scratch *scratch;
	bool found = false;

	scratch = mm ? scratch_take() : NULL;
	if (!scratch)
		return false;
	naming_begin(&scratch->naming, parent, mm);
	if (naming_layout(&scratch->naming, parent, mm) &&
	    scratch->naming.script.status == SCRIPT_READ) {
		script_of_php(scratch);
		found = scratch->naming.script.frame_count > 0;
	}
	if (found) {
		scratch->naming.script.head.size =
			offsetof(struct event_script, text) + scratch->naming.at;
		origin_copy(&scratch->naming.script, child);
	}
	scratch_return(scratch);
	return found;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(tp_btf__sched_process_fork, struct task_struct *parent, struct task_struct *child)
{
	struct event_script *inherited;

	if (!task_wanted(parent))
		return 0;
	if (child->tgid != child->pid) {
		/* A thread that executes something becomes the process, and its leader goes. */
		inherited = bpf_task_storage_get(&origins, parent->group_leader, NULL, 0);
		if (inherited)
			origin_copy(inherited, child);
		return 0;
	}
	/* Whoever borrows the parent's memory is about to execute something. */
	if (child->mm != parent->mm)
		execution_copy(parent->group_leader, child);
	if (origin_of_php(parent, child))
		return 0;
	inherited = bpf_task_storage_get(&origins, parent->group_leader, NULL, 0);
	if (inherited)
		origin_copy(inherited, child);
	return 0;
}

static __always_inline void execution_directory(struct execution *execution,
						struct scratch *scratch, struct task_struct *task)
{
	struct path path = {};
	__u32 length;

	bpf_probe_read_kernel(&path, sizeof(path), &task->fs->pwd);
	length = text_path(scratch, 0, (__u64)path.mnt, (__u64)path.dentry);
	if (length & IDENTITY_CUT)
		execution->flags |= SCRIPT_F_CWD_CUT;
	/* One that does not fit is as if not known. */
	execution->cwd = (__u16)length > EXECUTION_CWD ? 0 : (__u64)path.dentry;
	execution->cwd_length = length;
	bpf_probe_read_kernel(execution->cwd_text, sizeof(execution->cwd_text), scratch->open.text);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(tp_btf__sched_process_exec, struct task_struct *task)
{
	struct mm_struct *mm = task->mm;
	struct execution *execution;
	struct scratch *scratch;
	__u64 length;

	if (!mm || !task_wanted(task))
		return 0;
	execution = bpf_task_storage_get(&executions, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!execution)
		return 0;
	length = mm->arg_end - mm->arg_start;
	execution->plain = 0;
	execution->flags = length > EVENT_ARGV_MAX ? SCRIPT_F_ARGV_CUT : 0;
	if (length > EVENT_ARGV_MAX)
		length = EVENT_ARGV_MAX;
	execution->argv_length = length;
	if (bpf_probe_read_user(execution->argv, length, (void *)mm->arg_start))
		execution->argv_length = 0;
	scratch = scratch_take();
	if (scratch) {
		execution_directory(execution, scratch, task);
		scratch_return(scratch);
	}
	return 0;
}
