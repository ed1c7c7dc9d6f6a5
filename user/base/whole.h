/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * whole.h - a stream whose lines reach a descriptor whole or not at all
 *
 * stdio hands over whatever is in its buffer when it is full, so that a disk that fills up is left with half a record. Here the
 * kernel is given whole lines only, and when it takes a part of them, as a full disk does, a regular file is cut back to the end
 * of the last whole one. A pipe's reader has the part already: for it a line counts once its newline is there.
 */
#ifndef SMTPSNOOP_WHOLE_H
#define SMTPSNOOP_WHOLE_H

#include <stdio.h>

/*
 * Line buffered on a terminal, else fully. The descriptor stays the caller's. After a write that failed every later one fails, too,
 * with errno of the first. A line over LIMIT_WHOLE goes out in parts. NULL: no memory. fclose() frees it.
 */
FILE *whole_open(int fd);

#endif
