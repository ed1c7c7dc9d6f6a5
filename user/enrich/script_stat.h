/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * script_stat.h - what the file system says of a script, for the privileged half
 */
#ifndef SMTPSNOOP_SCRIPT_STAT_H
#define SMTPSNOOP_SCRIPT_STAT_H

#include <stddef.h>

#include "base/frame.h"
#include "event_script.h"

/*
 * Of the file that sent, in the root of the process that was read. Nothing is opened for reading and no link is followed; where the
 * record does not hold together, or the path is none, *facts says nothing. `size` is that of the record. The owner's name is the caller's
 * to fill.
 */
void script_stat(const struct event_script *script, size_t size, struct script_facts *facts);

#endif
