/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * output.bpf.h - the OPEN record, and what all records have
 *
 * Every attempt is counted exactly once, as delivered or as counted only.
 */
#ifndef SMTPSNOOP_OUTPUT_BPF_H
#define SMTPSNOOP_OUTPUT_BPF_H

#include "who.bpf.h"

static __always_inline void fill_head(struct event_head *head, const struct talk *talk, __u16 kind,
				      __u32 size)
{
	head->size = size;
	head->kind = kind;
	head->flags = talk->flags;
	head->cookie = talk->cookie;
	head->generation = talk->generation;
	head->reserved = 0;
	head->time = bpf_ktime_get_boot_ns();
}

static __always_inline bool ring_has(__u64 limit)
{
	return bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) < limit;
}

/* The attempt has no record: count it by who and where. */
static __always_inline void count_loss(const struct watch *watch)
{
	struct loss_key key = {
		.exe_inode = watch->opener.exe_inode,
		.exe_device = watch->opener.exe_device,
		.uid = watch->opener.uid,
		.port = watch->talk.ends.remote_port,
	};
	__u64 zero = 0, *count;

	COUNT(counted_only, 1);
	count = bpf_map_lookup_elem(&losses, &key);
	if (!count) {
		bpf_map_update_elem(&losses, &key, &zero, BPF_NOEXIST);
		count = bpf_map_lookup_elem(&losses, &key);
	}
	if (count)
		__sync_fetch_and_add(count, 1);
	else
		COUNT(loss_rows_full, 1);
}

static __always_inline void fill_small(struct event_identity *who, const struct opener *opener)
{
	who->tgid = opener->tgid;
	who->tid = opener->tid;
	who->ppid = opener->ppid;
	who->start = opener->start;
	who->uid = opener->uid;
	who->gid = opener->gid;
	who->euid = opener->euid;
	who->egid = opener->gid;
	who->loginuid = -1;
	who->cgroup_id = opener->cgroup_id;
	who->exe_inode = opener->exe_inode;
	who->exe_device = opener->exe_device;
	__builtin_memcpy(who->comm, opener->comm, sizeof(who->comm));
}

/*
 * The OPEN record. With EVENT_F_SMALL in `flags` from the small identity, else from the task, which must be the opener. The first call
 * for a connection counts the attempt.
 */
static __always_inline int open_write(struct watch *watch, __u32 flags, struct task_struct *task,
				      bool is_current)
{
	struct scratch *scratch;
	__u32 length = 0;
	long full = -1;

	if (!(watch->flags & WATCH_COUNTED))
		COUNT(attempts, 1);
	scratch = ring_has(settings.ring_for_open) ? scratch_take() : NULL;
	if (scratch) {
		struct event_open *open = &scratch->open;

		__builtin_memset(open, 0, __builtin_offsetof(struct event_open, text));
		if (flags & EVENT_F_SMALL)
			fill_small(&open->who, &watch->opener);
		else
			length = identity_fill(scratch, task, is_current);
		if (length > EVENT_TEXT_MAX)
			length = EVENT_TEXT_MAX;
		length += __builtin_offsetof(struct event_open, text);
		fill_head(&open->head, &watch->talk, EVENT_OPEN, length);
		open->head.flags |= flags;
		open->head.time = watch->opened;
		open->found = watch->gate.found;
		open->ends = watch->talk.ends;
		full = bpf_ringbuf_output(&events, open, length, 0);
		scratch_return(scratch);
	}
	if (!(watch->flags & WATCH_COUNTED)) {
		watch->flags |= WATCH_COUNTED;
		if (full)
			count_loss(watch);
		else
			COUNT(delivered, 1);
	}
	if (full)
		return 0;
	watch->flags |= flags & EVENT_F_SMALL ? WATCH_OPEN : WATCH_OPEN | WATCH_FULL;
	if (settings.use_talks) {
		struct talk talk = watch->talk; /* 6.1 takes keys and values from the stack only */
		__u64 key = talk.sock;

		bpf_map_update_elem(&talks, &key, &talk, BPF_ANY);
	}
	return 0;
}

#endif
