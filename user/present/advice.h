/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * advice.h - what would stop an actor: commands to be copied, never run
 *
 * Only what is known to be harmless in a shell is written: numbers, and names of a few characters' kinds.
 */
#ifndef SMTPSNOOP_ADVICE_H
#define SMTPSNOOP_ADVICE_H

#include "present/text.h"

#define ADVICE_PIDS 16
#define ADVICE_NAME 128
#define ADVICE_PATH 384

/* Of one actor: its processes, and what they belong to. */
struct advice {
	uint32_t pids[ADVICE_PIDS];
	unsigned int
		pid_count; /* different ones, also those that found no room (then a lower bound) */
	bool more; /* others have one of the connections open, too, who are only counted */
	bool elsewhere; /* in another network namespace than the host's */
	bool mixed; /* they belong to different units or containers */
	char unit
		[ADVICE_NAME]; /* "php8.2-fpm.service"; "" = none, or a name that somebody could choose */
	char container[ADVICE_NAME];
	const char *runtime;
	bool mta; /* the user is an MTA's: what blocks him stops the mail */
	char file[ADVICE_PATH]; /* the script that sent, or a program; "" = none that can be told */
	uint32_t file_uid, file_gid; /* with whose rights it is moved */
	bool over; /* the connection is: its processes may be too, and their numbers somebody else's */
};

/* One command, and what it would do: "to stop:". */
struct advice_command {
	const char *what;
	char command[512];
};
#define ADVICE_COMMANDS 5

/* uid: of the actor. ports: SMTP's, for the firewall. How many there are. */
unsigned int advice_commands(const struct advice *advice, const uint16_t *ports,
			     unsigned int port_count, uint32_t uid,
			     struct advice_command out[ADVICE_COMMANDS]);

/* All that have the connection open: it lives until the last of them ends. socket may be NULL. */
void advice_add(struct advice *advice, const struct process *process,
		const struct socket_seen *socket);

/*
 * What is to be moved away: the script, or a program that was not installed. By its user's own rights alone: he can put a link in the
 * place of each directory of it.
 */
void advice_file(struct advice *advice, const struct process *process, struct bytes path);

/* They as lines of a group, indented. */
void advice_print(const struct advice *advice, const struct text *text, uint32_t uid,
		  unsigned int indent);

#endif
