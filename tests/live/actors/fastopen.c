/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fastopen - TCP Fast Open in its two forms: fastopen sendto|connect HOST PORT
 *
 * sendto: no connect at all, sendto() with MSG_FASTOPEN opens and speaks. connect: TCP_FASTOPEN_CONNECT, where connect()
 * returns at once and the first write sends the SYN with the data. Both greet before the server did.
 */
#include "talk.h"

#include <netinet/tcp.h>

static const char HELO[] = "EHLO fast.example\r\n";

static void rest_of_dialogue(int fd)
{
	talk_reply(fd); /* the greeting */
	talk_reply(fd); /* EHLO's */
	talk_send(fd, "MAIL FROM:<a@actor.example>\r\n");
	talk_reply(fd);
	talk_send(fd, "RCPT TO:<b@victim.example>\r\n");
	talk_reply(fd);
	talk_send(fd, "QUIT\r\n");
	talk_reply(fd);
}

int main(int argc, char **argv)
{
	struct sockaddr_in address;
	int fd, on = 1;

	if (argc != 4)
		errx(2, "usage: fastopen sendto|connect HOST PORT");
	address = talk_address(argv[2], argv[3]);
	fd = talk_socket();
	if (!strcmp(argv[1], "sendto")) {
		if (sendto(fd, HELO, strlen(HELO), MSG_FASTOPEN, (struct sockaddr *)&address,
			   sizeof(address)) != (ssize_t)strlen(HELO))
			err(1, "sendto");
	} else {
		if (setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof(on)))
			err(1, "TCP_FASTOPEN_CONNECT");
		if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
			err(1, "connect");
		talk_send(fd, HELO);
	}
	rest_of_dialogue(fd);
	close(fd);
	return 0;
}
