/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rights.c - what each half may still do
 *
 * Rights that could not be dropped are worse than no tracer: any failure here is fatal to the caller.
 */
#include "pass/rights.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cap-ng.h>
#include <seccomp.h>

#define NOBODY 65534
/* The table of connections, the summary and their texts, all full, are below this. */
#define MEMORY_MAX (1ULL << 30)
#define DESCRIPTORS_MAX 16

#if defined(__SANITIZE_ADDRESS__)
/* the sanitizer reserves terabytes of addresses, reads /proc, traces and forks at its end */
#define SANITIZED true
#else
#define SANITIZED false
#endif

void rights_user(struct rights_user *user)
{
	static const char *const names[] = {"smtpsnoop", "nobody"};

	user->uid = NOBODY;
	user->gid = NOBODY;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct passwd *entry = getpwnam(names[i]);

		if (entry && entry->pw_uid) {
			user->uid = entry->pw_uid;
			user->gid = entry->pw_gid;
			return;
		}
	}
}

static int refuse(char *error, size_t size, const char *what, int code)
{
	snprintf(error, size, "cannot give up rights: %s: %s", what, strerror(code));
	return -code;
}

/* Before the rest: it needs CAP_SETPCAP. Where that is missing, no new privileges cover it. */
static void drop_bounds(void)
{
	capng_clear(CAPNG_SELECT_BOUNDS);
	capng_apply(CAPNG_SELECT_BOUNDS);
}

static int drop_user(const struct rights_user *user, int *kept_uid)
{
	*kept_uid = 0;
	if (setgroups(0, NULL) < 0 || setresgid(user->gid, user->gid, user->gid) < 0 ||
	    setresuid(user->uid, user->uid, user->uid) < 0) {
		if (errno != EPERM)
			return -errno;
		*kept_uid = 1;
	}
	return 0;
}

/* Needs prctl(), which the filter does not leave: so it comes before. */
static bool capabilities_left(void)
{
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_get_caps_process() < 0)
		return true;
	return capng_have_capabilities(CAPNG_SELECT_CAPS) != CAPNG_NONE;
}

int rights_become(const struct rights_user *user)
{
	int kept_uid, rc = drop_user(user, &kept_uid);

	if (rc)
		return rc;
	/* The bounding set stays: a set-user-ID program is to work. */
	capng_clear(CAPNG_SELECT_BOTH);
	if (kept_uid || capng_apply(CAPNG_SELECT_CAPS) < 0 || capabilities_left() ||
	    setresuid(0, 0, 0) == 0)
		return -EPERM;
	return 0;
}

static int limit(int resource, rlim_t value)
{
	struct rlimit both;

	/* A lower one stays: raising it is a right of its own. */
	if (!getrlimit(resource, &both) && value > both.rlim_max)
		value = both.rlim_max;
	both.rlim_cur = both.rlim_max = value;
	return setrlimit(resource, &both) < 0 ? -errno : 0;
}

static int limit_resources(void)
{
	int rc = limit(RLIMIT_NOFILE, DESCRIPTORS_MAX);

	if (!rc)
		rc = limit(RLIMIT_CORE, 0);
	if (!rc)
		rc = limit(RLIMIT_NPROC, 0);
	if (!rc)
		rc = limit(RLIMIT_AS, MEMORY_MAX);
	return rc;
}

/* Everything else answers EPERM, so that a forgotten call shows in a test and kills nobody's trace. */
static int filter_calls(void)
{
	static const int calls[] = {
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
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	struct stat output;
	int rc = filter ? 0 : -ENOMEM;

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]) && !rc; i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
	/* Taking back a part of a line: what was in the file before us stays. */
	if (!rc && fstat(STDOUT_FILENO, &output) == 0 && S_ISREG(output.st_mode))
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ftruncate), 2,
				      SCMP_A0_32(SCMP_CMP_EQ, STDOUT_FILENO),
				      SCMP_A1_64(SCMP_CMP_GE, (scmp_datum_t)output.st_size));
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

/* Tries to do what must not be possible any more. Returns what succeeded, NULL = nothing. */
static const char *regain(int kept_uid)
{
	union bpf_attr attributes;

	memset(&attributes, 0, sizeof(attributes));
	if (!kept_uid && (setresuid(0, 0, 0) == 0 || geteuid() == 0 || getuid() == 0))
		return "root's user id";
	if (open("/", O_TMPFILE | O_WRONLY, 0600) >= 0 ||
	    open("/tmp/.smtpsnoop-proof", O_WRONLY | O_CREAT, 0600) >= 0)
		return "opening a file for writing";
	if (open("/etc/passwd", O_RDONLY) >= 0)
		return "opening a file";
	if (syscall(SYS_bpf, BPF_PROG_GET_NEXT_ID, &attributes, sizeof(attributes)) >= 0 ||
	    errno != EPERM)
		return "bpf()";
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) >= 0)
		return "ptrace()";
	if (socket(AF_INET, SOCK_STREAM, 0) >= 0)
		return "opening a socket";
	return NULL;
}

int rights_drop(const struct rights_user *user, int *kept_uid, char *error, size_t error_size)
{
	const char *still;
	int rc;

	capng_get_caps_process();
	drop_bounds();
	if (!SANITIZED && prctl(PR_SET_DUMPABLE, 0) < 0)
		return refuse(error, error_size, "prctl", errno);
	rc = drop_user(user, kept_uid);
	if (rc)
		return refuse(error, error_size, "changing the user", -rc);
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_apply(CAPNG_SELECT_CAPS) < 0 || capabilities_left())
		return refuse(error, error_size, "capabilities", EPERM);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return refuse(error, error_size, "no_new_privs", errno);
	if (SANITIZED)
		return 0;
	rc = limit_resources();
	if (rc)
		return refuse(error, error_size, "resource limits", -rc);
	rc = filter_calls();
	if (rc)
		return refuse(error, error_size, "seccomp", -rc);
	still = regain(*kept_uid);
	if (still) {
		snprintf(error, error_size, "rights were given up, but %s is still possible",
			 still);
		return -EPERM;
	}
	return 0;
}

int rights_reduce(char *error, size_t error_size)
{
	static const unsigned int keep[] = {CAP_BPF, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, CAP_KILL};
	const size_t count = sizeof(keep) / sizeof(keep[0]);
	bool had[sizeof(keep) / sizeof(keep[0])];

	capng_get_caps_process();
	for (size_t i = 0; i < count; i++)
		had[i] = capng_have_capability(CAPNG_PERMITTED, keep[i]);
	drop_bounds();
	capng_clear(CAPNG_SELECT_BOTH);
	for (size_t i = 0; i < count; i++)
		if (had[i])
			capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, keep[i]);
	if (capng_apply(CAPNG_SELECT_CAPS) < 0)
		return refuse(error, error_size, "capabilities", EPERM);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return refuse(error, error_size, "no_new_privs", errno);
	capng_clear(CAPNG_SELECT_BOTH);
	capng_get_caps_process();
	if (capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN) ||
	    capng_have_capability(CAPNG_PERMITTED, CAP_NET_ADMIN))
		return refuse(error, error_size, "capabilities are still there", EPERM);
	return 0;
}
