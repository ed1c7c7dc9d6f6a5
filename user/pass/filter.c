/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * filter.c - the seccomp filter of a half that has given up its rights
 *
 * Everything that is not named here answers EPERM, so that a forgotten call shows in a test and kills nobody's trace.
 */
#include "pass/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <seccomp.h>

static const int calls_of_all[] = {
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(close),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(lseek),
	SCMP_SYS(brk),
	SCMP_SYS(mmap),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(futex),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(getrandom),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(sched_getaffinity),
};

/*
 * SQLite's (os_unix.c), and rename() for a damaged file that is put aside. Which files, says the root directory. No call makes a
 * directory, a link, a device or a socket, changes an owner or waits for a lock; memory is shared by mmap() above. The older names are
 * those of x86-64.
 */
static const int calls_on_files[] = {
	SCMP_SYS(openat),     SCMP_SYS(pread64),   SCMP_SYS(pwrite64),	 SCMP_SYS(fsync),
	SCMP_SYS(fdatasync),  SCMP_SYS(ftruncate), SCMP_SYS(fallocate),	 SCMP_SYS(fchmod),
	SCMP_SYS(unlink),     SCMP_SYS(unlinkat),  SCMP_SYS(rename),	 SCMP_SYS(renameat),
	SCMP_SYS(access),     SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlink),
	SCMP_SYS(readlinkat), SCMP_SYS(getcwd),	   SCMP_SYS(geteuid),
};

/* Of a descriptor: its flags, and locks that are not waited for. */
static const unsigned int fcntl_commands[] = {F_GETFD, F_SETFD, F_GETFL, F_GETLK, F_SETLK};

static int allow(scmp_filter_ctx filter, const int *calls, size_t count)
{
	int rc = 0;

	for (size_t i = 0; i < count && !rc; i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
	return rc;
}

static int allow_files(scmp_filter_ctx filter)
{
	int rc = allow(filter, calls_on_files, sizeof(calls_on_files) / sizeof(calls_on_files[0]));

	for (size_t i = 0; i < sizeof(fcntl_commands) / sizeof(fcntl_commands[0]) && !rc; i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
				      SCMP_A1_32(SCMP_CMP_EQ, fcntl_commands[i]));
	return rc;
}

/* Taking back a part of a line: what was in the file before us stays. */
static int allow_output(scmp_filter_ctx filter)
{
	struct stat output;

	if (fstat(STDOUT_FILENO, &output) || !S_ISREG(output.st_mode))
		return 0;
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ftruncate), 2,
				SCMP_A0_32(SCMP_CMP_EQ, STDOUT_FILENO),
				SCMP_A1_64(SCMP_CMP_GE, (scmp_datum_t)output.st_size));
}

int filter_calls(bool files)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int rc = filter ? 0 : -ENOMEM;

	if (!rc)
		rc = allow(filter, calls_of_all, sizeof(calls_of_all) / sizeof(calls_of_all[0]));
	if (!rc)
		rc = files ? allow_files(filter) : allow_output(filter);
	/* The terminal's size after it changed. */
	if (!rc)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				      SCMP_A1_32(SCMP_CMP_EQ, 0x5413 /* TIOCGWINSZ */));
	/* Executable memory is for nobody here. */
	if (!rc)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				      SCMP_A2_32(SCMP_CMP_MASKED_EQ, 4 /* PROT_EXEC */, 0));
	if (!rc)
		rc = seccomp_load(filter);
	seccomp_release(filter);
	return rc;
}
