/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * metrics_socket.h - where metrics are told: opened by the privileged half before it forks, and inherited
 */
#ifndef SMTPSNOOP_METRICS_SOCKET_H
#define SMTPSNOOP_METRICS_SOCKET_H

#include <stddef.h>
#include <sys/types.h>

struct metrics_socket {
	int fd; /* listens, never waits; -1 = none */
	const char *path; /* of a socket in the file system, else NULL; borrowed */
	dev_t device; /* of that file */
	ino_t inode;
};

/*
 * "127.0.0.1:9925", "[::1]:9925", or a path that begins with "/". A socket in the file system gets mode 0660 and this group; an old
 * one that nobody answers is replaced. 0, or -errno with a sentence in `error`.
 */
int metrics_socket_open(struct metrics_socket *socket, const char *where, gid_t group, char *error,
			size_t error_size);

/* Closes it, and removes the file if it is still the one that was made. */
void metrics_socket_close(struct metrics_socket *socket);

#endif
