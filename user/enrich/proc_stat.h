/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * proc_stat.h - numbers of /proc/PID/stat
 */
#ifndef SMTPSNOOP_PROC_STAT_H
#define SMTPSNOOP_PROC_STAT_H

#include <stdint.h>

#define PROC_STAT_START 22 /* clock ticks after boot */
/* Addresses; they need the rights of ptrace(2). */
#define PROC_STAT_START_CODE 26
#define PROC_STAT_ENV_START 50
#define PROC_STAT_ENV_END 51

/* A field by its number in proc(5), of the process whose directory in /proc is open. 0 = not known. */
uint64_t proc_stat(int directory, int field);

#endif
