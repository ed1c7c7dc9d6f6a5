/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * filter.h - a BPF filter expression, as tcpdump takes it
 *
 * Compiled for every link type that is read before any file is looked at: names of hosts and ports need rights that reading a
 * capture does not have.
 */
#ifndef SMTPSNOOP_FILTER_H
#define SMTPSNOOP_FILTER_H

#include <stdbool.h>

#include "capture/file.h"

struct filter;

/* NULL with a sentence in `error`. */
struct filter *filter_new(const char *expression, char *error, size_t error_size);
void filter_free(struct filter *filter); /* NULL is fine */

/* NULL lets everything pass. */
bool filter_passes(const struct filter *filter, const struct file_packet *packet);

#endif
