/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * disguise.h - does a process wear somebody else's name?
 *
 * Pure. Names accuse and never acquit: an honest name gives no trust.
 */
#ifndef SMTPSNOOP_DISGUISE_H
#define SMTPSNOOP_DISGUISE_H

#include <stdbool.h>

#include "enrich/process.h"

struct disguise {
	bool protected_name; /* an MTA's or the system's name on another executable */
	bool fake_kthread; /* looks like [kworker/0:1] in ps */
	bool mismatch; /* comm or argv[0] have nothing to do with the executable */
};

struct disguise disguise_of(const struct process *process);

#endif
