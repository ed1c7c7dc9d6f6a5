/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ring.h - reads the kernel's ring buffer (BPF_MAP_TYPE_RINGBUF, 457f44363a88) through a window
 *
 * libbpf's reader maps the whole ring, twice in a row, and all of that counts as this process's memory although it is the kernel's:
 * 16 MiB for a ring of 8. A window of 128 KiB that moves on costs two system calls for each 128 KiB of records.
 */
#ifndef SMTPSNOOP_RING_H
#define SMTPSNOOP_RING_H

#include <stddef.h>
#include <stdint.h>

struct ring;

/* A record; the ring goes on behind it unless the result is negative. */
typedef int ring_fn(void *context, const void *record, size_t size);

/* map_fd is borrowed; `bytes` is the ring's size, a power of two of at least one page. NULL with errno. */
struct ring *ring_open(int map_fd, uint32_t bytes);
void ring_free(struct ring *ring); /* NULL is fine */

/* Readable (poll) when there is a record that nobody has been woken for. */
int ring_fd(const struct ring *ring);

/* Bytes that wait to be read. */
uint64_t ring_waiting(const struct ring *ring);

/*
 * Hands out every record that is complete. Their number; or what fn returned, below 0; or -errno when the window can't be moved,
 * -EBADMSG when what stands there is no ring. After either the record in work counts as read.
 */
int ring_drain(struct ring *ring, ring_fn *fn, void *context);

#endif
