/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * text_now.h - the processes of an actor as they are now, as text
 */
#ifndef SMTPSNOOP_TEXT_NOW_H
#define SMTPSNOOP_TEXT_NOW_H

#include "present/text.h"

/*
 * Lines of a group, indented: of those among text->processes that have these numbers and a connection of that verdict. The telling ones
 * first; few are told, all are counted.
 */
void text_processes(const struct text *text, const uint32_t *pids, unsigned int pid_count,
		    enum verdict_class class, int64_t wall_minus_boot, unsigned int indent);

/* What the search did not come to, if there was such; once. */
void text_processes_sum(const struct text *text);

#endif
