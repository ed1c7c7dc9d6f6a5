/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hold - opens connections and keeps them: hold HOST PORT COUNT [HOW]
 *
 * Says "ready" and waits for the end of its standard input. HOW: "child": a forked child has them open, too, and says its process id; "children": forty have;
 * "orphan": the child alone has them, and the parent ends; "flight": they are put into a unix socket, and nobody has them open;
 * "stuffed": more is sent than the other side takes, and the process ends, so that the connections outlive it; "thread": the main thread
 * ends, and another one goes on.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>

#include "talk.h"

#define CHILDREN 40
#define STUCK_MS 500 /* nobody took anything for so long */

static int connections[4096];

static void pass(int through, int fd)
{
	char byte = 0, room[CMSG_SPACE(sizeof(fd))] = {0};
	struct iovec data = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {.msg_iov = &data,
				 .msg_iovlen = 1,
				 .msg_control = room,
				 .msg_controllen = sizeof(room)};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	if (sendmsg(through, &message, 0) != 1)
		err(1, "sendmsg");
	close(fd);
}

/* A full buffer is not enough: on a slow machine it drains into the other side's window, and nothing waits any more. */
static void stuff(int fd)
{
	static char much[1 << 20];
	struct pollfd room = {.fd = fd, .events = POLLOUT};

	fcntl(fd, F_SETFL, O_NONBLOCK);
	do {
		while (write(fd, much, sizeof(much)) > 0)
			;
	} while (poll(&room, 1, STUCK_MS) > 0);
}

/* Once the main thread is over. */
static void *other_thread(void *main_thread)
{
	pthread_join(*(pthread_t *)main_thread, NULL);
	puts("ready");
	fflush(stdout);
	while (getchar() != EOF)
		;
	exit(0);
}

static void end_main_thread(void)
{
	static pthread_t self;
	pthread_t other;

	self = pthread_self();
	if (pthread_create(&other, NULL, other_thread, &self))
		errx(1, "pthread_create");
	pthread_exit(NULL);
}

int main(int argc, char **argv)
{
	int count = argc > 3 ? atoi(argv[3]) : 1, pair[2];
	const char *how = argc > 4 ? argv[4] : "";
	struct sockaddr_in address;

	if (argc < 3 || count < 1 || count > 4096)
		errx(2, "usage: hold HOST PORT COUNT [child|orphan|flight|stuffed|thread]");
	address = talk_address(argv[1], argv[2]);
	for (int i = 0; i < count; i++) {
		connections[i] = talk_socket();
		if (connect(connections[i], (struct sockaddr *)&address, sizeof(address)))
			err(1, "connect");
	}
	if (!strcmp(how, "flight") && socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		err(1, "socketpair");
	for (int i = 0; i < count; i++) {
		if (!strcmp(how, "flight"))
			pass(pair[0], connections[i]);
		if (!strcmp(how, "stuffed"))
			stuff(connections[i]);
	}
	for (int i = 0; !strcmp(how, "children") && i < CHILDREN; i++) {
		if (fork() == 0) {
			while (getchar() != EOF)
				;
			return 0;
		}
	}
	if (!strcmp(how, "child") || !strcmp(how, "orphan")) {
		pid_t child = fork();

		if (child > 0)
			printf("%d\n", (int)child);
		if (child > 0 && !strcmp(how, "orphan"))
			return puts("ready") < 0;
		if (child == 0) {
			while (getchar() != EOF)
				;
			return 0;
		}
	}
	if (!strcmp(how, "stuffed"))
		return 0;
	if (!strcmp(how, "thread"))
		end_main_thread();
	puts("ready");
	fflush(stdout);
	while (getchar() != EOF)
		;
	return 0;
}
