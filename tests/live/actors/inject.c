/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * inject - makes another process try a system call: inject PID bpf|ptrace|open|socket|execve|setuid [PATH]
 *
 * So it is shown, and not only read from /proc, what the unprivileged half may not do. The process is stopped where it
 * waits in a system call; the call is repeated with other registers, one step. Prints what it gave: "EPERM", "0",
 * or "killed" when the kernel's filter ended the process.
 */
#include <elf.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

struct call {
	const char *name;
	long number;
	unsigned long arguments[4];
	int path_at; /* which argument is the path; -1 = none */
};

static const struct call calls[] = {
	{"bpf", SYS_bpf, {0, 0, 0, 0}, -1},
	{"ptrace", SYS_ptrace, {PTRACE_TRACEME, 0, 0, 0}, -1},
	{"open", SYS_openat, {(unsigned long)AT_FDCWD, 0, O_WRONLY | O_CREAT, 0600}, 1},
	{"socket", SYS_socket, {2, 1, 0, 0}, -1},
	{"execve", SYS_execve, {0, 0, 0, 0}, 0},
	{"setuid", SYS_setuid, {0, 0, 0, 0}, -1},
};

#if defined(__x86_64__)
#define CALL_BYTES 2 /* syscall */
#define REG_PC(r) ((r).rip)
#define REG_SP(r) ((r).rsp)
static void set_call(struct user_regs_struct *regs, long number, const unsigned long *a)
{
	regs->rax = (unsigned long)number;
	regs->orig_rax = (unsigned long)-1; /* no restart of what was interrupted */
	regs->rdi = a[0];
	regs->rsi = a[1];
	regs->rdx = a[2];
	regs->r10 = a[3];
}
#define RESULT(r) ((long)(r).rax)
#elif defined(__aarch64__)
#define CALL_BYTES 4 /* svc #0 */
#define REG_PC(r) ((r).pc)
#define REG_SP(r) ((r).sp)
static void set_call(struct user_regs_struct *regs, long number, const unsigned long *a)
{
	int i;

	regs->regs[8] = (unsigned long)number;
	for (i = 0; i < 4; i++)
		regs->regs[i] = a[i];
}
#define RESULT(r) ((long)(r).regs[0])
#endif

static void registers(int request, pid_t pid, struct user_regs_struct *regs)
{
	struct iovec io = {regs, sizeof(*regs)};

	if (ptrace(request, pid, (void *)NT_PRSTATUS, &io))
		err(1, "registers");
}

static void poke(pid_t pid, unsigned long at, const char *text)
{
	char word[sizeof(long)];
	size_t i, length = strlen(text) + 1;

	for (i = 0; i < length; i += sizeof(word)) {
		long value;

		memset(word, 0, sizeof(word));
		memcpy(word, text + i, length - i < sizeof(word) ? length - i : sizeof(word));
		memcpy(&value, word, sizeof(value));
		if (ptrace(PTRACE_POKEDATA, pid, at + i, value))
			err(1, "poke");
	}
}

/* 0 = stopped; otherwise it was killed. */
static int wait_stop(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, __WALL) < 0)
		err(1, "waitpid");
	return !WIFSTOPPED(status);
}

static const char *verdict(long result)
{
	static char text[32];

	if (result >= 0 || result < -4095) {
		snprintf(text, sizeof(text), "%ld", result);
		return text;
	}
	return strerrorname_np((int)-result);
}

int main(int argc, char **argv)
{
	struct user_regs_struct saved, regs;
	unsigned long arguments[4];
	const struct call *call = NULL;
	size_t i;
	pid_t pid;

	if (argc < 3)
		errx(2, "usage: inject PID CALL [PATH]");
	pid = atoi(argv[1]);
	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (!strcmp(calls[i].name, argv[2]))
			call = &calls[i];
	if (!call || (call->path_at >= 0 && argc < 4))
		errx(2, "no such call, or no path");
	memcpy(arguments, call->arguments, sizeof(arguments));
	if (ptrace(PTRACE_SEIZE, pid, 0, 0) || ptrace(PTRACE_INTERRUPT, pid, 0, 0))
		err(1, "seize %d", pid);
	if (wait_stop(pid))
		errx(1, "%d is gone", pid);
	registers(PTRACE_GETREGSET, pid, &saved);
	regs = saved;
	if (call->path_at >= 0) {
		/* Below the red zone of the x86-64 ABI. */
		unsigned long at = (REG_SP(saved) - 4096) & ~15UL;

		poke(pid, at, argv[3]);
		arguments[call->path_at] = at;
	}
	set_call(&regs, call->number, arguments);
	REG_PC(regs) -= CALL_BYTES;
	registers(PTRACE_SETREGSET, pid, &regs);
	if (ptrace(PTRACE_SINGLESTEP, pid, 0, 0))
		err(1, "step");
	if (wait_stop(pid)) {
		puts("killed");
		return 0;
	}
	registers(PTRACE_GETREGSET, pid, &regs);
	puts(verdict(RESULT(regs)));
	registers(PTRACE_SETREGSET, pid, &saved);
	ptrace(PTRACE_DETACH, pid, 0, 0);
	return 0;
}
