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

#include "base/limits.h"
#include "base/msg.h"
#include "pass/filter.h"

#define NOBODY 65534
/* The table of connections, the summary and their texts, all full, are below this. */
#define MEMORY_MAX (1ULL << 30)
#define DESCRIPTORS_MAX 16
/* And with metrics: the listener, epoll, and each client. */
#define DESCRIPTORS_LISTENING (DESCRIPTORS_MAX + 2 + LIMIT_METRICS_CLIENTS)

#if defined(__SANITIZE_ADDRESS__)
/* the sanitizer reserves terabytes of addresses, reads /proc, traces and forks at its end */
#define SANITIZED true
/* At its end it looks for leaks in /proc, which is not there below another root. */
static bool without_proc;
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return without_proc;
}

static void have_no_proc(void)
{
	without_proc = true;
}
#else
#define SANITIZED false

static void have_no_proc(void)
{
}
#endif

void rights_user(struct rights_user *user)
{
	static const char *const names[] = {"smtpsnoop", "nobody"};

	user->uid = NOBODY;
	user->gid = NOBODY;
	user->shared = true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct passwd *entry = getpwnam(names[i]);

		if (entry && entry->pw_uid) {
			user->uid = entry->pw_uid;
			user->gid = entry->pw_gid;
			user->shared = i > 0;
			return;
		}
	}
}

static int refuse(char *error, size_t size, const char *what, int code)
{
	snprintf(error, size, "cannot give up rights: %s: %s", what, strerror(code));
	return -code;
}

/* Before the rest: it needs CAP_SETPCAP. Where that is missing, no new privileges cover it; asked all the same, libcap-ng tells syslog. */
static void drop_bounds(void)
{
	if (!capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP))
		return;
	capng_clear(CAPNG_SELECT_BOUNDS);
	capng_apply(CAPNG_SELECT_BOUNDS);
}

/* A service may be started as the user that it is to become. Its groups were then chosen by who started it. */
static bool is_user(const struct rights_user *user)
{
	uid_t real, effective, saved;
	gid_t group, effective_group, saved_group;

	return getresuid(&real, &effective, &saved) == 0 && real == user->uid &&
	       effective == user->uid && saved == user->uid &&
	       getresgid(&group, &effective_group, &saved_group) == 0 && group == user->gid &&
	       effective_group == user->gid && saved_group == user->gid;
}

static int drop_user(const struct rights_user *user, int *kept_uid)
{
	*kept_uid = 0;
	if (setgroups(0, NULL) < 0 || setresgid(user->gid, user->gid, user->gid) < 0 ||
	    setresuid(user->uid, user->uid, user->uid) < 0) {
		if (errno != EPERM)
			return -errno;
		*kept_uid = !is_user(user);
	}
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

static int limit_resources(bool listens)
{
	int rc = limit(RLIMIT_NOFILE, listens ? DESCRIPTORS_LISTENING : DESCRIPTORS_MAX);

	if (!rc)
		rc = limit(RLIMIT_CORE, 0);
	if (!rc)
		rc = limit(RLIMIT_NPROC, 0);
	if (!rc)
		rc = limit(RLIMIT_AS, MEMORY_MAX);
	return rc;
}

/* What is left of the file system below the root directory, which `own` is. A descriptor of it leads nowhere else: ".." of a root is itself. */
static const char *reach(const struct stat *own)
{
	static const char *const above[] = {"/", ".", "..", "/..", "../.."};
	struct stat file;

	for (size_t i = 0; i < sizeof(above) / sizeof(above[0]); i++)
		if (stat(above[i], &file) || file.st_dev != own->st_dev ||
		    file.st_ino != own->st_ino)
			return "looking above the directory";
	if (open("../etc/passwd", O_RDONLY) >= 0)
		return "opening a file above the directory";
	for (int fd = 0; fd < DESCRIPTORS_LISTENING; fd++)
		if (fstat(fd, &file) == 0 && S_ISDIR(file.st_mode) &&
		    (file.st_dev != own->st_dev || file.st_ino != own->st_ino))
			return "leaving by a directory that is open";
	return chroot(".") >= 0 ? "chroot()" : NULL;
}

static const char *reach_anything(void)
{
	if (open("/", O_TMPFILE | O_WRONLY, 0600) >= 0 ||
	    open("/tmp/.smtpsnoop-proof", O_WRONLY | O_CREAT, 0600) >= 0)
		return "opening a file for writing";
	return NULL;
}

static const char *regain_others(void)
{
	union bpf_attr attributes;

	memset(&attributes, 0, sizeof(attributes));
	if (syscall(SYS_bpf, BPF_PROG_GET_NEXT_ID, &attributes, sizeof(attributes)) >= 0 ||
	    errno != EPERM)
		return "bpf()";
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) >= 0)
		return "ptrace()";
	if (socket(AF_INET, SOCK_STREAM, 0) >= 0 || socket(AF_UNIX, SOCK_STREAM, 0) >= 0)
		return "opening a socket";
	return NULL;
}

/* Tries to do what must not be possible any more. `own` is the only directory left, NULL = no file is. Returns what succeeded,
 * NULL = nothing. */
static const char *regain(int kept_uid, const struct stat *own)
{
	const char *reached;

	if (!kept_uid && (setresuid(0, 0, 0) == 0 || geteuid() == 0 || getuid() == 0))
		return "root's user id";
	reached = own ? reach(own) : reach_anything();
	if (reached)
		return reached;
	if (open("/etc/passwd", O_RDONLY) >= 0)
		return "opening a file";
	return regain_others();
}

/* Needs prctl(), which the filter does not leave: so it comes before. */
static bool capabilities_left(void)
{
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_get_caps_process() < 0)
		return true;
	return capng_have_capabilities(CAPNG_SELECT_CAPS) != CAPNG_NONE;
}

/* Takes the descriptor over: one of a directory that is kept would lead out again. */
static int confine(int directory, struct stat *own)
{
	int rc = fstat(directory, own) || fchdir(directory) || chroot(".") ? -errno : 0;

	if (!rc)
		have_no_proc();
	close(directory);
	return rc;
}

/* The filter comes last, and what it leaves is tried. files without `own`: which they are says the user alone. */
static int bar(int kept_uid, bool files, const struct stat *own, int listener, char *error,
	       size_t error_size)
{
	const char *still;
	int rc = limit_resources(listener >= 0);

	if (rc)
		return refuse(error, error_size, "resource limits", -rc);
	rc = filter_calls(files, listener);
	if (rc)
		return refuse(error, error_size, "seccomp", -rc);
	still = files && !own ? regain_others() : regain(kept_uid, own);
	if (!still)
		return 0;
	snprintf(error, error_size, "rights were given up, but %s is still possible", still);
	return -EPERM;
}

static int drop_capabilities(char *error, size_t error_size)
{
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_apply(CAPNG_SELECT_CAPS) < 0 || capabilities_left())
		return refuse(error, error_size, "capabilities", EPERM);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return refuse(error, error_size, "no_new_privs", errno);
	return 0;
}

static int drop(const struct rights_user *user, int *kept_uid, const struct stat *own, int listener,
		char *error, size_t error_size)
{
	int rc;

	if (!SANITIZED && prctl(PR_SET_DUMPABLE, 0) < 0)
		return refuse(error, error_size, "prctl", errno);
	rc = drop_user(user, kept_uid);
	if (rc)
		return refuse(error, error_size, "changing the user", -rc);
	if (own && *kept_uid)
		return refuse(error, error_size, "changing the user", EPERM);
	rc = drop_capabilities(error, error_size);
	if (rc || SANITIZED)
		return rc;
	return bar(*kept_uid, own != NULL, own, listener, error, error_size);
}

int rights_drop(const struct rights_user *user, int *kept_uid, char *error, size_t error_size)
{
	capng_get_caps_process();
	drop_bounds();
	return drop(user, kept_uid, NULL, -1, error, error_size);
}

int rights_confine(const struct rights_user *user, int directory, int listener, char *error,
		   size_t error_size)
{
	struct stat own;
	int rc, kept_uid;

	capng_get_caps_process();
	drop_bounds();
	rc = confine(directory, &own);
	if (rc)
		return refuse(error, error_size, "chroot to the store's directory", -rc);
	return drop(user, &kept_uid, &own, listener, error, error_size);
}

int rights_become(const struct rights_user *user, char *error, size_t error_size)
{
	int kept_uid, rc;

	capng_get_caps_process();
	if (user->uid)
		drop_bounds();
	rc = drop_user(user, &kept_uid);
	if (rc || kept_uid)
		return refuse(error, error_size, "changing the user", rc ? -rc : EPERM);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return refuse(error, error_size, "no_new_privs", errno);
	if (!user->uid)
		return 0;
	rc = drop_capabilities(error, error_size);
	if (rc)
		return rc;
	if (setresuid(0, 0, 0) == 0 || (user->gid && setresgid(0, 0, 0) == 0))
		return refuse(error, error_size, "they come back", EPERM);
	return 0;
}

int rights_run_as(const struct rights_user *user)
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

int rights_stay(int directory, char *error, size_t error_size)
{
	struct stat own;
	bool confined;
	int rc;

	capng_get_caps_process();
	drop_bounds();
	rc = confine(directory, &own);
	if (rc && rc != -EPERM)
		return refuse(error, error_size, "changing to the store's directory", -rc);
	if (!SANITIZED && prctl(PR_SET_DUMPABLE, 0) < 0)
		return refuse(error, error_size, "prctl", errno);
	confined = rc == 0;
	rc = drop_capabilities(error, error_size);
	if (rc || SANITIZED)
		return rc;
	return bar(1, true, confined ? &own : NULL, -1, error, error_size);
}

void rights_close_others(const int *keep, size_t count)
{
	int highest = STDERR_FILENO;

	for (size_t i = 0; i < count; i++)
		highest = keep[i] > highest ? keep[i] : highest;
	for (int fd = STDERR_FILENO + 1; fd < highest; fd++) {
		bool kept = false;

		for (size_t i = 0; i < count; i++)
			kept = kept || keep[i] == fd;
		if (!kept)
			close(fd);
	}
	close_range((unsigned int)highest + 1, ~0u, 0);
}

bool rights_give_up(void)
{
	struct rights_user user;
	char error[256];
	int kept_uid;

	rights_user(&user);
	if (rights_drop(&user, &kept_uid, error, sizeof(error))) {
		msg_error("%s", error);
		return false;
	}
	if (kept_uid && geteuid() == 0)
		msg_warn("keeps root's user id: changing it needs CAP_SETUID and CAP_SETGID; it "
			 "has no capability and opens no file");
	return true;
}

/* Of those that there are, and no new privileges. */
static int keep_only(const unsigned int *keep, size_t count, char *error, size_t error_size)
{
	bool had[CAP_LAST_CAP + 1];

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

int rights_reduce(char *error, size_t error_size)
{
	static const unsigned int keep[] = {CAP_BPF, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, CAP_KILL};

	return keep_only(keep, sizeof(keep) / sizeof(keep[0]), error, error_size);
}

static const unsigned int becoming[] = {CAP_SETUID, CAP_SETGID, CAP_KILL};

int rights_reduce_to_becoming(char *error, size_t error_size)
{
	return keep_only(becoming, sizeof(becoming) / sizeof(becoming[0]), error, error_size);
}

bool rights_may_become(const struct rights_user *user)
{
	bool all = true;

	capng_get_caps_process();
	for (size_t i = 0; i < sizeof(becoming) / sizeof(becoming[0]); i++)
		all = all && capng_have_capability(CAPNG_EFFECTIVE, becoming[i]);
	return all || is_user(user);
}
