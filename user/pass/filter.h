/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * filter.h - the seccomp filter of a half that has given up its rights
 */
#ifndef SMTPSNOOP_FILTER_H
#define SMTPSNOOP_FILTER_H

#include <stdbool.h>

/*
 * Leaves reading and writing of open descriptors, memory, time and polling. files: and what a database needs below the directory that
 * the caller is confined to. Everything else answers EPERM. 0 or -errno.
 */
int filter_calls(bool files);

#endif
