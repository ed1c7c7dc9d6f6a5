/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * child.h - work that may never come to an end, in a child that has its time
 *
 * Looking into another process can be waited for without end: for the lock on its memory, or for a file system that never answers. Some of
 * it can't even be killed.
 */
#ifndef SMTPSNOOP_CHILD_H
#define SMTPSNOOP_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The caller sets `size`, and zeros else. */
struct child {
	size_t size;
	void *memory; /* of so many bytes, shared with the child */
	bool left; /* one was left alone with it */
	pid_t pid; /* of one that waits for more work; 0 = none */
	int fd; /* to it */
};

enum child_end {
	CHILD_DONE,
	CHILD_LATE, /* what it has written so far is there, and may change still */
	CHILD_NONE, /* it could not be made */
};

/* The memory, zeroed: what is asked for is put there. NULL = there is none to be had. */
void *child_memory(struct child *child);
void child_free(struct child *child); /* what it holds */

/*
 * Calls work(memory), always the same, in a child that has nothing else open, not even standard output, for at most so many milliseconds,
 * or until `stop` is readable (-1 = nothing). The child stays for the next time: a fork costs more than most work.
 */
enum child_end child_run(struct child *child, void (*work)(void *memory), unsigned int milliseconds,
			 int stop);

/* There is no more work for now: the child that waits for it ends. */
void child_rest(struct child *child);

/* Waits so long for a child's end. False: it did not end; it is not killed. */
bool child_wait(pid_t pid, unsigned int milliseconds, int stop, int *how);

#endif
