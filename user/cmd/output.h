/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * output.h - what standard output is: how wide, and whether it takes colours
 */
#ifndef SMTPSNOOP_OUTPUT_H
#define SMTPSNOOP_OUTPUT_H

#include "present/present.h"

unsigned int output_width(void); /* columns */
void output_describe(struct present_options *options); /* sets out, colour and width */

#endif
