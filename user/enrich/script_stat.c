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
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "enrich/script.h"

/* A path without its links: those in a site's root are the administrator's, and a link at the end would lead elsewhere. */
static int look(uint32_t tgid, const char *path, struct statx *file)
{
	struct open_how how = {.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
			       .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	char name[64];
	int root, fd, rc;

	snprintf(name, sizeof(name), "/proc/%u/root", tgid);
	root = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -EIO;
	fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
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

void script_stat(const struct event_script *record, size_t size, struct script_facts *facts)
{
	static const struct script_facts none;
	union {
		char bytes[sizeof(none) + sizeof(*record)];
		struct script_facts facts;
	} payload;
	struct script *script;
	char path[SCRIPT_WORD_MAX];
	struct bytes file;
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
	file = script_sender(script);
	if (!file.length || file.at[0] != '/' || file.length >= sizeof(path) ||
	    memchr(file.at, '\0', file.length)) {
		free(script);
		return;
	}
	memcpy(path, file.at, file.length);
	path[file.length] = '\0';
	rc = look(script->tgid, path, &found);
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
