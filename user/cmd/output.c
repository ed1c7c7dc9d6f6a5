/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * output.c - what standard output is: how wide, and whether it takes colours (https://no-color.org)
 */
#include "cmd/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/msg.h"
#include "base/whole.h"

/* A file or a pipe: wide enough for the columns, narrow enough for a mail. */
#define WIDTH_UNKNOWN 120

unsigned int output_width(void)
{
	struct winsize size;
	const char *columns = getenv("COLUMNS");

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
		return size.ws_col;
	return columns && atoi(columns) > 0 ? (unsigned int)atoi(columns) : WIDTH_UNKNOWN;
}

bool output_describe(struct present_options *options)
{
	const char *no_colour = getenv("NO_COLOR");

	options->out = whole_open(STDOUT_FILENO);
	options->colour = isatty(STDOUT_FILENO) && !(no_colour && *no_colour);
	options->width = output_width();
	return options->out;
}

bool output_flush_to(FILE *out, const char *where)
{
	if (fflush(out) == 0 && !ferror(out))
		return true;
	if (errno != EPIPE)
		msg_error("cannot write to %s: %s", where, strerror(errno));
	return false;
}

bool output_flush(FILE *out)
{
	return output_flush_to(out, "standard output");
}
