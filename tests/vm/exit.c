/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * exit.c - end the virtual machine with an exit status
 *
 * Runs in the guest, as process 1: `exit keep COMMAND...` gets the right to QEMU's isa-debug-exit device (port 0xf4) and
 * runs the command in its place, which inherits it; `exit STATUS` writes the status there, upon which QEMU ends at once
 * with 2 * STATUS + 1. In two steps because a kernel in lockdown, which is one of the tests, grants nothing any more.
 * Linked statically, so that it also works from the initramfs. Without the right it dies of SIGSEGV: the guest panics,
 * and the run script sees a machine that failed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <unistd.h>

#define DEBUG_EXIT_PORT 0xf4 /* the run script's -device isa-debug-exit,iobase= */

int main(int argc, char **argv)
{
	int status = argc > 1 ? atoi(argv[1]) & 0x7f : 0; /* QEMU's status is a byte: 2 * 127 + 1 */
	int err = ioperm(DEBUG_EXIT_PORT, 1, 1);

	if (argc > 2 && strcmp(argv[1], "keep") == 0) {
		if (err)
			perror("exit: ioperm");
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		return 1;
	}
	outb((unsigned char)status, DEBUG_EXIT_PORT);
	for (;;)
		pause(); /* QEMU ends a moment later; process 1 must not end first */
}
