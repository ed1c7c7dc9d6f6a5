/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * channel.h - the one-way channel between the halves
 *
 * A SOCK_SEQPACKET pair of which the writer's end is shut for reading and the reader's for writing. Frames are gathered into
 * batches (base/frame.h), so that a burst costs few system calls. Writing waits: when the reader is slow the ring fills, and
 * what does not fit is counted in the kernel, not lost here. How it waits is the writer's business, so that it hears signals.
 */
#ifndef SMTPSNOOP_CHANNEL_H
#define SMTPSNOOP_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/frame.h"
#include "base/limits.h"

/* Returns when the channel may have room: 0 = try again, or -errno: give up. */
typedef int channel_wait_fn(void *context);

struct channel_writer {
	int fd;
	channel_wait_fn *wait;
	void *context;
	uint64_t sent; /* bytes of all batches so far */
	size_t used;
	uint8_t batch[LIMIT_BATCH] __attribute__((aligned(8)));
};

/* fds[0] reads, fds[1] writes. 0 or -errno. */
int channel_open(int fds[2]);

/* `wait` is called as long as the channel is full. */
void channel_writer_init(struct channel_writer *writer, int fd, channel_wait_fn *wait,
			 void *context);

/*
 * Appends one frame made of two parts (the second may be NULL with size 0); sends the batch when it is full. 0, -EMSGSIZE, -EPIPE
 * when the reader is gone, or what `wait` gave up with.
 */
int channel_write(struct channel_writer *writer, enum frame_kind kind, const void *first,
		  size_t first_size, const void *second, size_t second_size);
int channel_flush(struct channel_writer *writer);

/*
 * Has the reader taken all that was sent when writer->sent was `mark`? False may also mean that so much waits since then that the kernel's
 * account, which counts its own buffers as well, does not tell.
 */
bool channel_taken(const struct channel_writer *writer, uint64_t mark);

typedef int channel_frame_fn(void *context, const struct batch_head *head, uint16_t kind,
			     const void *payload, size_t size);

/*
 * Waits for one batch and hands out its frames. 1 = there was one, 0 = the writer is gone, -EBADMSG = not a batch of ours,
 * -EAGAIN = nothing there, else -errno or the negative value of fn. `buffer` has LIMIT_BATCH bytes, aligned to 8.
 */
int channel_read(int fd, uint8_t *buffer, channel_frame_fn *fn, void *context);

#endif
