/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hooks.h - which hooks this kernel grants, found out by attaching to them
 */
#ifndef SMTPSNOOP_HOOKS_H
#define SMTPSNOOP_HOOKS_H

#include <stdbool.h>

enum hook {
	HOOK_STATE = 0, /* tp_btf/inet_sock_set_state: connections; nothing goes without */
	HOOK_DIALOGUE, /* cgroup_skb: the dialogue; nothing goes without */
	HOOK_CONNECT, /* cgroup/connect4, connect6: attempts that never become a packet */
	HOOK_FEXIT, /* fexit/tcp_v4_connect, tcp_v6_connect: and why */
	HOOK_SEND_FENTRY, /* fentry/tcp_sendmsg: the three ways to see who writes, the first that works is used */
	HOOK_SEND_TRACEPOINT, /* tp_btf/sock_send_length, since 6.3 */
	HOOK_SEND_KPROBE, /* kprobe/tcp_sendmsg */
	HOOK_COUNT
};

struct hooks {
	int error[HOOK_COUNT]; /* 0 = it attached; else the errno with which it did not */
};

/* What the three ways are called on the command line and in records; NULL for hooks that are none of them. */
const char *hook_backend(enum hook hook);
const char *hook_name(enum hook hook); /* "fentry/tcp_sendmsg" */
const char *hook_loss(enum hook hook); /* what is not seen without it, as a sentence */

/* Loads and attaches an empty program to each, and takes it away again. cgroup_fd: the cgroup to try on. */
void hooks_probe(struct hooks *hooks, int cgroup_fd);

/* The send hook to use, or HOOK_COUNT if there is none. `backend` forces one by name; NULL = the best. */
enum hook hooks_send(const struct hooks *hooks, const char *backend);

#endif
