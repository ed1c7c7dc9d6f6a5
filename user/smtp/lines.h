/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lines.h - lines put together from pieces
 */
#ifndef SMTPSNOOP_LINES_H
#define SMTPSNOOP_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smtp/machine.h"

/*
 * Takes bytes up to and including the next LF and returns how many; *complete says that the line is whole: its end is
 * stripped then, and length, cut, lost and bare_lf are final. The next line begins with line_reset().
 */
size_t line_take(struct session_line *line, const uint8_t *bytes, size_t length, bool *complete);
void line_end(struct session_line *line); /* the same without a LF: its end was withheld */
void line_reset(struct session_line *line);
void line_lose(struct session_line
		       *line); /* bytes are missing here: up to the next LF nothing can be told */
bool line_has_bare_cr(const struct session_line *line); /* of a complete line */

#endif
