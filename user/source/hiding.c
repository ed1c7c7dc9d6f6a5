/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hiding.c - what else could send, or change what is sent, unseen: BPF programs of others, and tun devices
 *
 * Looks into every network namespace once more. Who has a tun device open is told by its files' fdinfo, where its name stands; names are
 * the same in several namespaces, so that it has to be the only one, or the process in the device's namespace.
 */
#include "source/hiding.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/devices.h"
#include "source/namespaces.h"

/* /dev/net/tun, Documentation/admin-guide/devices.txt */
#define TUN_MAJOR 10
#define TUN_MINOR 200

struct tun {
	struct tun_device is;
	bool held;
	uint32_t last_pid; /* who was told last: it may have it open several times */
};

struct hiding {
	struct programs programs;
	struct tun tuns[LIMIT_TUNS];
	unsigned int tun_count;
	uint32_t over;
	unsigned int files; /* that were looked at */
	uint32_t home; /* our own network namespace */
};

static int on_tun(void *context, const struct tun_device *found)
{
	struct hiding *hiding = context;

	if (hiding->tun_count == LIMIT_TUNS)
		hiding->over++;
	else
		hiding->tuns[hiding->tun_count++].is = *found;
	return 0;
}

static int in_namespace(void *context, uint32_t netns)
{
	struct hiding *hiding = context;
	int rc = devices_look(&hiding->programs, netns, netns != hiding->home, on_tun, hiding);

	/* One whose list can't be had is passed over, as one that can't be entered. */
	return rc == -EPIPE ? rc : 0;
}

static int tell_tun(const struct hiding *hiding, const struct tun *tun, uint32_t pid,
		    const char *comm)
{
	struct frame_hiding found = {
		.kind = HIDING_TUN,
		.type = tun->is.type,
		.netns = tun->is.netns,
		.elsewhere = tun->is.elsewhere,
		.ifindex = tun->is.ifindex,
		.uid = tun->is.owner,
		.pid = pid,
	};

	memcpy(found.device, tun->is.name, sizeof(found.device));
	memcpy(found.name, comm, strnlen(comm, sizeof(found.name)));
	return hiding->programs.fn(hiding->programs.context, &found);
}

/* The first of a line of a small file below /proc/PID that begins so; "" = there is none. */
static void read_line(int proc, const char *path, const char *begin, char *out, size_t size)
{
	int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	ssize_t length;
	char text[1024];
	const char *at;

	out[0] = '\0';
	length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	text[length > 0 ? length : 0] = '\0';
	at = strstr(text, begin);
	if (at)
		snprintf(out, size, "%.*s", (int)strcspn(at + strlen(begin), "\n"),
			 at + strlen(begin));
}

static unsigned int same_name(const struct hiding *hiding, const char *name)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < hiding->tun_count; i++)
		count += !strcmp(hiding->tuns[i].is.name, name);
	return count;
}

static int on_file(struct hiding *hiding, int proc, uint32_t pid, const char *fd)
{
	char path[64], name[IF_NAMESIZE], comm[17];
	struct stat netns;
	int rc = 0;

	snprintf(path, sizeof(path), "fdinfo/%.16s", fd);
	read_line(proc, path, "\niff:\t", name, sizeof(name));
	if (!name[0] || fstatat(proc, "ns/net", &netns, 0))
		return 0;
	for (unsigned int i = 0; i < hiding->tun_count && !rc; i++) {
		struct tun *tun = &hiding->tuns[i];

		if (strcmp(tun->is.name, name) != 0 || tun->last_pid == pid ||
		    (same_name(hiding, name) > 1 && tun->is.netns != (uint32_t)netns.st_ino))
			continue;
		tun->held = true;
		tun->last_pid = pid;
		read_line(proc, "comm", "", comm, sizeof(comm));
		rc = tell_tun(hiding, tun, pid, comm);
	}
	return rc;
}

/* No file system is asked what is open there: it might not answer. */
static bool is_tun(int directory, const char *fd)
{
	struct statx file;

	return statx(directory, fd, AT_STATX_DONT_SYNC, STATX_TYPE, &file) == 0 &&
	       S_ISCHR(file.stx_mode) && file.stx_rdev_major == TUN_MAJOR &&
	       file.stx_rdev_minor == TUN_MINOR;
}

static int look_at_files(struct hiding *hiding, const char *pid)
{
	char path[64];
	struct dirent *entry;
	int proc, rc = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%.16s", pid);
	proc = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%.16s/fd", pid);
	dir = proc < 0 ? NULL : opendir(path);
	while (!rc && dir && (entry = readdir(dir)) && hiding->files < LIMIT_TUN_FILES) {
		if (entry->d_name[0] == '.')
			continue;
		hiding->files++;
		if (is_tun(dirfd(dir), entry->d_name))
			rc = on_file(hiding, proc, (uint32_t)strtoul(pid, NULL, 10), entry->d_name);
	}
	if (dir)
		closedir(dir);
	if (proc >= 0)
		close(proc);
	return rc;
}

/* Only where there is one: a host has many open files. */
static int tell_tuns(struct hiding *hiding)
{
	DIR *dir = hiding->tun_count ? opendir("/proc") : NULL;
	struct dirent *entry;
	int rc = 0;

	while (!rc && dir && (entry = readdir(dir)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			rc = look_at_files(hiding, entry->d_name);
	if (dir)
		closedir(dir);
	for (unsigned int i = 0; i < hiding->tun_count && !rc; i++)
		if (!hiding->tuns[i].held)
			rc = tell_tun(hiding, &hiding->tuns[i], 0, "");
	return rc;
}

int hiding_each(const struct tracer *tracer, hiding_fn *fn, void *context,
		struct frame_looked *looked)
{
	struct hiding *hiding = calloc(1, sizeof(*hiding));
	struct namespaces_looked namespaces;
	struct stat home;
	int rc;

	if (!hiding)
		return -ENOMEM;
	if (stat("/proc/self/ns/net", &home) == 0)
		hiding->home = (uint32_t)home.st_ino;
	hiding->programs.cgroup = tracer_cgroup(tracer);
	hiding->programs.fn = fn;
	hiding->programs.context = context;
	looked->programs_unknown = (uint32_t)-programs_load(&hiding->programs, tracer);
	rc = programs_of_cgroups(&hiding->programs);
	if (!rc)
		rc = namespaces_each(in_namespace, hiding, &namespaces);
	if (!rc)
		rc = programs_rest(&hiding->programs);
	if (!rc)
		rc = tell_tuns(hiding);
	looked->hiding_over = hiding->over + hiding->programs.over;
	free(hiding);
	return rc;
}
