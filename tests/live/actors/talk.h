/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * talk.h - the least of an SMTP client that the C actors share: an address, a reply, a lock-step dialogue
 *
 * Everything that fails ends the actor with status 1 and a sentence: the test then says which.
 */
#ifndef LIVE_TALK_H
#define LIVE_TALK_H

#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static inline struct sockaddr_in talk_address(const char *host, const char *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET};

	if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
		errx(1, "%s: no IPv4 address", host);
	address.sin_port = htons((uint16_t)atoi(port));
	return address;
}

static inline int talk_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		err(1, "socket");
	return fd;
}

/* Reads one whole reply, the last line of which has a space after its code. */
static inline void talk_reply(int fd)
{
	char line[1024];
	size_t used = 0;

	while (used < sizeof(line)) {
		ssize_t got = read(fd, line + used, 1);

		if (got <= 0)
			errx(1, "no reply");
		if (line[used++] != '\n')
			continue;
		if (used >= 4 && line[3] == ' ')
			return;
		used = 0;
	}
	errx(1, "reply too long");
}

static inline void talk_send(int fd, const char *text)
{
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		err(1, "write");
}

/* The dialogue of one small message after the greeting; helo names the actor. */
static inline void talk_message(int fd, const char *helo)
{
	char line[256];

	snprintf(line, sizeof(line), "EHLO %s\r\n", helo);
	talk_send(fd, line);
	talk_reply(fd);
	talk_send(fd, "MAIL FROM:<a@actor.example>\r\n");
	talk_reply(fd);
	talk_send(fd, "RCPT TO:<b@victim.example>\r\n");
	talk_reply(fd);
	talk_send(fd, "DATA\r\n");
	talk_reply(fd);
	talk_send(fd, "Subject: x\r\n\r\nhello\r\n.\r\n");
	talk_reply(fd);
	talk_send(fd, "QUIT\r\n");
	talk_reply(fd);
}

#endif
