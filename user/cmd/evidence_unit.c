/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evidence_unit.c - what is kept of a process's service: its unit files, and what its cgroup says of itself
 *
 * What `systemctl cat` shows, for who comes when the host is down. The name of the unit comes from the cgroup's path; only plain
 * ones are looked for, in the system's own places, and no link is followed. A name that a user's manager or a container gave is not the
 * system's, whatever it says. What is not there is not noted.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/open.h"
#include "cmd/evidence_keep.h"
#include "enrich/cgroup.h"
#include "source/cgroup2.h"

#define PATH_BYTES 4096
#define UNIT_NAME 256 /* systemd's UNIT_NAME_MAX, with its end */
#define NO_LINKS (RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)

static const char letters[] =
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_.\\@-";

/* The path of the hierarchy with these controllers, "" = v2, in /proc/PID/cgroup: "0::/path". Line ends don't occur in names there. */
static struct bytes path_in(const char *text, const char *controllers)
{
	while (*text) {
		const char *line = text + strcspn(text, ":"), *end = text + strcspn(text, "\n");
		struct bytes rest = {line, line < end ? (size_t)(end - line) : 0};

		rest = bytes_after(rest, 1);
		if (bytes_begin(rest, controllers)) {
			rest = bytes_after(rest, strlen(controllers));
			if (bytes_begin(rest, ":"))
				return bytes_after(rest, 1);
		}
		text = *end ? end + 1 : end;
	}
	return (struct bytes){NULL, 0};
}

/* "" = none, or one that is not plain. */
static void unit_name(char name[UNIT_NAME], struct bytes cgroup, bool *claimed)
{
	struct cgroup_facts facts;

	cgroup_read(cgroup, &facts);
	*claimed = facts.unit_claimed;
	snprintf(name, UNIT_NAME, "%.*s", (int)facts.unit.length, facts.unit.at);
	if (facts.unit.length >= UNIT_NAME || name[strspn(name, letters)] || name[0] == '.')
		name[0] = '\0';
}

/* Takes `found` over. */
static int copy_unit(const struct keep *keep, int found, const char *source, unsigned int *number)
{
	char name[32];

	if (found < 0 && errno == ENOENT)
		return 0;
	if (++*number > LIMIT_EVIDENCE_UNITS) {
		if (found >= 0)
			close(found);
		return *number == LIMIT_EVIDENCE_UNITS + 1
			       ? keep_note(keep, "unit", source,
					   "not kept: there are too many of them")
			       : 0;
	}
	snprintf(name, sizeof(name), "unit-%u", *number);
	return keep_copy_found(keep, found, name, source, false);
}

static int copy_drop_ins(const struct keep *keep, const char *path, unsigned int *number)
{
	int fd = open_below(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, NO_LINKS), rc = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	while (!rc && dir && (entry = readdir(dir))) {
		char source[PATH_BYTES + UNIT_NAME];

		if (entry->d_name[0] == '.' || !bytes_end(bytes_of(entry->d_name), ".conf"))
			continue;
		snprintf(source, sizeof(source), "%s/%s", path, entry->d_name);
		rc = copy_unit(keep,
			       openat(dirfd(dir), entry->d_name, O_PATH | O_NOFOLLOW | O_CLOEXEC),
			       source, number);
	}
	if (dir)
		closedir(dir);
	return rc;
}

static int copy_units(const struct keep *keep, const char *name, unsigned int *number)
{
	static const char *const places[] = {
		"/etc/systemd/system",	       "/run/systemd/system",
		"/run/systemd/transient",      "/run/systemd/generator",
		"/run/systemd/generator.late", "/usr/local/lib/systemd/system",
		"/usr/lib/systemd/system"};
	char path[PATH_BYTES];
	int rc = 0;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && !rc; i++) {
		snprintf(path, sizeof(path), "%s/%s", places[i], name);
		rc = copy_unit(keep, open_below(AT_FDCWD, path, O_PATH | O_NOFOLLOW, NO_LINKS),
			       path, number);
		snprintf(path, sizeof(path), "%s/%s.d", places[i], name);
		if (!rc)
			rc = copy_drop_ins(keep, path, number);
	}
	return rc;
}

/* "getty@tty1.service" is made of "getty@.service". */
static int copy_template(const struct keep *keep, const char *name, unsigned int *number)
{
	const char *at = strchr(name, '@'), *type = strrchr(name, '.');
	char template[UNIT_NAME];

	if (!at || type < at + 2)
		return 0;
	snprintf(template, sizeof(template), "%.*s%s", (int)(at + 1 - name), name, type);
	return copy_units(keep, template, number);
}

/* Which processes it has, and what they use. */
static int copy_cgroup(const struct keep *keep, struct bytes path)
{
	static const char *const files[] = {"cgroup.procs", "memory.current", "pids.current",
					    "cpu.stat", "io.stat"};
	char below[PATH_BYTES], source[2 * PATH_BYTES], error[512];
	struct cgroup2 cgroup;
	int directory, rc = 0;

	if (path.length < 2 || path.length >= sizeof(below))
		return 0;
	if (cgroup2_open(&cgroup, NULL, error, sizeof(error)))
		return 0;
	snprintf(below, sizeof(below), "%.*s", (int)path.length - 1, path.at + 1);
	directory = open_below(cgroup.fd, below, O_PATH | O_DIRECTORY,
			       RESOLVE_BENEATH | NO_LINKS | RESOLVE_NO_XDEV);
	for (size_t i = 0; directory >= 0 && i < sizeof(files) / sizeof(files[0]) && !rc; i++) {
		int in = openat(directory, files[i], O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

		snprintf(source, sizeof(source), "%s/%s/%s", cgroup.where, below, files[i]);
		if (in >= 0)
			rc = keep_copy(keep, in, files[i], source);
	}
	if (directory >= 0)
		close(directory);
	close(cgroup.fd);
	return rc;
}

int keep_unit(const struct keep *keep)
{
	char text[2 * PATH_BYTES], name[UNIT_NAME];
	int fd = openat(keep->proc, "cgroup", O_RDONLY | O_CLOEXEC), rc;
	ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	unsigned int number = 0;
	struct bytes cgroup;
	bool claimed;

	if (fd >= 0)
		close(fd);
	text[length > 0 ? length : 0] = '\0';
	cgroup = path_in(text, "");
	rc = copy_cgroup(keep, cgroup);
	unit_name(name, cgroup, &claimed);
	/* Where systemd has all in cgroup v1. */
	if (!name[0])
		unit_name(name, path_in(text, "name=systemd"), &claimed);
	if (rc || !name[0])
		return rc;
	if (claimed)
		return keep_note(keep, "unit", name,
				 "not kept: a user or a container gave it that name");
	rc = copy_units(keep, name, &number);
	return rc ? rc : copy_template(keep, name, &number);
}
