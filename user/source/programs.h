/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * programs.h - the BPF programs of others that are where packets pass
 */
#ifndef SMTPSNOOP_PROGRAMS_H
#define SMTPSNOOP_PROGRAMS_H

#include <stdbool.h>

#include "base/frame.h"
#include "base/limits.h"
#include "source/tracer.h"

/* Of linux/bpf.h since 6.6 and 6.7; what we are built with may be older. */
#define ATTACH_TCX_INGRESS 46
#define ATTACH_TCX_EGRESS 47
#define ATTACH_NETKIT_PRIMARY 54
#define ATTACH_NETKIT_PEER 55

/* One place of one program, or a device. What it returns but 0 ends the search. */
typedef int hiding_fn(void *context, const struct frame_hiding *found);

struct program {
	uint32_t id, type, uid;
	char name[16];
	bool placed, by_link;
};

struct programs {
	struct program all[LIMIT_HIDING_PLACES];
	unsigned int count;
	bool cgroups_cut; /* not all cgroups were looked at */
	uint32_t over; /* those that found no room */
	const struct cgroup2 *cgroup;
	hiding_fn *fn;
	void *context;
};

/* All that are loaded and not the tracer's. 0 or -errno: the kernel does not tell. */
int programs_load(struct programs *programs, const struct tracer *tracer);

/* Is there one of a type that is attached to interfaces? */
bool programs_on_devices(const struct programs *programs);

/* The program with that id is there: tells it, if it is one of them. `where` has the place alone. Here and below: 0, or what fn returned. */
int programs_place(struct programs *programs, uint32_t id, const struct frame_hiding *where);

/* Those that a bpf_prog_query() of `target`, a descriptor or an interface of this namespace, finds. Refusals are no error. */
int programs_query(struct programs *programs, int target, uint32_t attach,
		   const struct frame_hiding *where);

/* Finds those of cgroups; then, last, by links and without a place those that are not found yet. */
int programs_of_cgroups(struct programs *programs);
int programs_rest(struct programs *programs);

#endif
