/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * talk - one small message in lock-step: talk HOST PORT HELO
 *
 * With a fourth argument it waits for a line on standard input before it connects, so that the test can remove the
 * executable that runs.
 */
#include "talk.h"

int main(int argc, char **argv)
{
	struct sockaddr_in address;
	int fd;

	if (argc < 4)
		errx(2, "usage: talk HOST PORT HELO [wait]");
	if (argc > 4 && getchar() == EOF)
		errx(1, "nothing to wait for");
	address = talk_address(argv[1], argv[2]);
	fd = talk_socket();
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
		err(1, "connect");
	talk_reply(fd);
	talk_message(fd, argv[3]);
	close(fd);
	return 0;
}
