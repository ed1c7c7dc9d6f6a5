/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * store_directory.h - the directory that the writer of the store is confined to
 */
#ifndef SMTPSNOOP_STORE_DIRECTORY_H
#define SMTPSNOOP_STORE_DIRECTORY_H

#include "pass/rights.h"

/*
 * Makes it if it isn't there, for the user and with mode 0750; an empty one of root's is given to the user. One that is somebody else's, that
 * others may write, or that is a symbolic link is refused, and one that another collector writes to (cmd/store_lock.h) before anything in it
 * is touched. An open descriptor, which holds the lock, or -1: the message is out.
 */
int store_directory_open(const char *path, const struct rights_user *user);

#endif
