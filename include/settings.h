/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * settings.h - what the program tells the kernel programs before they are loaded
 */
#ifndef SMTPSNOOP_SETTINGS_H
#define SMTPSNOOP_SETTINGS_H

#include <linux/types.h>

#define PORTS_MAX 64

/* Set before load; the verifier then drops the branches that are off. */
struct tracer_settings {
	__u32 version; /* EVENT_VERSION */
	__u32 port_count;
	__u16 ports[PORTS_MAX];
	__u64 cgroup; /* this subtree only; 0 = all */
	__u32 reserved2;
	__u32 only_uid;
	__u32 only_pid;
	__u8 has_uid;
	__u8 has_pid;
	__u8 use_talks; /* the send hook is a kprobe */
	__u8 use_scripts; /* scripts are named */
	__u8 adopt_all; /* connections from before, on ports that are not listed, are watched as well */
	__u8 reserved[7];
	__u64 ring_for_data; /* DATA and OPEN leave the rest of the ring to the smaller records, so that */
	__u64 ring_for_open; /* what was begun can be ended */
};
#endif
