/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * proc_read.c - a process as it is now, read from /proc
 *
 * Bytes are moved, and the kernel's own words looked at; what the process chose is taken apart elsewhere. The directory of a process
 * stands for that process alone: nothing can come in its place once its start was compared. Everything is bounded but time: who
 * has made the process can hold the lock on its memory for ever. What can't be read is left out; nothing is fatal.
 */
#include "enrich/proc_read.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "enrich/proc_stat.h"

#define DELETED " (deleted)" /* the kernel's mark behind a path */
#define PATH_BYTES 4096

static const char *const namespaces[PROCESS_NAMESPACES] = {
	[NAMESPACE_NET] = "ns/net",
	[NAMESPACE_PID] = "ns/pid",
	[NAMESPACE_MNT] = "ns/mnt",
	[NAMESPACE_USER] = "ns/user",
};

/* What each text may have. */
static const uint32_t rooms[PROCESS_TEXTS] = {
	[PROCESS_EXE] = PATH_BYTES,  [PROCESS_CWD] = PATH_BYTES,
	[PROCESS_ROOT] = PATH_BYTES, [PROCESS_DELETED] = 8192,
	[PROCESS_STATUS] = 512,	     [PROCESS_LIMITS] = 256,
	[PROCESS_CODE] = 8192,	     [PROCESS_CMDLINE] = PROCESS_CMDLINE_MAX,
	[PROCESS_ENVIRON] = 15616,
};

_Static_assert(3 * PATH_BYTES + 8192 + 512 + 256 + 8192 + PROCESS_CMDLINE_MAX + 15616 <=
		       PROCESS_TEXT_MAX,
	       "all texts have room");

/* Where the next text goes; those before it are whole. */
struct writing {
	char *at;
	uint32_t length, room;
};

static struct writing begin(struct proc_read *read, enum process_text which)
{
	struct writing writing = {.at = read->text, .room = rooms[which]};

	for (unsigned int i = 0; i < which; i++)
		writing.at += read->head.lengths[i];
	return writing;
}

/* All of it, or nothing. */
static bool append(struct writing *writing, const char *bytes, size_t length)
{
	if (length > writing->room - writing->length)
		return false;
	memcpy(writing->at + writing->length, bytes, length);
	writing->length += (uint32_t)length;
	return true;
}

/* The other side may look at any moment: the bytes are there before their length is. */
static void end(struct proc_read *read, enum process_text which, const struct writing *writing)
{
	__atomic_store_n(&read->head.lengths[which], writing->length, __ATOMIC_RELEASE);
}

static void read_link(struct proc_read *read, int process, const char *name,
		      enum process_text which)
{
	struct writing writing = begin(read, which);
	ssize_t length = readlinkat(process, name, writing.at, writing.room);

	writing.length = length < 0 ? 0 : (uint32_t)length;
	end(read, which, &writing);
}

static bool begins(const char *text, const char *name)
{
	return !strncmp(text, name, strlen(name));
}

static bool ends_deleted(const char *text, size_t length)
{
	const size_t mark = sizeof(DELETED) - 1;

	return length > mark && !memcmp(text + length - mark, DELETED, mark);
}

/* A path that is too long for the kernel to tell has no words, and may be deleted all the same. */
static void read_deleted(struct proc_read *read, struct writing *writing, int list,
			 const char *number, const char *path, size_t length)
{
	char entry[PATH_BYTES + 64];
	struct statx file;
	int size;

	if (statx(list, number, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
		  STATX_TYPE | STATX_NLINK | STATX_SIZE, &file) ||
	    !S_ISREG(file.stx_mode) || file.stx_nlink)
		return;
	read->head.deleted++;
	if (read->head.deleted > LIMIT_PROCESS_DELETED)
		return;
	if (ends_deleted(path, length))
		length -= sizeof(DELETED) - 1;
	size = snprintf(entry, sizeof(entry), "%.16s %" PRIu64 " %.*s", number,
			(uint64_t)file.stx_size, (int)length, path);
	append(writing, entry, (size_t)size + 1);
}

static void read_files(struct proc_read *read, int process)
{
	int list = openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct writing writing = begin(read, PROCESS_DELETED);
	DIR *dir = list < 0 ? NULL : fdopendir(list);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char target[PATH_BYTES];
		ssize_t length;

		if (entry->d_name[0] == '.')
			continue;
		if (read->head.files == LIMIT_PROCESS_FILES) {
			read->head.flags |= PROCESS_FILES_CUT;
			break;
		}
		read->head.files++;
		length = readlinkat(list, entry->d_name, target, sizeof(target) - 1);
		target[length > 0 ? length : 0] = '\0';
		if (begins(target, "socket:["))
			read->head.sockets++;
		else if (length < 0 ? errno == ENAMETOOLONG : ends_deleted(target, (size_t)length))
			read_deleted(read, &writing, list, entry->d_name, target,
				     length < 0 ? 0 : (size_t)length);
	}
	if (dir)
		closedir(dir);
	end(read, PROCESS_DELETED, &writing);
}

/* Calls fn with each line of a file, as long as it returns true. */
static void each_line(int process, const char *name, bool (*fn)(void *, const char *, size_t),
		      void *context)
{
	int fd = openat(process, name, O_RDONLY | O_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	char *line = NULL;
	size_t room = 0;
	ssize_t length;

	while (file && (length = getline(&line, &room, file)) > 0 &&
	       fn(context, line, (size_t)length))
		;
	free(line);
	if (file)
		fclose(file);
}

struct wanted {
	const char *const *keys; /* ended by NULL */
	struct writing writing;
};

static bool take_wanted(void *context, const char *line, size_t length)
{
	struct wanted *wanted = context;

	for (const char *const *key = wanted->keys; *key; key++)
		if (begins(line, *key))
			append(&wanted->writing, line, length);
	return true;
}

/* The name is escaped in "status", so that no line of it can look like another. */
static void read_lines(struct proc_read *read, int process, const char *name,
		       const char *const *keys, enum process_text which)
{
	struct wanted wanted = {keys, begin(read, which)};

	each_line(process, name, take_wanted, &wanted);
	end(read, which, &wanted.writing);
}

struct code {
	struct proc_read *read;
	struct writing writing;
};

/*
 * proc(5): "from-to rwxp offset device inode  path", a newline in the path escaped. Executable, and not what a file that is there says:
 * writable as well, without a file, of a deleted one, or below /dev, where /dev/zero is. Every process has the kernel's own.
 */
static bool take_code(void *context, const char *line, size_t length)
{
	struct code *code = context;
	char permissions[5] = "";
	uint64_t inode = 0;
	const char *path;
	int at = 0;

	if (sscanf(line, "%*s %4s %*s %*s %" SCNu64 " %n", permissions, &inode, &at) != 2 ||
	    permissions[2] != 'x')
		return true;
	path = line + at;
	if (begins(path, "[vdso]") || begins(path, "[vsyscall]") ||
	    (permissions[1] != 'w' && inode && !ends_deleted(line, length - 1) &&
	     !begins(path, "/dev/")))
		return true;
	code->read->head.code++;
	append(&code->writing, line, length);
	return true;
}

static void read_code(struct proc_read *read, int process)
{
	struct code code = {read, begin(read, PROCESS_CODE)};

	each_line(process, "maps", take_code, &code);
	end(read, PROCESS_CODE, &code.writing);
}

static void read_cmdline(struct proc_read *read, int process)
{
	int fd = openat(process, "cmdline", O_RDONLY | O_CLOEXEC);
	struct writing writing = begin(read, PROCESS_CMDLINE);
	ssize_t got = 0;
	char more;

	while (fd >= 0 && writing.length < writing.room) {
		got = pread(fd, writing.at + writing.length, writing.room - writing.length,
			    writing.length);
		if (got <= 0)
			break;
		writing.length += (uint32_t)got;
	}
	if (got > 0 && pread(fd, &more, 1, writing.length) > 0)
		read->head.flags |= PROCESS_CMDLINE_CUT;
	if (fd >= 0)
		close(fd);
	end(read, PROCESS_CMDLINE, &writing);
}

/* One entry of the environment, byte by byte. */
struct entry {
	uint32_t begun; /* where it is in the text */
	bool named; /* its "=" has come */
	bool any; /* so has a byte */
	bool odd; /* its name is too long */
};

/* False: there is no more room. */
static bool end_entry(struct proc_read *read, struct writing *writing, struct entry *entry)
{
	const bool name = !entry->odd && (entry->named || read->head.flags & PROCESS_VALUES);

	if (entry->any && !name) {
		writing->length = entry->begun;
		read->head.left_out++;
	} else if (entry->any && !append(writing, "", 1)) {
		return false;
	}
	*entry = (struct entry){.begun = writing->length};
	return true;
}

/*
 * Values stay here unless they are wanted. Without a "=" it is no name: a process that writes over its environment may leave the end of a
 * value there. False: there is no more room.
 */
static bool take_byte(struct proc_read *read, struct writing *writing, struct entry *entry,
		      char byte)
{
	const bool values = read->head.flags & PROCESS_VALUES;
	const uint32_t most = values ? LIMIT_PROCESS_VALUE : LIMIT_PROCESS_NAME;

	if (byte == '\0')
		return end_entry(read, writing, entry);
	entry->any = true;
	if (byte == '=')
		entry->named = true;
	if (entry->named && !values)
		return true;
	if (writing->length - entry->begun < most)
		return append(writing, &byte, 1);
	if (values)
		read->head.flags |= PROCESS_ENVIRON_CUT;
	else
		entry->odd = true;
	return true;
}

static void read_environ(struct proc_read *read, int process)
{
	int fd = openat(process, "environ", O_RDONLY | O_CLOEXEC);
	struct writing writing = begin(read, PROCESS_ENVIRON);
	struct entry entry = {.begun = 0};
	size_t seen = 0;
	char piece[PATH_BYTES];
	bool room = true;
	ssize_t got = 0;

	while (fd >= 0 && room && seen < LIMIT_PROCESS_ENVIRON &&
	       (got = pread(fd, piece, sizeof(piece), (off_t)seen)) > 0) {
		for (ssize_t i = 0; i < got && room; i++)
			room = take_byte(read, &writing, &entry, piece[i]);
		seen += (size_t)got;
	}
	/* What was begun and has no end is left out, but for the last of all. */
	if (room && got <= 0 && entry.any)
		room = end_entry(read, &writing, &entry);
	if (!room || got) {
		writing.length = entry.begun;
		read->head.flags |= PROCESS_ENVIRON_CUT;
	}
	if (fd >= 0)
		close(fd);
	end(read, PROCESS_ENVIRON, &writing);
}

static void read_comm(int process, char comm[EVENT_COMM_LEN])
{
	int fd = openat(process, "comm", O_RDONLY | O_CLOEXEC);
	char name[EVENT_COMM_LEN + 1];
	ssize_t length = fd < 0 ? -1 : read(fd, name, sizeof(name));

	if (fd >= 0)
		close(fd);
	if (length > 0 && name[length - 1] == '\n')
		length--;
	if (length > 0)
		memcpy(comm, name, length < EVENT_COMM_LEN ? (size_t)length : EVENT_COMM_LEN);
}

/* A parent has started before its child; who has not got the number from one that ended meanwhile. */
static void read_ancestors(struct proc_read *read, int process)
{
	uint64_t start = proc_stat(process, PROC_STAT_START), before;
	uint32_t pid = (uint32_t)proc_stat(process, PROC_STAT_PARENT);
	struct frame_process *head = &read->head;
	bool good = true;

	while (pid && good) {
		int parent = proc_open(pid);

		before = proc_stat(parent, PROC_STAT_START);
		good = parent >= 0 && before <= start && head->ancestor_count < PROCESS_ANCESTORS;
		if (good) {
			head->ancestors[head->ancestor_count].tgid = pid;
			read_comm(parent, head->ancestors[head->ancestor_count].comm);
			head->ancestor_count++;
		}
		pid = (uint32_t)proc_stat(parent, PROC_STAT_PARENT);
		start = before;
		if (parent >= 0)
			close(parent);
	}
	if (!good)
		head->flags |= PROCESS_ANCESTORS_CUT;
}

/* Who may not look at init takes our own namespaces for the host's, as it is done for connections. */
static void read_namespaces(struct frame_process *head, int process)
{
	int init = proc_open(1), self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat its, hosts;

	for (unsigned int i = 0; i < PROCESS_NAMESPACES; i++)
		if (!fstatat(process, namespaces[i], &its, 0) &&
		    (!fstatat(init, namespaces[i], &hosts, 0) ||
		     !fstatat(self, namespaces[i], &hosts, 0)) &&
		    its.st_ino != hosts.st_ino)
			head->namespaces[i] = its.st_ino;
	close(init);
	close(self);
}

static void read_numbers(struct proc_read *read, int process)
{
	struct frame_process *head = &read->head;

	head->group = (uint32_t)proc_stat(process, PROC_STAT_GROUP);
	head->session = (uint32_t)proc_stat(process, PROC_STAT_SESSION);
	head->tty = (uint32_t)proc_stat(process, PROC_STAT_TTY);
	head->threads = (uint32_t)proc_stat(process, PROC_STAT_THREADS);
	read_comm(process, head->comm);
	read_ancestors(read, process);
}

/* One that has ended has no executable any more. */
static bool lives(int task)
{
	char target[1];

	return readlinkat(task, "exe", target, sizeof(target)) > 0 ||
	       (errno != ENOENT && errno != ESRCH);
}

/* The main thread may have ended before the others, and then knows nothing. Takes the process over; -1: all have. */
static int living_thread(int process)
{
	int list, thread = -1;
	struct dirent *entry;
	DIR *dir;

	if (lives(process))
		return process;
	list = openat(process, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = list < 0 ? NULL : fdopendir(list);
	while (dir && thread < 0 && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		thread = openat(list, entry->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (thread >= 0 && !lives(thread)) {
			close(thread);
			thread = -1;
		}
	}
	if (dir)
		closedir(dir);
	close(process);
	return thread;
}

void proc_read(struct proc_read *read)
{
	static const char *const status[] = {
		"Uid:", "CapPrm:", "CapEff:", "NoNewPrivs:", "Seccomp:", NULL};
	static const char *const limits[] = {"Max processes ", "Max open files ", NULL};
	int process = proc_open(read->head.tgid);

	if (process < 0)
		return;
	if (proc_stat(process, PROC_STAT_START) != proc_stat_ticks(read->head.start)) {
		close(process);
		return;
	}
	read_numbers(read, process);
	process = living_thread(process);
	if (process < 0)
		return;
	read->found = true;
	read_namespaces(&read->head, process);
	read_link(read, process, "exe", PROCESS_EXE);
	read_link(read, process, "cwd", PROCESS_CWD);
	read_link(read, process, "root", PROCESS_ROOT);
	read_files(read, process);
	read_lines(read, process, "status", status, PROCESS_STATUS);
	read_lines(read, process, "limits", limits, PROCESS_LIMITS);
	read_code(read, process);
	read_cmdline(read, process);
	read_environ(read, process);
	close(process);
	read->whole = true;
}
