/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * uring - a dialogue in which connect, send and recv are io_uring operations: uring inline|async HOST PORT
 *
 * async asks for a worker thread (IOSQE_ASYNC), so that the connect is not in the context of the program's own thread.
 * Raw system calls: no liburing. Exit status 77: this kernel has no io_uring for us.
 */
#include "talk.h"

#include <errno.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>

struct ring {
	int fd;
	unsigned int *sq_tail, *sq_mask, *sq_array, *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
	uint8_t flags; /* of every operation */
};

static void *ring_map(const struct ring *ring, size_t size, off_t what)
{
	void *at =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring->fd, what);

	if (at == MAP_FAILED)
		err(1, "mmap of the ring");
	return at;
}

static void ring_open(struct ring *ring)
{
	struct io_uring_params params = {0};
	char *sq, *cq;

	ring->fd = (int)syscall(SYS_io_uring_setup, 4, &params);
	if (ring->fd < 0)
		err(errno == ENOSYS || errno == EPERM ? 77 : 1, "io_uring_setup");
	sq = ring_map(ring, params.sq_off.array + params.sq_entries * sizeof(unsigned int),
		      IORING_OFF_SQ_RING);
	cq = ring_map(ring, params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe),
		      IORING_OFF_CQ_RING);
	ring->sqes =
		ring_map(ring, params.sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
	ring->sq_tail = (unsigned int *)(sq + params.sq_off.tail);
	ring->sq_mask = (unsigned int *)(sq + params.sq_off.ring_mask);
	ring->sq_array = (unsigned int *)(sq + params.sq_off.array);
	ring->cq_head = (unsigned int *)(cq + params.cq_off.head);
	ring->cq_tail = (unsigned int *)(cq + params.cq_off.tail);
	ring->cq_mask = (unsigned int *)(cq + params.cq_off.ring_mask);
	ring->cqes = (struct io_uring_cqe *)(cq + params.cq_off.cqes);
}

/* One operation, waited for. Returns its result. */
static int ring_do(struct ring *ring, uint8_t opcode, int fd, const void *at, uint32_t length,
		   uint64_t offset)
{
	unsigned int tail = *ring->sq_tail, slot = tail & *ring->sq_mask, head;
	struct io_uring_sqe *sqe = &ring->sqes[slot];
	int result;

	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = opcode;
	sqe->flags = ring->flags;
	sqe->fd = fd;
	sqe->addr = (uint64_t)(uintptr_t)at;
	sqe->len = length;
	sqe->off = offset;
	ring->sq_array[slot] = slot;
	__atomic_store_n(ring->sq_tail, tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
		err(1, "io_uring_enter");
	head = *ring->cq_head;
	if (head == __atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE))
		errx(1, "no completion");
	result = ring->cqes[head & *ring->cq_mask].res;
	__atomic_store_n(ring->cq_head, head + 1, __ATOMIC_RELEASE);
	return result;
}

static void say(struct ring *ring, int fd, const char *text)
{
	if (ring_do(ring, IORING_OP_SEND, fd, text, (uint32_t)strlen(text), 0) != (int)strlen(text))
		errx(1, "send");
}

/* One recv a reply: the sink writes a whole reply at once. */
static void hear(struct ring *ring, int fd)
{
	char reply[1024] = "";

	if (ring_do(ring, IORING_OP_RECV, fd, reply, sizeof(reply), 0) <= 0)
		errx(1, "recv");
}

int main(int argc, char **argv)
{
	static const char *const lines[] = {
		"EHLO uring.example\r\n",
		"MAIL FROM:<a@actor.example>\r\n",
		"RCPT TO:<b@victim.example>\r\n",
		"QUIT\r\n",
	};
	struct sockaddr_in address;
	struct ring ring = {0};
	int fd, result;
	size_t i;

	if (argc != 4)
		errx(2, "usage: uring inline|async HOST PORT");
	address = talk_address(argv[2], argv[3]);
	ring.flags = strcmp(argv[1], "async") ? 0 : IOSQE_ASYNC;
	ring_open(&ring);
	fd = talk_socket();
	result = ring_do(&ring, IORING_OP_CONNECT, fd, &address, 0, sizeof(address));
	if (result)
		errx(1, "connect: %s", strerror(-result));
	hear(&ring, fd);
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		say(&ring, fd, lines[i]);
		hear(&ring, fd);
	}
	close(fd);
	return 0;
}
