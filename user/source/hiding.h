/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hiding.h - what else could send, or change what is sent, unseen: BPF programs of others, and tun devices
 */
#ifndef SMTPSNOOP_HIDING_H
#define SMTPSNOOP_HIDING_H

#include "source/programs.h"

/*
 * Calls fn for each place of each such program, and for each tun device with each process that has it open. 0, -errno, or what fn
 * returned; *looked says what the kernel does not tell, and what was too much.
 */
int hiding_each(const struct tracer *tracer, hiding_fn *fn, void *context,
		struct frame_looked *looked);

#endif
