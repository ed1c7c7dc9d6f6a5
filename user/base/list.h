/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * list.h - comma-separated lists that people write
 */
#ifndef SMTPSNOOP_LIST_H
#define SMTPSNOOP_LIST_H

#include <stddef.h>

/*
 * Takes the next word of "a, b,c" from *at, without the blanks around it, and moves *at on. 1 = there was one, 0 = the end,
 * -EINVAL = it is empty or longer than size - 1. Start with *at at the list.
 */
int list_next(const char **at, char *word, size_t size);

#endif
