/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * runtimes.c - which executables are PHP
 *
 * Known by their symbols, never by their names: those only choose what is looked at before anything has connected. Only files that root
 * owns and nobody else may write are opened. Whatever fails leaves a process's script unnamed, and nothing else.
 */
#include "cmd/runtimes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/msg.h"
#include "base/open.h"
#include "enrich/file_id.h"
#include "enrich/php.h"
#include "enrich/proc_stat.h"

#define LIBRARY "libphp" /* Apache's module, and what embeds PHP */

/* A file that was looked at. */
struct seen {
	struct script_runtime
		key; /* start_code 0, but for a start of a program with PHP as a library */
	struct script_layout layout;
	bool is_php;
	int64_t changed; /* its ctime when it was looked at: another content, or another file with the number, has another */
	UT_hash_handle hh;
};

struct runtimes {
	struct rights_user user;
	runtimes_add_fn *add;
	void *context;
	struct seen *all; /* oldest first */
	bool late; /* the child that was asked last had no time to answer */
	bool scanning; /* nothing is traced yet: there is time */
	uint64_t second; /* of the last looks, and how long they took together, in ns */
	uint64_t spent;
};

struct runtimes *runtimes_new(const struct rights_user *user, runtimes_add_fn *add, void *context)
{
	struct runtimes *runtimes = calloc(1, sizeof(*runtimes));

	if (!runtimes)
		return NULL;
	runtimes->user = *user;
	runtimes->add = add;
	runtimes->context = context;
	return runtimes;
}

void runtimes_free(struct runtimes *runtimes)
{
	struct seen *seen, *next;

	if (!runtimes)
		return;
	HASH_ITER (hh, runtimes->all, seen, next) {
		HASH_DEL(runtimes->all, seen);
		free(seen);
	}
	free(runtimes);
}

static struct seen *find(struct runtimes *runtimes, const struct script_runtime *key)
{
	struct seen *seen;

	HASH_FIND(hh, runtimes->all, key, sizeof(*key), seen);
	return seen;
}

static void forget(struct runtimes *runtimes, struct seen *seen)
{
	if (seen->is_php)
		runtimes->add(runtimes->context, &seen->key, NULL, NULL);
	HASH_DEL(runtimes->all, seen);
	free(seen);
}

/*
 * The oldest that is no PHP, else of those that are one start's alone, of which anybody can make as many as he likes, else of all. What is
 * forgotten is looked at again when it connects.
 */
static struct seen *least_wanted(const struct runtimes *runtimes)
{
	struct seen *start = NULL;

	for (struct seen *seen = runtimes->all; seen; seen = seen->hh.next) {
		if (!seen->is_php)
			return seen;
		if (!start && seen->key.start_code)
			start = seen;
	}
	return start ? start : runtimes->all;
}

/* NULL: no memory. */
static struct seen *remember(struct runtimes *runtimes, const struct script_runtime *key)
{
	struct seen *seen;

	if (HASH_COUNT(runtimes->all) >= LIMIT_RUNTIMES)
		forget(runtimes, least_wanted(runtimes));
	seen = calloc(1, sizeof(*seen));
	if (!seen)
		return NULL;
	seen->key = *key;
	HASH_ADD(hh, runtimes->all, key, sizeof(seen->key), seen);
	if (!seen->hh.tbl) {
		free(seen);
		return NULL;
	}
	return seen;
}

/* The reading child: it holds the image and the pipe, and nothing that could be used for more. */
static void read_image(const struct runtimes *runtimes, char *image, size_t size, int pipe)
{
	const unsigned int most = runtimes->scanning ? LIMIT_RUNTIME_MS_START : LIMIT_RUNTIME_MS;
	const struct itimerval limit = {
		.it_value = {.tv_sec = most / 1000, .tv_usec = most % 1000 * 1000}};
	struct script_layout layout;
	char error[256];
	int kept_uid;

	/* Ends it. */
	setitimer(ITIMER_REAL, &limit, NULL);
	dup2(pipe, STDOUT_FILENO);
	close_range(STDERR_FILENO + 1, ~0u, 0);
	if (rights_drop(&runtimes->user, &kept_uid, error, sizeof(error)))
		_exit(1);
	if (!php_layout(image, size, &layout))
		_exit(1);
	_exit(write(STDOUT_FILENO, &layout, sizeof(layout)) == sizeof(layout) ? 0 : 1);
}

static bool ask_child(struct runtimes *runtimes, char *image, size_t size,
		      struct script_layout *layout)
{
	bool is_php = false;
	int ends[2], how = 0;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC))
		return false;
	child = fork();
	if (child == 0)
		read_image(runtimes, image, size, ends[1]);
	close(ends[1]);
	if (child > 0) {
		is_php = read(ends[0], layout, sizeof(*layout)) == sizeof(*layout);
		while (waitpid(child, &how, 0) < 0 && errno == EINTR)
			;
		runtimes->late = WIFSIGNALED(how) && WTERMSIG(how) == SIGALRM;
		is_php = is_php && WIFEXITED(how) && WEXITSTATUS(how) == 0;
	}
	close(ends[0]);
	return is_php;
}

/* Is the file PHP? Takes the descriptor over. */
static bool look_at(struct runtimes *runtimes, int fd, struct script_layout *layout)
{
	struct stat file;
	char *image;
	bool is_php;

	if (fd < 0)
		return false;
	if (fstat(fd, &file) || !S_ISREG(file.st_mode) || file.st_size <= 0 ||
	    file.st_size > LIMIT_RUNTIME_BYTES) {
		close(fd);
		return false;
	}
	/* Private: libelf may write into it. */
	image = mmap(NULL, (size_t)file.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	close(fd);
	if (image == MAP_FAILED)
		return false;
	is_php = ask_child(runtimes, image, (size_t)file.st_size, layout);
	munmap(image, (size_t)file.st_size);
	return is_php;
}

static void tell(struct runtimes *runtimes, const struct seen *seen, const char *path)
{
	int rc = seen->is_php ? runtimes->add(runtimes->context, &seen->key, &seen->layout, path)
			      : 0;

	if (rc)
		msg_debug("the table of PHP executables: %s", strerror(-rc));
}

static void look_at_exe(struct runtimes *runtimes, const struct script_runtime *key, int fd,
			const char *path)
{
	struct seen *seen = find(runtimes, key);
	struct stat file;

	if (seen) {
		close(fd);
		return;
	}
	seen = remember(runtimes, key);
	if (!seen) {
		close(fd);
		return;
	}
	if (fstat(fd, &file) == 0)
		seen->changed = file.st_ctim.tv_sec * INT64_C(1000000000) + file.st_ctim.tv_nsec;
	runtimes->late = false;
	seen->is_php = look_at(runtimes, fd, &seen->layout);
	/* Next time it may be quicker: its pages are in memory then. */
	if (runtimes->late) {
		forget(runtimes, seen);
		return;
	}
	tell(runtimes, seen, path);
}

/* The same library is in every start of a server. Takes the descriptor over. */
static bool look_at_library(struct runtimes *runtimes, int fd, const char *of,
			    struct script_layout *layout)
{
	struct script_runtime key = {0};
	const struct seen *seen;
	struct file_id id;

	if (file_id_read_fd(fd, &id)) {
		close(fd);
		return false;
	}
	key.inode = id.inode;
	key.device = id.device;
	look_at_exe(runtimes, &key, fd, of);
	seen = find(runtimes, &key);
	if (!seen || !seen->is_php)
		return false;
	*layout = seen->layout;
	return true;
}

/*
 * Opens for reading the file that `found` (O_PATH, taken over) stands for, if it is regular, root's, and nobody else's to write: others
 * could make it anything, and opening what is on a file system of theirs could be waited for without end. *id says which it is.
 */
static int open_trusted(int found, struct file_id *id)
{
	int fd = -1;

	if (found < 0)
		return -1;
	if (file_id_read_fd(found, id) == 0 && S_ISREG(id->mode) &&
	    file_only_root_writes(id->uid, id->mode))
		fd = open_again(found, O_RDONLY | O_NONBLOCK);
	close(found);
	return fd;
}

/* What the kernel knows of a path by heart. `root` is a directory, or -1 for our own. */
static int find_path(int root, const char *path)
{
	const uint64_t resolve = RESOLVE_CACHED | RESOLVE_NO_MAGICLINKS;

	return root < 0 ? open_below(AT_FDCWD, path, O_PATH, resolve)
			: open_below(root, path, O_PATH, resolve | RESOLVE_IN_ROOT);
}

/* Where PHP's library is in the process; the descriptor of its file in *fd. 0 = nowhere. */
static uint64_t find_library(pid_t pid, int *fd)
{
	char path[64], *line = NULL;
	uint64_t start = 0;
	size_t room = 0;
	FILE *maps;
	int root;

	snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = root < 0 ? NULL : fopen(path, "re");
	for (int i = 0; maps && !start && i < LIMIT_RUNTIME_MAPS && getline(&line, &room, maps) > 0;
	     i++) {
		uint64_t from, to, offset, inode;
		struct file_id id;
		int name = 0;

		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64 " %*s %" SCNu64 " %n",
			   &from, &to, &offset, &inode, &name) < 4 ||
		    !name || offset || !strstr(line + name, LIBRARY))
			continue;
		line[strcspn(line, "\n")] = '\0';
		*fd = open_trusted(find_path(root, line + name), &id);
		if (*fd >= 0 && id.inode == inode)
			start = from;
		else if (*fd >= 0)
			close(*fd);
	}
	free(line);
	if (maps)
		fclose(maps);
	if (root >= 0)
		close(root);
	return start;
}

/* A program without PHP's symbols that has it as a library: each start of it has it somewhere else. */
static void look_for_library(struct runtimes *runtimes, const struct script_runtime *exe, pid_t pid,
			     const char *path)
{
	struct script_layout layout;
	struct script_runtime key = *exe;
	struct seen *seen;
	uint64_t base;
	int fd = -1;

	key.start_code = proc_start_code((uint32_t)pid);
	if (!key.start_code || find(runtimes, &key))
		return;
	seen = remember(runtimes, &key);
	base = seen ? find_library(pid, &fd) : 0;
	if (!base || !look_at_library(runtimes, fd, path, &layout))
		return;
	seen = find(runtimes, &key); /* it may have had to go */
	if (!seen)
		return;
	layout.sapi_globals += base;
	layout.executor_globals += base;
	layout.sapi_module += base;
	layout.text = 0;
	seen->layout = layout;
	seen->is_php = true;
	tell(runtimes, seen, path);
	seen = find(runtimes, exe);
	if (!seen || seen->is_php)
		return;
	seen->is_php = true;
	seen->layout = (struct script_layout){.library = 1};
	tell(runtimes, seen, path);
}

/* What serves the web, with PHP in it or as its library. */
static bool has_name(const char *name)
{
	static const char *const names[] = {"php", "apache", "httpd", "litespeed", "uwsgi"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strstr(name, names[i]))
			return true;
	return false;
}

/* The number may be another process's by now, or the process over; then the file may still be where it was. */
static int open_exe(const struct script_runtime *key, pid_t pid, const char *path,
		    struct file_id *id)
{
	char exe[64];
	int fd;

	snprintf(exe, sizeof(exe), "/proc/%d/exe", (int)pid);
	fd = open_trusted(open(exe, O_PATH | O_CLOEXEC), id);
	if (fd >= 0 && file_id_same(id, key->device, key->inode))
		return fd;
	if (fd >= 0)
		close(fd);
	fd = path[0] == '/' ? open_trusted(find_path(-1, path), id) : -1;
	if (fd >= 0 && !file_id_same(id, key->device, key->inode)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void look_at_process(struct runtimes *runtimes, const struct script_runtime *key, pid_t pid,
			    const char *path)
{
	const char *leaf = strrchr(path, '/');
	const struct seen *seen;

	if (!find(runtimes, key)) {
		struct file_id id;
		int fd = open_exe(key, pid, path, &id);

		if (fd < 0)
			return;
		look_at_exe(runtimes, key, fd, path);
	}
	seen = find(runtimes, key);
	if (seen && (!seen->is_php || seen->layout.library) && leaf && has_name(leaf))
		look_for_library(runtimes, key, pid, path);
}

/*
 * One call for each that connects. False: the process is over, or its file system shows another number than the kernel's, and it takes
 * open_exe() to tell which file it is.
 */
static bool changed_by_stat(const struct script_runtime *key, pid_t pid, int64_t *changed)
{
	struct statx file;
	char exe[64];

	snprintf(exe, sizeof(exe), "/proc/%d/exe", (int)pid);
	if (statx(AT_FDCWD, exe, AT_STATX_DONT_SYNC, STATX_INO | STATX_CTIME, &file) ||
	    file.stx_ino != key->inode)
		return false;
	*changed = file.stx_ctime.tv_sec * INT64_C(1000000000) + file.stx_ctime.tv_nsec;
	return true;
}

/* A file can get another content in its place, and its number can go to another file. */
static void forget_if_changed(struct runtimes *runtimes, const struct script_runtime *key,
			      pid_t pid, const char *path)
{
	struct seen *seen = find(runtimes, key);
	struct file_id id;
	int fd;

	if (!seen)
		return;
	if (!changed_by_stat(key, pid, &id.changed)) {
		fd = open_exe(key, pid, path, &id);
		if (fd < 0)
			return;
		close(fd);
	}
	if (id.changed != seen->changed)
		forget(runtimes, seen);
}

/* What finds no time waits until it connects again. */
static bool may_look(struct runtimes *runtimes)
{
	uint64_t second = clock_ns(CLOCK_MONOTONIC) / 1000000000;

	if (second != runtimes->second)
		runtimes->spent = 0;
	runtimes->second = second;
	return runtimes->spent < LIMIT_RUNTIME_MS * UINT64_C(1000000) / 2;
}

void runtimes_see(struct runtimes *runtimes, const struct event_identity *who, const char *path)
{
	struct script_runtime key = {.inode = who->exe_inode, .device = who->exe_device};
	uint64_t began;

	if (!key.inode || !file_only_root_writes(who->exe_uid, who->exe_mode) ||
	    !may_look(runtimes))
		return;
	began = clock_ns(CLOCK_MONOTONIC);
	forget_if_changed(runtimes, &key, (pid_t)who->tgid, path);
	look_at_process(runtimes, &key, (pid_t)who->tgid, path);
	runtimes->spent += clock_ns(CLOCK_MONOTONIC) - began;
}

static void scan_processes(struct runtimes *runtimes)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	while (proc && (entry = readdir(proc))) {
		pid_t pid = (pid_t)atoi(entry->d_name);
		struct script_runtime key = {0};
		char path[300], exe[4096];
		const char *leaf;
		struct file_id id;
		ssize_t length;

		if (pid <= 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
		length = readlink(path, exe, sizeof(exe) - 1);
		if (length <= 0)
			continue;
		exe[length] = '\0';
		leaf = strrchr(exe, '/');
		if (!leaf || !has_name(leaf) || file_id_read_exe(pid, &id))
			continue;
		key.inode = id.inode;
		key.device = id.device;
		look_at_process(runtimes, &key, pid, exe);
	}
	if (proc)
		closedir(proc);
}

/* Where a script may be started while we look the other way; and Apache's modules. */
static void scan_files(struct runtimes *runtimes)
{
	static const char *const places[] = {"/usr/bin/php*",
					     "/usr/sbin/php-fpm*",
					     "/usr/bin/php-cgi*",
					     "/usr/local/bin/php*",
					     "/usr/local/sbin/php-fpm*",
					     "/opt/*/bin/php*",
					     "/opt/*/php*/bin/php*",
					     "/usr/sbin/apache2",
					     "/usr/sbin/httpd",
					     "/usr/lib/apache2/modules/libphp*.so",
					     "/usr/lib64/httpd/modules/libphp*.so"};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		glob_t found;

		if (glob(places[i], GLOB_NOSORT, NULL, &found))
			continue;
		for (size_t n = 0; n < found.gl_pathc && n < LIMIT_RUNTIMES; n++) {
			struct script_runtime key = {0};
			struct file_id id;
			int fd = open_trusted(open(found.gl_pathv[n], O_PATH | O_CLOEXEC), &id);

			if (fd < 0)
				continue;
			key.inode = id.inode;
			key.device = id.device;
			look_at_exe(runtimes, &key, fd, found.gl_pathv[n]);
		}
		globfree(&found);
	}
}

void runtimes_scan(struct runtimes *runtimes)
{
	runtimes->scanning = true;
	scan_processes(runtimes);
	scan_files(runtimes);
	runtimes->scanning = false;
}
