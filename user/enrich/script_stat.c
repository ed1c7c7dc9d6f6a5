/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * script_stat.c - what the file system says of a script
 *
 * The path is the attacker's: it is given to the kernel, confined to the root of its process, and says at most that there is a file.
 */
#include "enrich/script_stat.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/open.h"
#include "enrich/script.h"

/*
 * What the kernel does not know by heart is not asked for: the file system may be the attacker's (FUSE), or its server dead (NFS), and
 * would be waited for without end. PHP has just opened the file, so that it mostly is known.
 *
 * A path without its links: those in a site's root are the administrator's, and a link at the end would lead elsewhere.
 */
static int look_below(const char *root_path, const char *path, struct statx *file)
{
	int root = open(root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd, rc;

	if (root < 0)
		return -EIO;
	fd = open_below(root, path, O_PATH | O_NOFOLLOW,
			RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_CACHED);
	rc = fd < 0 ? -errno : 0;
	close(root);
	if (rc)
		return rc;
	/* A network file system is asked for nothing: what it has told already will do. */
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS, file))
		rc = -EIO;
	close(fd);
	return rc;
}

static int look_in(uint32_t tgid, const char *path, struct statx *file)
{
	char root[64];

	snprintf(root, sizeof(root), "/proc/%u/root", tgid);
	return look_below(root, path, file);
}

/* In the root of the process that was read. If that is over: in ours, if it is the same; else what comes from it may have kept it. */
static int look(const struct event_script *record, const char *path, struct statx *file)
{
	int rc = look_in(record->tgid, path, file);
	struct stat ours;

	if (rc != -EIO)
		return rc;
	if (!(record->flags & SCRIPT_F_CHROOT) && stat("/proc/self/ns/mnt", &ours) == 0 &&
	    ours.st_ino == record->ns_mnt)
		return look_below("/", path, file);
	/* What is not in another's root says nothing. */
	if (record->reader != record->tgid && look_in(record->reader, path, file) == 0)
		return 0;
	return rc;
}

/* -EINVAL: it is no path that could be looked at. */
static int look_at(const struct event_script *record, struct bytes file, struct statx *found)
{
	char path[SCRIPT_URL_MAX];

	if (!bytes_begin(file, "/") || file.length >= sizeof(path) ||
	    memchr(file.at, '\0', file.length))
		return -EINVAL;
	memcpy(path, file.at, file.length);
	path[file.length] = '\0';
	return look(record, path, found);
}

/* A name like that of code of eval() is mostly that; but a file may have it. */
static int look_for(const struct event_script *record, const struct script *script,
		    struct statx *found, uint8_t *whole)
{
	const struct script_call *caller = script_caller(script);
	struct bytes file = script_sender(script);

	if (script_file_cut(script))
		return -EINVAL;
	*whole = caller && caller->file.length > file.length &&
		 look_at(record, caller->file, found) == 0;
	return *whole ? 0 : look_at(record, file, found);
}

void script_stat(const struct event_script *record, size_t size, struct script_facts *facts)
{
	static const struct script_facts none;
	union {
		char bytes[sizeof(none) + sizeof(*record)];
		struct script_facts facts;
	} payload;
	struct script *script;
	struct statx found;
	int rc;

	*facts = none;
	if (size > sizeof(*record))
		return;
	memcpy(payload.bytes, &none, sizeof(none));
	memcpy(payload.bytes + sizeof(none), record, size);
	script = script_decode(payload.bytes, sizeof(none) + size);
	if (!script)
		return;
	rc = look_for(record, script, &found, &facts->whole);
	free(script);
	if (rc == -ENOENT || rc == -ENOTDIR) {
		facts->known = SCRIPT_FILE_GONE;
	} else if (rc == 0) {
		facts->known = SCRIPT_FILE_THERE;
		facts->uid = found.stx_uid;
		facts->mode = found.stx_mode;
		facts->changed = found.stx_ctime.tv_sec;
		facts->age = time(NULL) - facts->changed;
	}
}
