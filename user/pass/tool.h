/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tool.h - asks a program of this host, within bounds
 */
#ifndef SMTPSNOOP_TOOL_H
#define SMTPSNOOP_TOOL_H

#include <stddef.h>

#include "base/frame.h"
#include "pass/rights.h"

struct tool {
	const char *path; /* absolute; PATH is never asked */
	const char *const *arguments; /* its name first, NULL last */
	const struct rights_user *user; /* who it runs as, without capabilities; NULL = as we do */
	unsigned int milliseconds; /* that it may take */
};

struct tool_answer {
	enum tool_end end;
	int status; /* see there */
	size_t size; /* bytes that it wrote, as far as there was room */
	char said
		[FRAME_SAID_MAX]; /* the beginning of what it wrote to its standard error, terminated */
};

/*
 * Starts it with nothing of ours but the two pipes that its output goes to, and waits for its end. What it began ends with it, or when its
 * time is over. `out` has `room` bytes. Some time more is only taken where it can't be killed, and then not much.
 */
void tool_run(const struct tool *tool, char *out, size_t room, struct tool_answer *answer);

#endif
