/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * text_socket.h - a snapshot's sockets as text: state, who has it open, and those that nobody has
 */
#ifndef SMTPSNOOP_TEXT_SOCKET_H
#define SMTPSNOOP_TEXT_SOCKET_H

#include "present/text.h"
#include "store/search.h"
#include "store/sockets.h"

/* As ss(8) has it: "ESTAB", "SYN-SENT"; "?" for a number that is none. */
const char *socket_state_name(uint32_t state);
/* What TCP's congestion control is at: "open", "loss"; NULL for a number that is none. */
const char *socket_congestion_name(uint32_t state);

/* What happened to a connection that sock_diag(7) did not list: "OPENED" or "CLOSED" while we looked. */
const char *socket_state_of(const struct socket_seen *socket, const struct connection *connection);

/* "idle 12 s, 40 kB out, 1.0 kB in 3.0 kB waiting 2 retransmitted", and who else has it open. */
void socket_words(const struct text *text, struct line *line, const struct socket_seen *socket,
		  const struct process *opener, unsigned int column);

/* Has another process it open than the opener? socket may be NULL. */
bool socket_is_shared(const struct socket_seen *socket, const struct process *opener);

/* A row for a socket without a process. */
void text_socket(const struct text *text, const struct socket_seen *socket);

/* Sockets without a process, by state. */
#define SOCKET_STATES 16
struct sockets_sum {
	uint64_t count, in_flight; /* the latter have a file that no process has open */
	uint64_t mptcp; /* parts of MPTCP connections, whose processes are not known */
	uint64_t states[SOCKET_STATES];
};

void sockets_sum_add(struct sockets_sum *sum, const struct socket_seen *socket);
void sockets_sum_print(const struct sockets_sum *sum, const struct snapshot_search *search,
		       const struct text *text);

#endif
