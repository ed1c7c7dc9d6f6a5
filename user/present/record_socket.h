/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * record_socket.h - a snapshot's sockets in the JSON record
 */
#ifndef SMTPSNOOP_RECORD_SOCKET_H
#define SMTPSNOOP_RECORD_SOCKET_H

#include "present/record.h"
#include "present/text_socket.h"
#include "store/sockets.h"

/* "socket" and "holders": how it stands with TCP, and who has it open. */
void record_socket_members(struct json *json, const struct socket_seen *socket,
			   int64_t wall_minus_boot);

/* A record of its own, of a socket that no process has open. */
void record_socket(struct json *json, const struct record_origin *origin,
		   const struct socket_seen *socket, int64_t unix_ns, int64_t wall_minus_boot);

/* What the search came to, as members of the last record. */
void record_search(struct json *json, const struct snapshot_search *search);

#endif
