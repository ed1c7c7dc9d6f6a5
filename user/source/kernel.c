/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kernel.c - BTF, lockdown and rights, and the sentences for when they are not enough
 */
#include "source/kernel.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <cap-ng.h>

#include "source/tracer.h"

#define KERNEL_ENOTSUPP 524 /* include/linux/errno.h */

bool kernel_has_btf(void)
{
	return access("/sys/kernel/btf/vmlinux", R_OK) == 0;
}

bool kernel_has_function(const char *name)
{
	struct btf *btf = btf__load_vmlinux_btf();
	bool found = btf && btf__find_by_name_kind(btf, name, BTF_KIND_FUNC) > 0;

	btf__free(btf);
	return found;
}

void kernel_lockdown(char *mode, size_t size)
{
	FILE *file = fopen("/sys/kernel/security/lockdown", "re");
	char line[128] = "", *open, *close;

	mode[0] = '\0';
	if (!file)
		return;
	/* "none [integrity] confidentiality" */
	if (fgets(line, sizeof(line), file) && (open = strchr(line, '[')) &&
	    (close = strchr(open, ']')))
		snprintf(mode, size, "%.*s", (int)(close - open - 1), open + 1);
	fclose(file);
}

static bool older_than(const char *release, unsigned int major, unsigned int minor)
{
	unsigned int is_major = 0, is_minor = 0;

	return sscanf(release, "%u.%u", &is_major, &is_minor) == 2 &&
	       (is_major < major || (is_major == major && is_minor < minor));
}

/* What ulimit -n says, as a number that can be printed. */
static unsigned long long files_allowed(void)
{
	struct rlimit limit = {0};

	getrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_cur;
}

const char *kernel_error(int error)
{
	return error == KERNEL_ENOTSUPP ? "not supported by this kernel" : strerror(error);
}

void kernel_refusal(const char *what, int error, char *sentence, size_t size)
{
	struct utsname name;

	uname(&name);
	if (error == EPERM || error == EACCES)
		snprintf(sentence, size,
			 "the kernel refuses %s (%s): run as root, or with the capabilities "
			 "CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN and CAP_SYS_PTRACE",
			 what, kernel_error(error));
	else if (error == ENOMEM)
		snprintf(sentence, size,
			 "no memory for %s: free some, or give a smaller --ring-size", what);
	else if (error == EMFILE)
		snprintf(sentence, size,
			 "too few open files are allowed (ulimit -n %llu): 64 are needed",
			 files_allowed());
	else if (error == ENFILE)
		snprintf(sentence, size,
			 "the system has no open files left for %s: raise the sysctl fs.file-max",
			 what);
	else if (older_than(name.release, 5, 12))
		snprintf(sentence, size,
			 "Linux %s cannot run %s (%s): 5.12 or newer with BTF is needed",
			 name.release, what, kernel_error(error));
	else
		snprintf(sentence, size,
			 "Linux %s refuses %s (%s), which is not expected of it: please report "
			 "it with what --verbose says",
			 name.release, what, kernel_error(error));
}

bool tracer_cannot(char *error, size_t error_size)
{
	struct utsname name;
	char lockdown[32];

	capng_get_caps_process();
	if (!(capng_have_capability(CAPNG_EFFECTIVE, CAP_BPF) &&
	      capng_have_capability(CAPNG_EFFECTIVE, CAP_PERFMON) &&
	      capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN)) &&
	    !capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN)) {
		snprintf(error, error_size,
			 "tracing needs root, or the capabilities CAP_BPF, CAP_PERFMON, "
			 "CAP_NET_ADMIN and CAP_SYS_PTRACE; try: sudo smtpsnoop ...");
		return true;
	}
	kernel_lockdown(lockdown, sizeof(lockdown));
	if (strcmp(lockdown, "confidentiality") == 0) {
		snprintf(error, error_size,
			 "the kernel is locked down for confidentiality, which forbids tracing; "
			 "boot with lockdown=integrity");
		return true;
	}
	uname(&name);
	/* Some 4.18 kernels carry much newer BPF: BTF decides there. */
	if (older_than(name.release, 5, 0) && !kernel_has_btf()) {
		snprintf(error, error_size, "Linux %s is too old: 5.12 or newer with BTF is needed",
			 name.release);
		return true;
	}
	if (!kernel_has_btf()) {
		snprintf(error, error_size,
			 "this kernel has no BTF (/sys/kernel/btf/vmlinux): use one built with "
			 "CONFIG_DEBUG_INFO_BTF, as distributions do since 2021");
		return true;
	}
	return false;
}

void kernel_boot_id(uint8_t id[16])
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
	char text[64] = "";
	size_t at = 0;

	if (!file)
		return;
	if (fgets(text, sizeof(text), file)) {
		for (const char *c = text; *c && *c != '\n' && at < 16; c += 2) {
			unsigned int byte;

			if (*c == '-')
				c++;
			if (sscanf(c, "%2x", &byte) != 1)
				break;
			id[at++] = byte;
		}
	}
	fclose(file);
}
