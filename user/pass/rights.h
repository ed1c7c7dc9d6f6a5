/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rights.h - giving rights up, and proving that they are gone
 */
#ifndef SMTPSNOOP_RIGHTS_H
#define SMTPSNOOP_RIGHTS_H

#include <stddef.h>
#include <sys/types.h>

struct rights_user {
	uid_t uid;
	gid_t gid;
};

/* The user that the unprivileged half becomes: "smtpsnoop" if there is one, else "nobody", else 65534. Before the fork. */
void rights_user(struct rights_user *user);

/*
 * The unprivileged half: another user, no capability in any set, no new privileges, resource limits, and a seccomp filter that
 * leaves reading and writing of open descriptors, memory, time and polling. Then it tries to get root back, to open files, to
 * call bpf() and ptrace(), and fails unless all of it is refused. 0 or -errno with a sentence in `error`.
 * A host where the caller may not change its user (no CAP_SETUID) leaves the uid as it is: then *kept_uid is set.
 */
int rights_drop(const struct rights_user *user, int *kept_uid, char *error, size_t error_size);

/*
 * Of a child that is about to execute somebody's program: another user, and no capability but what a set-user-ID program gets by itself.
 * 0 or -errno: it is not to be executed.
 */
int rights_become(const struct rights_user *user);

/*
 * The privileged half, once everything is attached: keeps only what reading the ring, the counters and /proc needs (BPF,
 * SYS_PTRACE, DAC_READ_SEARCH), and KILL for the other half, and proves it. 0 or -errno.
 */
int rights_reduce(char *error, size_t error_size);

#endif
