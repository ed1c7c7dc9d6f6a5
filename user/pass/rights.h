/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rights.h - giving rights up, and proving that they are gone
 */
#ifndef SMTPSNOOP_RIGHTS_H
#define SMTPSNOOP_RIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct rights_user {
	uid_t uid;
	gid_t gid;
	bool shared; /* it is not our own: other programs may run as it */
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

/* The same for a program of one half, which reads what others wrote. False: it can't be, and the message is out. */
bool rights_give_up(void);

/*
 * The same for one that keeps files, in one directory: that is its root directory from then on, and the filter leaves what a database
 * needs there. Takes `directory`, an open descriptor, over; a copy of it may stay open. Nothing above can be reached, no link or device be made. Who connects to
 * `listener` may be answered; -1 = nobody. Here the user must be another one: 0 or -errno.
 */
int rights_confine(const struct rights_user *user, int directory, int listener, char *error,
		   size_t error_size);

/*
 * A child that is to execute something: that user, his group and no other, no new privileges; and unless it is root, no capability in any
 * set. Then it tries to become root. 0 or -errno with a sentence in `error`.
 */
int rights_become(const struct rights_user *user, char *error, size_t error_size);

/* It, and its end, need capabilities (SETUID, SETGID, KILL) unless that is who we are. */
bool rights_may_become(const struct rights_user *user);

/* Who makes such children, and needs nothing else. 0 or -errno with a sentence in `error`. */
int rights_reduce_to_becoming(char *error, size_t error_size);

/*
 * The same for who has no other user to become: one that was never root, or root where the files are root's. `directory` is the root
 * directory where that is allowed, else the current one. No capability is left, and the filter of rights_confine(). 0 or -errno.
 */
int rights_stay(int directory, char *error, size_t error_size);

/* Closes all descriptors but the standard streams and these: what was inherited may lead out of a directory. */
void rights_close_others(const int *keep, size_t count);

/*
 * Of a child that is about to execute somebody's program: another user, and no capability but what a set-user-ID program gets by itself.
 * 0 or -errno: it is not to be executed.
 */
int rights_run_as(const struct rights_user *user);

/*
 * The privileged half, once everything is attached: keeps only what reading the ring, the counters and /proc needs (BPF,
 * SYS_PTRACE, DAC_READ_SEARCH), and KILL for the other half, and proves it. 0 or -errno.
 */
int rights_reduce(char *error, size_t error_size);

#endif
