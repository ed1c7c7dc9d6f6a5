/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * replace.h - a file that only a whole one replaces
 */
#ifndef SMTPSNOOP_REPLACE_H
#define SMTPSNOOP_REPLACE_H

/*
 * Forks. -1: this is the child, and its standard output is a new file, beside the one of that name; it may give up all rights. In the
 * parent, the status to exit with: when the child ended with EXIT_DONE the new file has taken the name, else it is gone, and what had
 * the name before stays. Messages are out. `shown` is the path, escaped.
 */
int replace_file(const char *path, const char *shown);

#endif
