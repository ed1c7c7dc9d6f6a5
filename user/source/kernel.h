/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kernel.h - what can be said of the running kernel without loading anything
 */
#ifndef SMTPSNOOP_KERNEL_H
#define SMTPSNOOP_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool kernel_has_btf(void);
bool kernel_has_function(const char *name); /* in its BTF */

/* "none", "integrity", "confidentiality"; "" = the kernel has no lockdown. */
void kernel_lockdown(char *mode, size_t size);

/* strerror(), and ENOTSUPP, which the kernel's BPF returns although no header for programs has it. */
const char *kernel_error(int error);

/* One sentence for `what` having been refused with `error`: the likely reason and what to do. */
void kernel_refusal(const char *what, int error, char *sentence, size_t size);

/* random(4): another one at each boot; zeros where it is not told. `id` is zeroed. */
void kernel_boot_id(uint8_t id[16]);

#endif
