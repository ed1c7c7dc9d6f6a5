/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ring.c - reads the kernel's ring buffer through a window
 *
 * The layout is the kernel's ABI (kernel/bpf/ringbuf.c): a page with the reader's position, which we may write; a page with the
 * writers' position; the data, mapped twice in a row so that no record is cut at the end. Positions only grow. A record is a header of
 * 8 bytes, its length and two flags first, and its bytes, padded to 8. Lengths are checked before they are used. Nothing is fatal.
 */
#include "source/ring.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/limits.h"

struct ring {
	int fd;
	size_t page;
	uint64_t mask; /* bytes of data - 1 */
	unsigned long *consumer; /* our position */
	unsigned long *producer; /* theirs */
	uint8_t *window;
	size_t window_size;
	uint64_t window_at; /* where in the data the window begins */
};

static void *map(const struct ring *ring, size_t size, int protection, size_t at)
{
	void *place = mmap(NULL, size, protection, MAP_SHARED, ring->fd, (off_t)at);

	if (place == MAP_FAILED)
		return NULL;
	/* The children that read executables have no business there. */
	madvise(place, size, MADV_DONTFORK);
	return place;
}

struct ring *ring_open(int map_fd, uint32_t bytes)
{
	struct ring *ring = calloc(1, sizeof(*ring));
	int error;

	if (!ring)
		return NULL;
	ring->fd = map_fd;
	ring->page = (size_t)sysconf(_SC_PAGESIZE);
	ring->mask = bytes - 1;
	ring->window_size = bytes < LIMIT_RING_WINDOW ? bytes : LIMIT_RING_WINDOW;
	ring->consumer = map(ring, ring->page, PROT_READ | PROT_WRITE, 0);
	ring->producer = ring->consumer ? map(ring, ring->page, PROT_READ, ring->page) : NULL;
	if (ring->producer)
		return ring;
	error = errno;
	ring_free(ring);
	errno = error;
	return NULL;
}

void ring_free(struct ring *ring)
{
	if (!ring)
		return;
	if (ring->window)
		munmap(ring->window, ring->window_size);
	if (ring->producer)
		munmap(ring->producer, ring->page);
	if (ring->consumer)
		munmap(ring->consumer, ring->page);
	free(ring);
}

int ring_fd(const struct ring *ring)
{
	return ring->fd;
}

uint64_t ring_waiting(const struct ring *ring)
{
	unsigned long read = __atomic_load_n(ring->consumer, __ATOMIC_ACQUIRE);

	return __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE) - read;
}

/* The bytes at a position; the window is moved to begin with its page where they are not in it. NULL with errno. */
static const uint8_t *look(struct ring *ring, uint64_t position, size_t size)
{
	uint64_t at = position & ring->mask;

	if (ring->window && at >= ring->window_at &&
	    at + size <= ring->window_at + ring->window_size)
		return ring->window + (at - ring->window_at);
	if (ring->window)
		munmap(ring->window, ring->window_size);
	ring->window_at = at & ~(uint64_t)(ring->page - 1);
	ring->window = map(ring, ring->window_size, PROT_READ, 2 * ring->page + ring->window_at);
	if (!ring->window)
		return NULL;
	if (at + size > ring->window_at + ring->window_size) {
		errno = EBADMSG; /* longer than any of our records */
		return NULL;
	}
	return ring->window + (at - ring->window_at);
}

/* One record. 1 = it was there and is counted, 0 = it is being written, or was given up; below 0: see ring_drain(). */
static int take(struct ring *ring, unsigned long *position, ring_fn *fn, void *context, int *count)
{
	const uint8_t *at = look(ring, *position, BPF_RINGBUF_HDR_SZ);
	uint32_t length, size;
	int rc = 0;

	if (!at)
		return -errno;
	length = __atomic_load_n((const uint32_t *)at, __ATOMIC_ACQUIRE);
	if (length & BPF_RINGBUF_BUSY_BIT)
		return 0;
	size = length & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
	if (!(length & BPF_RINGBUF_DISCARD_BIT)) {
		at = look(ring, *position, BPF_RINGBUF_HDR_SZ + (size_t)size);
		rc = at ? fn(context, at + BPF_RINGBUF_HDR_SZ, size) : -errno;
		*count += 1;
	}
	*position += (size + BPF_RINGBUF_HDR_SZ + 7) & ~7UL;
	__atomic_store_n(ring->consumer, *position, __ATOMIC_RELEASE);
	return rc < 0 ? rc : 1;
}

int ring_drain(struct ring *ring, ring_fn *fn, void *context)
{
	unsigned long position = __atomic_load_n(ring->consumer, __ATOMIC_ACQUIRE);
	int count = 0, rc = 1;

	while (rc == 1 && position < __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE))
		rc = take(ring, &position, fn, context, &count);
	return rc < 0 ? rc : count;
}
