// SPDX-License-Identifier: GPL-2.0-only
/*
 * php.bpf.c - the walk through the memory of `current`, for the programs that tell which script it runs
 */
#include "user_memory.bpf.h"

#define MEMORY_READ(to, size, address) bpf_probe_read_user(to, size, (void *)(address))
#define MEMORY_TEXT(to, size, address) bpf_probe_read_user_str(to, size, (void *)(address))
#include "script_php.h"
