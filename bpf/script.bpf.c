// SPDX-License-Identifier: GPL-2.0-only
/*
 * script.bpf.c - the SCRIPT record: PHP's script, CGI's environment, and argv as it was at exec
 *
 * `current` is the process that connects or sends, so that its own memory can be read. Functions of their own, which the verifier walks
 * through once; they work in scratch->naming.
 */
#include "output.bpf.h"
#include "user_memory.bpf.h"

/* Has the process written over its arguments since it was executed? Yes, if they can't be read any more. */
static __always_inline bool argv_rewritten(const struct execution *execution, struct mm_struct *mm)
{
	const __u64 *then = (const __u64 *)execution->argv;
	__u64 now;

	for (__u32 i = 0; i < EVENT_ARGV_MAX / 8; i++) {
		__u32 left = execution->argv_length - i * 8;
		__u64 mask = ~0ULL;

		if (i * 8 >= execution->argv_length)
			return false;
		if (bpf_probe_read_user(&now, sizeof(now), (void *)(mm->arg_start + i * 8)))
			return true;
		if (left < 8)
			mask = (1ULL << (left * 8)) - 1;
		if ((now ^ then[i]) & mask)
			return true;
	}
	return false;
}

/* Takes `length` bytes for a word, of `room` that can be read. */
static __always_inline void script_kept(struct naming *naming, __u32 word, const char *text,
					__u32 room, __u32 length)
{
	__u64 at = naming->at;

	barrier_var(at);
	if (at > SCRIPT_TEXT_MAX - EVENT_PATH_MAX)
		return;
	bpf_probe_read_kernel(&naming->script.text[at], room, text);
	naming->script.words[word].at = at;
	naming->script.words[word].length = length;
	naming->at += length;
}

/* A child of vfork() runs with its parent's memory, and so with its arguments. NULL = it is none. */
static __always_inline struct execution *execution_borrowed(struct task_struct *task,
							    struct mm_struct *mm)
{
	struct task_struct *parent = task->real_parent;

	if (!parent || parent->mm != mm)
		return NULL;
	return bpf_task_storage_get(&executions, parent->group_leader, NULL, 0);
}

/* How it was executed, as far as that is not what the identity tells. */
static __always_inline void script_execution(struct naming *naming, struct task_struct *task,
					     struct mm_struct *mm,
					     const struct execution *execution)
{
	if (!execution->argv_length)
		return;
	naming->script.flags |= execution->flags;
	if (argv_rewritten(execution, mm))
		script_kept(naming, SCRIPT_ARGV, execution->argv, EVENT_ARGV_MAX,
			    execution->argv_length);
	if (!execution->cwd || execution->cwd == (__u64)BPF_CORE_READ(task, fs, pwd.dentry))
		return;
	if (!execution->cwd_length)
		naming->script.flags |= SCRIPT_F_CWD_ROOT;
	else
		script_kept(naming, SCRIPT_CWD, execution->cwd_text, EXECUTION_CWD,
			    execution->cwd_length);
}

static __always_inline long script_send(struct naming *naming, struct talk *talk, __u32 origin,
					__u64 size)
{
	if (size > sizeof(naming->script))
		size = sizeof(naming->script);
	fill_head(&naming->script.head, talk, EVENT_SCRIPT, size);
	naming->script.origin = origin;
	return bpf_ringbuf_output(&events, &naming->script, size, 0);
}

static __always_inline long script_of_ancestor(struct naming *naming, struct talk *talk,
					       struct task_struct *leader)
{
	struct event_script *inherited = bpf_task_storage_get(&origins, leader, NULL, 0);

	if (!inherited)
		return 0;
	bpf_probe_read_kernel(&naming->script, sizeof(naming->script), inherited);
	naming->script.reader = leader->tgid;
	return script_send(naming, talk, SCRIPT_OF_ANCESTOR, naming->script.head.size);
}

/*
 * The SCRIPT records of `current`. Returns 1 if it is PHP. With SCRIPT_AGAIN in `origin` only PHP's is told: the rest was, and the
 * executable was not known as PHP then.
 */
__noinline int output_script(struct talk *talk, __u32 origin)
{
	struct task_struct *task = current_task();
	struct scratch *scratch;
	struct naming *naming;
	struct mm_struct *mm = task->mm;
	struct execution *execution;
	bool php;
	long full = -1;

	if (!talk || !mm)
		return 0;
	scratch = ring_has(settings.ring_for_open) ? scratch_take() : NULL;
	if (!scratch) {
		COUNT(scripts_lost, 1);
		return 0;
	}
	naming = &scratch->naming;
	naming_begin(naming, task, mm);
	php = naming_layout(naming, task, mm);
	if (php && naming->script.status == SCRIPT_READ)
		script_of_php(scratch);
	if (!(origin & SCRIPT_AGAIN)) {
		/* The words of the environment are for those that have no better ones; most have none at all. */
		execution = bpf_task_storage_get(&executions, task->group_leader, NULL,
						 BPF_LOCAL_STORAGE_GET_F_CREATE);
		if (!php && !(execution && execution->plain)) {
			script_environment(scratch);
			if (execution && !naming->at &&
			    !(naming->script.flags & SCRIPT_F_WORDS_CUT))
				execution->plain = 1;
		}
		if (execution && !execution->argv_length)
			execution = execution_borrowed(task, mm);
		if (execution)
			script_execution(naming, task, mm, execution);
	}
	full = 0;
	if (php || naming->at || naming->script.flags & (SCRIPT_F_CWD_ROOT | SCRIPT_F_WORDS_CUT))
		full = script_send(naming, talk, origin & ~SCRIPT_AGAIN,
				   offsetof(struct event_script, text) + naming->at);
	if (!full && !(origin & SCRIPT_AGAIN))
		full = script_of_ancestor(naming, talk, task->group_leader);
	scratch_return(scratch);
	if (full)
		COUNT(scripts_lost, 1);
	return php;
}
