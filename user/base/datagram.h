/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * datagram.h - a socket to somebody on this host who takes datagrams
 */
#ifndef SMTPSNOOP_DATAGRAM_H
#define SMTPSNOOP_DATAGRAM_H

/*
 * AF_UNIX, connected: write(2) sends, and never waits. `path` is absolute, or "@name" in the abstract namespace. The descriptor, or -errno;
 * -EINVAL: it is no such path.
 */
int datagram_connect(const char *path);

#endif
