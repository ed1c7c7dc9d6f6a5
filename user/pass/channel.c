/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * channel.c - batches of frames over a socket pair, one way
 *
 * The reader trusts no length. Nothing here is fatal; -EPIPE and 0 say that the other half is gone.
 */
#include "pass/channel.h"

#include <errno.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define ALIGN8(n) (((n) + 7) & ~(size_t)7)

int channel_open(int fds[2])
{
	int size =
		4 *
		LIMIT_BATCH; /* a few batches may wait, so that neither half waits for the other */

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (shutdown(fds[0], SHUT_WR) < 0 || shutdown(fds[1], SHUT_RD) < 0) {
		int rc = -errno;

		close(fds[0]);
		close(fds[1]);
		return rc;
	}
	return 0;
}

void channel_writer_init(struct channel_writer *writer, int fd, channel_wait_fn *wait,
			 void *context)
{
	writer->fd = fd;
	writer->wait = wait;
	writer->context = context;
	writer->sent = 0;
	writer->used = sizeof(struct batch_head);
}

int channel_flush(struct channel_writer *writer)
{
	struct batch_head *head = (struct batch_head *)writer->batch;

	if (writer->used == sizeof(*head))
		return 0;
	head->now = clock_ns(CLOCK_BOOTTIME);
	head->wall_minus_boot = (int64_t)(clock_ns(CLOCK_REALTIME) - head->now);
	while (send(writer->fd, writer->batch, writer->used, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
		int rc = errno == ECONNRESET ? -EPIPE : -errno;

		if (rc == -EAGAIN)
			rc = writer->wait(writer->context);
		if (rc)
			return rc;
	}
	writer->sent += writer->used;
	writer->used = sizeof(*head);
	return 0;
}

bool channel_taken(const struct channel_writer *writer, uint64_t mark)
{
	int waiting;

	return ioctl(writer->fd, SIOCOUTQ, &waiting) == 0 &&
	       writer->sent - mark >= (uint64_t)waiting;
}

int channel_write(struct channel_writer *writer, enum frame_kind kind, const void *first,
		  size_t first_size, const void *second, size_t second_size)
{
	struct frame_head head = {
		.size = sizeof(head) + first_size + second_size,
		.kind = kind,
	};
	uint8_t *at;

	if (first_size > LIMIT_BATCH || second_size > LIMIT_BATCH ||
	    ALIGN8(head.size) > LIMIT_BATCH - sizeof(struct batch_head))
		return -EMSGSIZE;
	if (writer->used + ALIGN8(head.size) > LIMIT_BATCH) {
		int rc = channel_flush(writer);

		if (rc)
			return rc;
	}
	at = writer->batch + writer->used;
	memcpy(at, &head, sizeof(head));
	memcpy(at + sizeof(head), first, first_size);
	if (second_size)
		memcpy(at + sizeof(head) + first_size, second, second_size);
	memset(at + head.size, 0, ALIGN8(head.size) - head.size);
	writer->used += ALIGN8(head.size);
	return 0;
}

static int hand_out(const uint8_t *batch, size_t size, channel_frame_fn *fn, void *context)
{
	const struct batch_head *head = (const struct batch_head *)batch;
	size_t at = sizeof(*head);

	while (at < size) {
		struct frame_head frame;
		int rc;

		if (size - at < sizeof(frame))
			return -EBADMSG;
		memcpy(&frame, batch + at, sizeof(frame));
		if (frame.size < sizeof(frame) || frame.size > size - at)
			return -EBADMSG;
		rc = fn(context, head, frame.kind, batch + at + sizeof(frame),
			frame.size - sizeof(frame));
		if (rc < 0)
			return rc;
		at += ALIGN8((size_t)frame.size);
	}
	return 1;
}

int channel_read(int fd, uint8_t *buffer, channel_frame_fn *fn, void *context)
{
	ssize_t size = recv(fd, buffer, LIMIT_BATCH, 0);

	if (size < 0)
		return errno == ECONNRESET ? 0 : -errno;
	if (size == 0)
		return 0;
	if ((size_t)size < sizeof(struct batch_head))
		return -EBADMSG;
	return hand_out(buffer, size, fn, context);
}
