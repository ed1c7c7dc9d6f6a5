/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * disguise.c - does a process wear somebody else's name?
 *
 * A process can call itself anything: prctl(PR_SET_NAME) and perl's $0 change comm and the bytes of argv, exec -a the argv[0], and an
 * executable may be given any file name. What it can't change is the executable. Compared are three names: comm, the first word of
 * argv[0] without its directory, and the executable's file name.
 *
 * What looks alike and is honest:
 *   symbolic links     comm and argv[0] carry the link's name ("sh" is dash, "sendmail" is msmtp)
 *   #! scripts         comm is the script's name, the executable the interpreter
 *   titles             "php-fpm: pool www", "gunicorn: worker", "sshd: user@pts/0", "[celeryd: ...]"
 *   threads            node's main thread is called "MainThread"; argv[0] stays honest
 *   login shells       argv[0] is "-bash"
 *   multi-call         busybox is everything
 */
#include <sys/stat.h>

#include "enrich/interpreter.h"
#include "judge/disguise.h"

#define COMM_MAX (EVENT_COMM_LEN - 1) /* what a comm keeps of a longer name */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Names that make an administrator look away. */
static const char *const protected_names[] = {
	"postfix",
	"smtp",
	"smtpd",
	"lmtp",
	"master",
	"qmgr",
	"pickup",

	"tlsmgr",
	"trivial-rewrite",
	"exim",
	"exim4",
	"sendmail",
	"sendmail-mta",
	"opensmtpd",
	"qmail-remote",
	"qmail-send",
	"qmail-smtpd",
	"systemd",
	"init",
	"(sd-pam)",
	"systemd-journald",
	"systemd-journal",
	"systemd-logind",
	"systemd-udevd",
	"systemd-resolved",
	"systemd-resolve",
	"systemd-networkd",
	"systemd-timesyncd",
	"systemd-timesyn",
	"sshd",
	"cron",
	"crond",
	"atd",
	"dbus-daemon",
	"dbus-broker",
	"rsyslogd",
	"syslogd",
	"auditd",
	"agetty",
	"udevd",
	"polkitd",
	"irqbalance",
	"chronyd",
	"ntpd",
	"NetworkManager",
	"httpd",
	"apache2",
	"nginx",
	"mysqld",
	"mariadbd",
};

/* Kernel threads as they are called; a longer name may follow. */
static const char *const kernel_threads[] = {
	"kworker",    "ksoftirqd",   "kthreadd",     "kthread",	  "migration", "kswapd",
	"khugepaged", "kdevtmpfs",   "kauditd",	     "kblockd",	  "kcompactd", "ksmd",
	"khungtaskd", "kintegrityd", "oom_reaper",   "rcu_",	  "rcuop",     "rcuob",
	"cpuhp/",     "idle_inject", "watchdog/",    "watchdogd", "jbd2/",     "ext4-rsv",
	"xfs-",	      "xfsaild",     "btrfs-",	     "scsi_eh",	  "scsi_tmf",  "irq/",
	"md0_",	      "md1_",	     "mm_percpu_wq", "writeback", "events/",   "flush-",
	"bioset",     "netns",	     "kstrp",	     "zswap-",	  "loop0",     "nvme-",
	"card0-",     "ata_sff",     "edac-poller",  "devfreq",	  "inet_frag", "pdflush",
	"kjournald",
};

/* Programs that are installed as /usr/sbin/sendmail, by a link or by alternatives. */
static const char *const sendmail_kin[] = {
	"exim",		 "msmtp",     "ssmtp",	    "esmtp",   "dma",
	"nullmailer",	 "smtpctl",   "masqmail",   "xmail",   "courier",
	"mini_sendmail", "femtomail", "mhsendmail", "mailpit", "opensmtpd",
};

static const char *const multi_call[] = {"busybox", "toybox", "coreutils"};

static bool among(struct bytes name, const char *const list[], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (bytes_are(name, list[i]))
			return true;
	}
	return false;
}

static bool begins_among(struct bytes name, const char *const list[], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (bytes_begin(name, list[i]))
			return true;
	}
	return false;
}

static struct bytes comm_of(const struct process *process)
{
	return (struct bytes){process->id.comm, strnlen(process->id.comm, EVENT_COMM_LEN)};
}

/* argv[0] without directory, login dash, and everything from the first blank or colon on. *title: there was such. */
static struct bytes called(const struct process *process, bool *title)
{
	struct bytes name = process_argument(process, 0);

	*title = false;
	if (bytes_begin(name, "-"))
		name = bytes_after(name, 1);
	for (size_t i = 0; i < name.length; i++) {
		if (name.at[i] == ' ' || name.at[i] == ':') {
			*title = true;
			name.length = i;
		}
	}
	return bytes_leaf(name);
}

/* "python3" and "python3.11", "sshd" and "sshd-session", a name and the 15 bytes that comm keeps of it. */
static bool related(struct bytes a, struct bytes b)
{
	size_t shorter = a.length < b.length ? a.length : b.length;

	if (bytes_equal(a, b))
		return true;
	return shorter >= 2 && memcmp(a.at, b.at, shorter) == 0;
}

/* Did comm come from a script that the interpreter was started for? Its path is then among the first arguments. */
static struct bytes script_behind(const struct process *process)
{
	struct bytes comm = comm_of(process);

	for (unsigned int n = 1; n <= 3; n++) {
		struct bytes argument = process_argument(process, n), leaf = bytes_leaf(argument);

		if (leaf.length > COMM_MAX)
			leaf.length = COMM_MAX;
		if (leaf.length && bytes_equal(leaf, comm))
			return argument;
	}
	return (struct bytes){NULL, 0};
}

static bool in_system_directory(struct bytes path)
{
	static const char *const directories[] = {"/usr/", "/bin/", "/sbin/",	  "/etc/",
						  "/lib/", "/opt/", "/var/qmail/"};

	return begins_among(path, directories, COUNT(directories));
}

/* Nobody but root could have made this file; a container's files may belong to the container's root. */
static bool installed(const struct process *process)
{
	if (process->id.flags & IDENTITY_EXE_MEMFD)
		return false;
	if (process->extra.mta_flags & (ENRICHMENT_MTA_EXE | ENRICHMENT_MTA_NAME))
		return true;
	if (process->container.length && !process->container_claimed &&
	    process->extra.container_pidns)
		return true;
	return process->id.exe_uid == 0 && (process->id.exe_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* May this executable rightly be called `name`? */
static bool entitled(const struct process *process, struct bytes name, struct bytes exe)
{
	if (!installed(process))
		return false;
	if (related(name, exe) || among(exe, multi_call, COUNT(multi_call)))
		return true;
	return bytes_are(name, "sendmail") && begins_among(exe, sendmail_kin, COUNT(sendmail_kin));
}

static bool is_protected(struct bytes name)
{
	return among(name, protected_names, COUNT(protected_names));
}

/* "[kworker/u8:2]" or "kworker/u8:2" */
static bool like_kernel_thread(struct bytes name)
{
	if (bytes_begin(name, "["))
		name = bytes_after(name, 1);
	return begins_among(name, kernel_threads, COUNT(kernel_threads));
}

/* A link may call it after its kind: gawk is awk, dash is sh. */
static bool renamed_interpreter(struct bytes exe, struct bytes name)
{
	const struct interpreter *is = interpreter_named(exe), *called = interpreter_named(name);

	return is && !(called && called->language == is->language);
}

/* comm is set by exec to the file's or the link's name, argv[0] by whoever called exec: where they disagree with each other and with the
 * executable, or an interpreter is called after nothing that it runs, somebody renamed it. */
static bool renamed(const struct process *process, struct bytes exe, bool script)
{
	struct bytes comm = comm_of(process), name;
	bool title;

	name = called(process, &title);
	if (title || script || !name.length || related(name, exe))
		return false;
	if (among(exe, multi_call, COUNT(multi_call)))
		return false;
	if (name.length > COMM_MAX)
		name.length = COMM_MAX;
	if (!related(name, comm))
		return true;
	return renamed_interpreter(exe, name);
}

struct disguise disguise_of(const struct process *process)
{
	struct bytes comm = comm_of(process), exe = process_file_name(process), name, script;
	struct bytes first = process_argument(process, 0);
	struct disguise disguise = {0};
	bool title, excused;

	if (process->small || !exe.length || process->id.flags & IDENTITY_KTHREAD)
		return disguise;
	name = called(process, &title);
	script = script_behind(process);
	/* A script that the system installed may be called sendmail; one from anywhere else may not. */
	excused = script.length && in_system_directory(script);
	/* comm "postfix/smtp" is the form of the mail log. */
	comm = bytes_leaf(comm);
	disguise.protected_name =
		(is_protected(comm) && !entitled(process, comm, exe) && !excused) ||
		(is_protected(name) && !entitled(process, name, exe)) ||
		(is_protected(exe) && !installed(process));
	disguise.fake_kthread =
		(bytes_begin(first, "[") && like_kernel_thread(first)) ||
		(like_kernel_thread(comm_of(process)) && !related(comm_of(process), exe));
	disguise.mismatch = disguise.protected_name || disguise.fake_kthread ||
			    renamed(process, exe, script.length != 0);
	return disguise;
}
