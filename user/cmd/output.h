/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * output.h - what standard output is: how wide, and whether it takes colours
 */
#ifndef SMTPSNOOP_OUTPUT_H
#define SMTPSNOOP_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "present/present.h"

unsigned int output_width(void); /* columns */
bool output_describe(
	struct present_options *options); /* sets out, colour and width; false: no memory */

/* What was shown is handed on. False: it could not be, which is said, but for a reader that is gone. */
bool output_flush(FILE *out);
/* The same of what goes elsewhere; for people, printable. */
bool output_flush_to(FILE *out, const char *where);

#endif
