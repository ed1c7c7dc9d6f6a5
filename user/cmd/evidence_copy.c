/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evidence_copy.c - what is kept of a process and of a script
 *
 * Paths are the attacker's: in the root of its process, without links, and only regular files, which are looked at before they are opened.
 * No access time is changed. What is too large is cut, what can't be read is left out, and both are noted.
 */
#include "cmd/evidence_keep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/open.h"
#include "enrich/proc_stat.h"
#include "enrich/process.h"
#include "enrich/script.h"
#include "enrich/script_file.h"

#define PIECE 65536
#define NAME_MAX_BYTES 48
#define SOURCE_MAX 4096

static int write_all(int fd, const char *bytes, size_t length)
{
	while (length) {
		ssize_t done = write(fd, bytes, length);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done ? -errno : -ENOSPC;
		bytes += done;
		length -= (size_t)done;
	}
	return 0;
}

/* `folder` has its slash. */
static int write_note(const struct evidence_place *place, const char *folder, const char *name,
		      const char *source, const char *remark)
{
	char line[4 * SOURCE_MAX + 256], escaped[4 * SOURCE_MAX + 1];
	int length;

	escape_text(escaped, sizeof(escaped), source, strlen(source), NULL);
	length = snprintf(line, sizeof(line), "%s%s\t%s\t%s\n", folder, name, escaped, remark);
	if (length < 0 || (size_t)length >= sizeof(line))
		return -EMSGSIZE;
	return write_all(place->sources, line, (size_t)length);
}

int keep_note(const struct keep *keep, const char *name, const char *source, const char *remark)
{
	char folder[sizeof(keep->name) + 2];

	snprintf(folder, sizeof(folder), "%s/", keep->name);
	return write_note(keep->place, folder, name, source, remark);
}

/* *cut: there is more. */
static int copy_bytes(const struct keep *keep, int in, int out, bool *cut)
{
	struct evidence_shared *shared = keep->place->shared;
	uint64_t left = keep->most;
	char piece[PIECE];

	if (shared->bytes >= LIMIT_EVIDENCE_BYTES)
		left = 0;
	else if (left > LIMIT_EVIDENCE_BYTES - shared->bytes)
		left = LIMIT_EVIDENCE_BYTES - shared->bytes;
	for (;;) {
		ssize_t got = read(in, piece, sizeof(piece));
		int rc;

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return 0; /* a process that is over, or a file that can't be read on: what there is stays */
		*cut = (uint64_t)got > left;
		if (*cut)
			got = (ssize_t)left;
		rc = write_all(out, piece, (size_t)got);
		if (rc)
			return rc;
		left -= (uint64_t)got;
		shared->bytes += (uint64_t)got;
		if (*cut)
			return 0;
	}
}

static bool same_state(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

int keep_copy(const struct keep *keep, int in, const char *name, const char *source)
{
	int out = openat(keep->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			 0600);
	struct stat before = {0}, after = {0};
	bool cut = false;
	char remark[160];
	int rc;

	if (out < 0) {
		rc = -errno;
		close(in);
		return rc;
	}
	fstat(in, &before);
	rc = copy_bytes(keep, in, out, &cut);
	fstat(in, &after);
	snprintf(remark, sizeof(remark), "mode %04o uid %u%s%s", before.st_mode & 07777,
		 before.st_uid, cut ? ", cut: it is larger than what is kept" : "",
		 same_state(&before, &after) ? "" : ", changed while it was read");
	close(in);
	if (close(out) && !rc)
		rc = -errno;
	return rc ? rc : keep_note(keep, name, source, remark);
}

/* True: this very file is there already, and that was noted. */
static bool kept_before(const struct keep *keep, const struct stat *file, const char *name,
			const char *source)
{
	struct evidence_shared *shared = keep->place->shared;
	char remark[80];

	for (unsigned int i = 0; i < shared->file_count; i++)
		if (shared->files[i].device == file->st_dev &&
		    shared->files[i].inode == file->st_ino) {
			snprintf(remark, sizeof(remark), "is %s", shared->files[i].name);
			keep_note(keep, name, source, remark);
			return true;
		}
	if (shared->file_count < LIMIT_EVIDENCE_FILES) {
		shared->files[shared->file_count].device = file->st_dev;
		shared->files[shared->file_count].inode = file->st_ino;
		snprintf(shared->files[shared->file_count].name,
			 sizeof(shared->files[shared->file_count].name), "%s/%s", keep->name, name);
		shared->file_count++;
	}
	return false;
}

/* What the kernel makes up when it is read, and what reading may change. */
static bool is_made_up(int fd)
{
	static const long magic[] = {PROC_SUPER_MAGIC,	  SYSFS_MAGIC,	    DEBUGFS_MAGIC,
				     TRACEFS_MAGIC,	  SECURITYFS_MAGIC, CGROUP_SUPER_MAGIC,
				     CGROUP2_SUPER_MAGIC, BPF_FS_MAGIC,	    EFIVARFS_MAGIC,
				     BINFMTFS_MAGIC,	  PSTOREFS_MAGIC,   NSFS_MAGIC};
	struct statfs system;

	if (fstatfs(fd, &system))
		return true;
	for (size_t i = 0; i < sizeof(magic) / sizeof(magic[0]); i++)
		if (system.f_type == magic[i])
			return true;
	return false;
}

/* By its mode: the keeper may read everything, and the process shall not choose what that is. */
static bool may_read(const struct keep *keep, const struct stat *file)
{
	if (keep->uid == 0)
		return true;
	if (file->st_uid == keep->uid)
		return file->st_mode & S_IRUSR;
	return file->st_mode & (file->st_gid == keep->gid ? S_IRGRP : S_IROTH);
}

int keep_copy_found(const struct keep *keep, int found, const char *name, const char *source,
		    bool own)
{
	struct stat file;
	int in;

	if (found < 0)
		return keep_note(keep, name, source, strerror(errno));
	if (fstat(found, &file) || !S_ISREG(file.st_mode) || is_made_up(found)) {
		close(found);
		return keep_note(keep, name, source, "not kept: it is no regular file");
	}
	if (own && !may_read(keep, &file)) {
		close(found);
		return keep_note(keep, name, source, "not kept: the process may not read it");
	}
	if (kept_before(keep, &file, name, source)) {
		close(found);
		return 0;
	}
	in = open_again(found, O_RDONLY | O_NOATIME | O_NONBLOCK);
	close(found);
	return in < 0 ? keep_note(keep, name, source, strerror(errno))
		      : keep_copy(keep, in, name, source);
}

static int copy_proc(const struct keep *keep, const char *name)
{
	int in = openat(keep->proc, name, O_RDONLY | O_CLOEXEC);
	char source[64];

	snprintf(source, sizeof(source), "/proc/%s/%s", keep->name + strlen("process-"), name);
	return in < 0 ? keep_note(keep, name, source, strerror(errno))
		      : keep_copy(keep, in, name, source);
}

static int copy_proc_files(const struct keep *keep, const char *const *names, size_t count)
{
	int rc = 0;

	for (size_t i = 0; i < count && !rc; i++)
		rc = copy_proc(keep, names[i]);
	return rc;
}

static void read_link(int directory, const char *name, char *out, size_t size)
{
	ssize_t length = readlinkat(directory, name, out, size - 1);

	out[length < 0 ? 0 : length] = '\0';
}

static int copy_exe(const struct keep *keep)
{
	char source[SOURCE_MAX];

	read_link(keep->proc, "exe", source, sizeof(source));
	return keep_copy_found(keep, openat(keep->proc, "exe", O_PATH | O_CLOEXEC), "exe", source,
			       false);
}

/* Opened for more than its path: its flags are octal, in proc(5), fdinfo. */
static bool is_opened(const struct keep *keep, const char *number)
{
	char path[64], text[256], *flags;
	unsigned long value = O_PATH;
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "fdinfo/%.16s", number);
	fd = openat(keep->proc, path, O_RDONLY | O_CLOEXEC);
	length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	text[length > 0 ? length : 0] = '\0';
	flags = strstr(text, "flags:");
	if (flags)
		value = strtoul(flags + strlen("flags:"), NULL, 8);
	return flags && !(value & O_PATH);
}

static int note_open_files(const struct keep *keep, bool cut)
{
	char source[64];

	snprintf(source, sizeof(source), "/proc/%s/fd", keep->name + strlen("process-"));
	return keep_note(keep, "open-files", source, cut ? "cut: there are more" : "");
}

/* The list of open files. */
static int list_open_files(const struct keep *keep)
{
	int list = openat(keep->proc, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	int out = openat(keep->folder, "open-files", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	DIR *dir = list < 0 ? NULL : fdopendir(list);
	size_t left = LIMIT_EVIDENCE_LIST;
	struct dirent *entry = NULL;

	if (out < 0)
		rc = -errno;
	while (!rc && dir && (entry = readdir(dir))) {
		char target[SOURCE_MAX], line[4 * SOURCE_MAX + 64];
		size_t length;

		if (entry->d_name[0] == '.')
			continue;
		read_link(dirfd(dir), entry->d_name, target, sizeof(target));
		length = (size_t)snprintf(line, sizeof(line), "%.16s\t", entry->d_name);
		length += escape_text(line + length, sizeof(line) - length - 1, target,
				      strlen(target), NULL);
		line[length++] = '\n';
		if (length > left)
			break;
		left -= length;
		rc = write_all(out, line, length);
	}
	keep->place->shared->bytes += LIMIT_EVIDENCE_LIST - left;
	if (!rc)
		rc = note_open_files(keep, entry);
	if (dir)
		closedir(dir);
	if (out >= 0)
		close(out);
	return rc;
}

/* Deleted files that it has open: nothing else leads to them. The last thing, and of half of the room, since anybody can have many. */
static int copy_deleted(struct keep *keep)
{
	int list = openat(keep->proc, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *dir = list < 0 ? NULL : fdopendir(list);
	unsigned int deleted = 0;
	struct dirent *entry;

	keep->most = LIMIT_EVIDENCE_DELETED_FILE;
	while (!rc && dir && deleted < LIMIT_EVIDENCE_DELETED && (entry = readdir(dir))) {
		char target[SOURCE_MAX], name[NAME_MAX_BYTES];
		struct stat file;

		if (entry->d_name[0] == '.' || fstatat(dirfd(dir), entry->d_name, &file, 0) ||
		    !S_ISREG(file.st_mode) || file.st_nlink || !is_opened(keep, entry->d_name))
			continue;
		deleted++;
		read_link(dirfd(dir), entry->d_name, target, sizeof(target));
		snprintf(name, sizeof(name), "deleted-%.16s", entry->d_name);
		if (keep->place->shared->bytes > LIMIT_EVIDENCE_BYTES / 2)
			rc = keep_note(keep, name, target,
				       "not kept: there is no room left for such");
		else
			rc = keep_copy_found(keep,
					     openat(dirfd(dir), entry->d_name, O_PATH | O_CLOEXEC),
					     name, target, true);
	}
	if (dir)
		closedir(dir);
	return rc;
}

/* In the root of the process, no link on the way, and only what the kernel knows by heart: whoever opened it made it so. */
static int copy_script(const struct keep *keep, struct bytes path)
{
	char source[SCRIPT_PATH_MAX + 1], name[NAME_MAX_BYTES];
	unsigned int number = 1;
	struct stat file;
	int root, found;

	if (!bytes_begin(path, "/") || path.length >= sizeof(source) ||
	    memchr(path.at, '\0', path.length))
		return 0;
	memcpy(source, path.at, path.length);
	source[path.length] = '\0';
	do
		snprintf(name, sizeof(name), "script-%u", number);
	while (fstatat(keep->folder, name, &file, AT_SYMLINK_NOFOLLOW) == 0 &&
	       ++number <= LIMIT_EVIDENCE_SCRIPTS);
	if (number > LIMIT_EVIDENCE_SCRIPTS)
		return keep_note(keep, "script", source, "not kept: there are too many of them");
	root = openat(keep->proc, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return keep_note(keep, name, source, "not kept: the process is over");
	found = open_below(root, source, O_PATH | O_NOFOLLOW,
			   RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
				   RESOLVE_CACHED);
	close(root);
	if (found < 0 && errno == EAGAIN)
		return keep_note(keep, name, source,
				 "not kept: its file system would have to be asked for it");
	return keep_copy_found(keep, found, name, source, true);
}

/* Effective ids, from "Uid:" and "Gid:" of proc(5), status. */
static uint32_t status_id(int proc, const char *key)
{
	char text[2048], *at;
	unsigned int real, effective = UINT32_MAX;
	int fd = openat(proc, "status", O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[length > 0 ? length : 0] = '\0';
	/* The name is escaped there, so that no line of it can look like this. */
	at = strstr(text, key);
	return at && sscanf(at + strlen(key), "%u %u", &real, &effective) == 2 ? effective
									       : UINT32_MAX;
}

/* 1: there are enough of them, and that was noted. */
static int make_folder(struct keep *keep)
{
	const struct evidence_place *place = keep->place;
	int rc = mkdirat(place->directory, keep->name, 0700) ? -errno : 0;

	if (!rc && ++place->shared->folders > LIMIT_EVIDENCE_FOLDERS) {
		unlinkat(place->directory, keep->name, AT_REMOVEDIR);
		rc = keep_note(keep, "", "", "not kept: there are too many processes");
		return rc ? rc : 1;
	}
	if (rc && rc != -EEXIST)
		return rc;
	keep->folder = openat(place->directory, keep->name,
			      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return keep->folder < 0 ? -errno : 0;
}

/*
 * Its folder, and the process if it still is the one. `start` 0: whichever has the number. `tid` is of a thread that lives. 1: it is left
 * out.
 */
static int keep_begin(struct keep *keep, const struct evidence_place *place, uint32_t tgid,
		      uint32_t tid, uint64_t start)
{
	char path[64];
	int leader, rc;

	keep->place = place;
	keep->most = LIMIT_EVIDENCE_FILE;
	snprintf(keep->name, sizeof(keep->name), "process-%" PRIu32, tgid);
	rc = make_folder(keep);
	if (rc)
		return rc;
	leader = proc_open(tgid);
	keep->proc = leader;
	if (leader < 0)
		return 0;
	snprintf(path, sizeof(path), "task/%" PRIu32, tid);
	if (start && proc_stat(leader, PROC_STAT_START) != proc_stat_ticks(start))
		keep->proc = -1;
	else if (tid != tgid)
		keep->proc = openat(leader, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (keep->proc != leader)
		close(leader);
	keep->uid = status_id(keep->proc, "\nUid:");
	keep->gid = status_id(keep->proc, "\nGid:");
	return 0;
}

/* process NULL: nothing but its number is known. */
static int keep_process(const struct evidence_place *place, uint32_t tgid, uint32_t tid,
			uint64_t start, const struct process *process)
{
	static const char *const numbers[] = {"status",	   "limits", "cgroup",
					      "mountinfo", "stat",   "io"};
	static const char *const memory[] = {"maps", "cmdline", "environ"};
	struct script_file script;
	struct keep keep;
	int rc = keep_begin(&keep, place, tgid, tid, start);

	if (!rc && keep.proc < 0)
		return keep_note(&keep, "", "", "not kept: the process is over");
	/* What can vanish first comes first. */
	if (!rc)
		rc = copy_exe(&keep);
	if (!rc && process && script_file_find(process, &script) && script.kind == SCRIPT_FILE)
		rc = copy_script(&keep, script_file_path(&script));
	if (!rc)
		rc = copy_proc_files(&keep, numbers, sizeof(numbers) / sizeof(numbers[0]));
	if (!rc)
		rc = keep_unit(&keep);
	if (!rc)
		rc = list_open_files(&keep);
	if (!rc)
		rc = copy_deleted(&keep);
	/* The process can make whoever looks at its memory wait: see proc_read.c. */
	if (!rc)
		rc = copy_proc_files(&keep, memory, sizeof(memory) / sizeof(memory[0]));
	return rc < 0 ? rc : 0;
}

int evidence_copy_process(const struct evidence_place *place, const void *payload, size_t size)
{
	struct process *process = process_decode(payload, size);
	int rc;

	if (!process)
		return 0;
	rc = keep_process(place, process->id.tgid, process->id.tid, process->id.start, process);
	process_free(process);
	return rc;
}

int evidence_copy_holder(const struct evidence_place *place, const void *payload, size_t size)
{
	struct event_holder holder;

	if (size != sizeof(holder))
		return 0;
	memcpy(&holder, payload, sizeof(holder));
	return keep_process(place, holder.tgid, holder.tgid, holder.start, NULL);
}

int evidence_copy_script(const struct evidence_place *place, const void *record, size_t size)
{
	static const struct script_facts none;
	char payload[sizeof(none) + sizeof(struct event_script)];
	struct script *script;
	struct keep keep;
	int rc;

	if (size > sizeof(struct event_script))
		return 0;
	memcpy(payload, &none, sizeof(none));
	memcpy(payload + sizeof(none), record, size);
	script = script_decode(payload, sizeof(none) + size);
	if (!script)
		return 0;
	rc = keep_begin(&keep, place, script->tgid, script->tgid, 0);
	for (unsigned int i = 0; i < script->call_count && !rc; i++)
		if (script->calls[i].file.length &&
		    (!i || !bytes_equal(script->calls[i].file, script->calls[i - 1].file)))
			rc = copy_script(&keep, script_path(script->calls[i].file));
	if (!rc && !script->call_count)
		rc = copy_script(&keep, script->words[SCRIPT_ENTRY]);
	free(script);
	return rc < 0 ? rc : 0;
}

int evidence_copy_bytes(const struct evidence_place *place, const char *name, const char *source,
			const char *remark, const void *bytes, size_t size)
{
	int out = openat(place->directory, name,
			 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int rc = out < 0 ? -errno : write_all(out, bytes, size);

	if (out >= 0 && close(out) && !rc)
		rc = -errno;
	return rc ? rc : write_note(place, "", name, source, remark);
}
