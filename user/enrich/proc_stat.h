/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * proc_stat.h - numbers of /proc/PID/stat
 */
#ifndef SMTPSNOOP_PROC_STAT_H
#define SMTPSNOOP_PROC_STAT_H

#include <stdint.h>

#define PROC_STAT_PARENT 4
#define PROC_STAT_GROUP 5
#define PROC_STAT_SESSION 6
#define PROC_STAT_TTY 7
#define PROC_STAT_USER 14 /* clock ticks of a processor's time; and in the kernel */
#define PROC_STAT_SYSTEM 15
#define PROC_STAT_THREADS 20
#define PROC_STAT_START 22 /* clock ticks after boot */
#define PROC_STAT_RESIDENT 24 /* pages */
/* Addresses; they need the rights of ptrace(2). */
#define PROC_STAT_START_CODE 26
#define PROC_STAT_ENV_START 50
#define PROC_STAT_ENV_END 51

/* The directory of a process in /proc: it stands for that process alone, also when its number is another one's. -1 with errno. */
int proc_open(uint32_t pid);

/* A field by its number in proc(5), of the process whose directory in /proc is open. 0 = not known. */
uint64_t proc_stat(int directory, int field);

/* Where its program begins: that tells one start of a program from another. Needs the rights of ptrace(2). 0 = not known. */
uint64_t proc_start_code(uint32_t pid);

/* A start as the kernel's records have it, in ns after boot, as PROC_STAT_START has it. */
uint64_t proc_stat_ticks(uint64_t start);

#endif
