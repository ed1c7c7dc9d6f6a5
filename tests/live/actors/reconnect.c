/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * reconnect - two connections on one socket: reconnect HOST1 HOST2 PORT [WORDS]
 *
 * Between them the socket is dissolved with a connect to AF_UNSPEC. The HELO names are first.example and second.example. With WORDS,
 * the first connection says just these.
 */
#include "talk.h"

int main(int argc, char **argv)
{
	static const char *const helo[] = {"first.example", "second.example"};
	int fd, i;

	if (argc != 4 && argc != 5)
		errx(2, "usage: reconnect HOST1 HOST2 PORT [WORDS]");
	fd = talk_socket();
	for (i = 0; i < 2; i++) {
		struct sockaddr_in address = talk_address(argv[1 + i], argv[3]);
		struct sockaddr nobody = {.sa_family = AF_UNSPEC};

		if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
			err(1, "connect %d", i + 1);
		talk_reply(fd);
		if (i == 0 && argc == 5)
			talk_send(fd, argv[4]);
		else
			talk_message(fd, helo[i]);
		if (connect(fd, &nobody, sizeof(nobody)))
			err(1, "dissolve %d", i + 1);
	}
	close(fd);
	return 0;
}
