/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tracer.h - the kernel programs: open, set, load, attach, drain
 *
 * Everything is held by file descriptors of this process: however it ends, nothing stays in the kernel.
 */
#ifndef SMTPSNOOP_TRACER_H
#define SMTPSNOOP_TRACER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/frame.h"
#include "event.h"
#include "source/cgroup2.h"
#include "source/hooks.h"

struct tracer_options {
	const uint16_t *ports; /* SMTP's */
	unsigned int port_count;
	const char *cgroup; /* path, NULL = the whole host */
	const char *backend; /* of the send hook, NULL = the best */
	bool has_uid, has_pid;
	uint32_t uid, pid;
	uint32_t ring_bytes; /* a power of two, 0 = the default */
	bool adopt_all; /* connections from before, on any port, may prove to be SMTP */
	bool only_existing; /* nothing is attached: what is there already is all that is asked for */
};

struct tracer;

/*
 * Probes, loads, attaches. NULL with a sentence in `error`; *status is then EXIT_CANNOT (this kernel or these rights will not
 * do) or EXIT_FAILED.
 */
struct tracer *tracer_start(const struct tracer_options *options, int *status, char *error,
			    size_t error_size);
void tracer_stop(struct tracer *tracer); /* detaches; the maps can still be read and drained */
void tracer_free(struct tracer *tracer); /* NULL is fine */

const struct cgroup2 *tracer_cgroup(const struct tracer *tracer);
const char *tracer_hooks(const struct tracer *tracer); /* "fentry+cgroup_skb" */
const char *tracer_degraded(const struct tracer *tracer); /* one sentence a line, "" = nothing is */

typedef int tracer_record_fn(void *context, const void *record, size_t size);

/*
 * Writes OPEN records for the connections that are there already, and hands the processes that have them open to fn, some at a time, so
 * that it can drain the ring. 0, -errno: they are not seen or not all, or what fn returned.
 */
typedef int tracer_holders_fn(void *context, const struct event_holder *holders, size_t count);
int tracer_adopt(struct tracer *tracer, tracer_holders_fn *fn, void *context);
bool tracer_adopts(const struct tracer *tracer); /* false: the program for it was refused */

/* Readable when records wait. */
int tracer_fd(const struct tracer *tracer);

/* Hands every waiting record to fn. Number of records, or the negative value that fn returned. */
int tracer_drain(struct tracer *tracer, tracer_record_fn *fn, void *context);

/* How full the ring is, and its size, in bytes. */
uint64_t tracer_waiting(const struct tracer *tracer);
uint64_t tracer_ring_bytes(const struct tracer *tracer);

struct script_runtime;
struct script_layout;
/* How to name the scripts of an executable. 0 or -errno. */
int tracer_runtime(struct tracer *tracer, const struct script_runtime *key,
		   const struct script_layout *layout);

/* How it is named: the layout that was given for it, or for this start of it. False: it is no PHP. */
bool tracer_layout(const struct tracer *tracer, const struct script_runtime *exe,
		   uint64_t start_code, struct script_layout *layout);

void tracer_counters(const struct tracer *tracer, struct event_counters *counters);

/* The ids of the programs that are loaded, at most `room`; returns how many. */
size_t tracer_programs(const struct tracer *tracer, uint32_t *ids, size_t room);

/* Times that the kernel left a program out because the CPU was in it already. */
uint64_t tracer_missed(const struct tracer *tracer);

/* The loss table, largest first, at most `room` rows; returns how many there are in all. user[] stays empty. */
size_t tracer_losses(const struct tracer *tracer, struct frame_loss_row *rows, size_t room);

/* Why this kernel cannot do at all, as a sentence; false = it may. Looks at BTF, lockdown and rights only. */
bool tracer_cannot(char *error, size_t error_size);

#endif
