/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * exit.c - end the virtual machine with an exit status
 *
 * Runs in the guest: exit STATUS. Writes the status to QEMU's isa-debug-exit device (port 0xf4), upon which
 * QEMU ends at once with 2 * STATUS + 1. Linked statically, so that it also works from the initramfs.
 * Returns only when there is no such device or no right to use it: with status 1.
 */
#include <stdlib.h>
#include <sys/io.h>

#define DEBUG_EXIT_PORT 0xf4 /* the run script's -device isa-debug-exit,iobase= */

int main(int argc, char **argv)
{
	int status = argc > 1 ? atoi(argv[1]) & 0x7f : 0; /* QEMU's status is a byte: 2 * 127 + 1 */

	if (ioperm(DEBUG_EXIT_PORT, 1, 1))
		return 1;
	outb((unsigned char)status, DEBUG_EXIT_PORT);
	return 1;
}
