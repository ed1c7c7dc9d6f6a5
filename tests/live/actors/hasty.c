/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hasty - is gone within a millisecond of its connect: hasty HOST PORT
 *
 * The connect does not block and the process ends at once: when user space hears of the connection, /proc/PID is no more.
 */
#include "talk.h"

#include <errno.h>
#include <fcntl.h>

int main(int argc, char **argv)
{
	struct sockaddr_in address;
	int fd;

	if (argc != 3)
		errx(2, "usage: hasty HOST PORT");
	address = talk_address(argv[1], argv[2]);
	fd = talk_socket();
	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) && errno != EINPROGRESS)
		err(1, "connect");
	_exit(0);
}
