// SPDX-License-Identifier: GPL-2.0-only
/*
 * identity.bpf.c - the texts of an identity: paths of files and of the cgroup
 *
 * Written leaf first by walking up to the root of the mount namespace, so that a process inside a chroot or one that is gone a moment
 * later is named in full. Functions of their own, which the verifier walks through once; they take addresses as numbers.
 */
#include "identity.bpf.h"

static __always_inline struct mount *mount_of(struct vfsmount *mnt)
{
	return (void *)mnt - bpf_core_field_offset(struct mount, mnt);
}

/* What one step up a path takes of a dentry. */
struct dentry_step {
	struct dentry *parent;
	__u32 hash;
	__u32 length;
	const unsigned char *name;
};

/* In one read, as the members have been neighbours in every kernel so far. */
static __always_inline void dentry_look(struct dentry_step *step, struct dentry *dentry)
{
	if (bpf_core_field_offset(struct dentry, d_name) ==
		    bpf_core_field_offset(struct dentry, d_parent) + sizeof(step->parent) &&
	    bpf_core_field_offset(struct qstr, len) == 4 &&
	    bpf_core_field_offset(struct qstr, name) == 8) {
		bpf_probe_read_kernel(step, sizeof(*step),
				      (void *)dentry +
					      bpf_core_field_offset(struct dentry, d_parent));
		return;
	}
	step->parent = BPF_CORE_READ(dentry, d_parent);
	step->length = BPF_CORE_READ(dentry, d_name.len);
	step->name = BPF_CORE_READ(dentry, d_name.name);
}

/*
 * Writes the path of (mnt, dentry) to text[at...]. Returns its length, with IDENTITY_CUT if it is not whole.
 */
__noinline int text_path(struct scratch *scratch, __u64 at, __u64 mnt_address, __u64 dentry_address)
{
	struct mount *mount = mount_of((struct vfsmount *)mnt_address);
	struct dentry *root = BPF_CORE_READ(mount, mnt.mnt_root);
	struct dentry *dentry = (struct dentry *)dentry_address;
	__u64 begin = at;

	if (!scratch || !dentry_address)
		return 0;
	for (int i = 0; i < PATH_COMPONENTS; i++) {
		struct dentry_step step = {};
		long copied;

		if (dentry == root) {
			struct mount *above = BPF_CORE_READ(mount, mnt_parent);

			if (above == mount || !above)
				return at - begin;
			dentry = BPF_CORE_READ(mount, mnt_mountpoint);
			root = BPF_CORE_READ(above, mnt.mnt_root);
			mount = above;
			continue;
		}
		dentry_look(&step, dentry);
		if (at > EVENT_TEXT_MAX || at - begin + step.length + 1 > EVENT_PATH_MAX)
			return (at - begin) | IDENTITY_CUT;
		barrier_var(
			at); /* the bound is checked again where it is used: 6.1 loses it in a spill */
		if (at > EVENT_TEXT_MAX)
			break;
		copied = bpf_probe_read_kernel_str(&scratch->open.text[at], 256, step.name);
		if (copied <= 0)
			return (at - begin) | IDENTITY_CUT;
		at += copied & 511;
		/* a file without a directory: memfd, or an unmounted tree */
		if (dentry == step.parent)
			return at - begin;
		dentry = step.parent;
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
