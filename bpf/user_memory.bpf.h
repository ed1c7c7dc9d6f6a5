/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * user_memory.bpf.h - reading the memory of `current`: where a script's name is found
 */
#ifndef SMTPSNOOP_USER_MEMORY_BPF_H
#define SMTPSNOOP_USER_MEMORY_BPF_H

#include "script.bpf.h"

#define USER_LOWEST 0x1000 /* below and above there is no user memory */
#define USER_HIGHEST (1ULL << 47)

/* The names of CGI's variables, in the order of enum script_word. The longest has 15 bytes. */
static const struct {
	char name[16];
	__u32 length;
} variables[] = {
	[SCRIPT_METHOD] = {"REQUEST_METHOD", 14}, [SCRIPT_URL] = {"REQUEST_URI", 11},
	[SCRIPT_QUERY] = {"QUERY_STRING", 12},	  [SCRIPT_HOST] = {"HTTP_HOST", 9},
	[SCRIPT_CLIENT] = {"REMOTE_ADDR", 11},	  [SCRIPT_ENTRY] = {"SCRIPT_FILENAME", 15},
	[SCRIPT_DOCROOT] = {"DOCUMENT_ROOT", 13}, [SCRIPT_SSH] = {"SSH_CONNECTION", 14},
};

#define VARIABLES 8 /* of them: a power of two */

static __always_inline bool in_user(__u64 address)
{
	return address >= USER_LOWEST && address < USER_HIGHEST;
}

static __always_inline bool read_word(__u64 *value, __u64 address)
{
	return in_user(address) && bpf_probe_read_user(value, sizeof(*value), (void *)address) == 0;
}

/* Is the text at `address` the name of the variable? */
static __always_inline bool is_variable(__u32 word, __u64 address)
{
	const __u64 *wanted = (const __u64 *)variables[word].name;
	__u64 name[2] = {};

	return bpf_probe_read_user(name, variables[word].length & 15, (void *)address) == 0 &&
	       name[0] == wanted[0] && name[1] == wanted[1];
}

/* script.bpf.c */
int script_word(struct scratch *scratch, __u32 word, __u64 address);
int script_environment(struct scratch *scratch);
/* php.bpf.c */
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
