/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * memfd - runs a program from memory that no file system holds: memfd NAME PROGRAM [ARGUMENT ...]
 *
 * NAME is the memfd's; the arguments, argv[0] included, are those after PROGRAM's path.
 */
#include <err.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv)
{
	struct stat st;
	int from, memory;

	if (argc < 4)
		errx(2, "usage: memfd NAME PROGRAM ARGV0 [ARGUMENT ...]");
	from = open(argv[2], O_RDONLY | O_CLOEXEC);
	if (from < 0 || fstat(from, &st))
		err(1, "%s", argv[2]);
	memory = memfd_create(argv[1], MFD_CLOEXEC);
	if (memory < 0)
		err(1, "memfd_create");
	while (st.st_size > 0) {
		ssize_t copied = sendfile(memory, from, NULL, (size_t)st.st_size);

		if (copied <= 0)
			err(1, "sendfile");
		st.st_size -= copied;
	}
	fexecve(memory, argv + 3, environ);
	err(1, "fexecve");
}
