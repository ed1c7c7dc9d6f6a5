/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * replace.c - a file that only a whole one replaces
 *
 * Who writes it gives up its rights before it reads what attackers wrote; giving it its name takes the caller's. So there are two
 * processes, and this one reads nothing but the other's end. Only a regular file is replaced: not a link, and not /dev/null. One that was
 * killed with SIGKILL leaves the new file beside the old.
 */
#include "cmd/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/msg.h"

/* It has mail addresses in it. */
#define MODE 0640
#define NAME 256 /* bytes of one, with its end */
#define SHOWN_BEFORE 200 /* bytes of the name that the new file's has */

struct replacing {
	const char *shown; /* for messages */
	const char *name; /* in its directory */
	char fresh[NAME]; /* of the new one */
	int directory, fd;
};

static int cannot(const struct replacing *replacing, const char *why, int status)
{
	msg_error("cannot write %s: %s", replacing->shown, why);
	return status;
}

static int open_directory(struct replacing *replacing, const char *path)
{
	const char *slash = strrchr(path, '/');
	char directory[PATH_MAX] = ".";

	replacing->name = slash ? slash + 1 : path;
	if (slash && (size_t)(slash - path) + 2 > sizeof(directory))
		return -ENAMETOOLONG;
	if (slash) {
		memcpy(directory, path, (size_t)(slash - path) + 1);
		directory[slash - path + 1] = '\0';
	}
	replacing->directory = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return replacing->directory < 0 ? -errno : 0;
}

/* -1 = there is none, or one that may be replaced. */
static int look(const struct replacing *replacing)
{
	struct stat file;

	if (!replacing->name[0])
		return cannot(replacing, "it is a directory", EXIT_CANNOT);
	if (fstatat(replacing->directory, replacing->name, &file, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? -1 : cannot(replacing, strerror(errno), EXIT_FAILED);
	if (S_ISREG(file.st_mode))
		return -1;
	return cannot(replacing,
		      S_ISDIR(file.st_mode) ? "it is a directory"
					    : "it is no regular file (\"-\" is standard output)",
		      EXIT_CANNOT);
}

static int open_fresh(struct replacing *replacing)
{
	uint64_t number = 0;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -errno;
	snprintf(replacing->fresh, sizeof(replacing->fresh), ".%.*s.%016" PRIx64, SHOWN_BEFORE,
		 replacing->name, number);
	replacing->fd = openat(replacing->directory, replacing->fresh,
			       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, MODE);
	return replacing->fd < 0 ? -errno : 0;
}

static void end_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGQUIT);
	sigaddset(set, SIGCHLD);
}

/* Who is told to end hands it on, and ends when the other has: nothing is left behind. Returns how the child ended. */
static int wait_for(pid_t child, const sigset_t *set, int *stopped)
{
	int status;

	for (;;) {
		pid_t ended = waitpid(child, &status, WNOHANG);
		int number;

		if (ended == child)
			return status;
		if (ended < 0 && errno != EINTR)
			return -1;
		number = sigwaitinfo(set, NULL);
		if (number > 0 && number != SIGCHLD) {
			*stopped = number;
			kill(child, SIGTERM);
		}
	}
}

static int keep(const struct replacing *replacing)
{
	/* Some file systems say only now that the disk is full. */
	if (fsync(replacing->fd) ||
	    renameat(replacing->directory, replacing->fresh, replacing->directory, replacing->name))
		return cannot(replacing, strerror(errno), EXIT_FAILED);
	return EXIT_DONE;
}

static int end(const struct replacing *replacing, int ended, int stopped)
{
	int status = EXIT_FAILED;

	if (stopped)
		msg_error("ended by a signal: %s was not written", replacing->shown);
	else if (ended == -1 || !WIFEXITED(ended))
		msg_error("the process that makes the report was killed: %s was not written",
			  replacing->shown);
	else if (WEXITSTATUS(ended) == EXIT_DONE)
		status = keep(replacing);
	else
		status = WEXITSTATUS(ended);
	if (status != EXIT_DONE)
		unlinkat(replacing->directory, replacing->fresh, 0);
	return status;
}

static int both(struct replacing *replacing)
{
	sigset_t set, before;
	int ended, stopped = 0;
	pid_t child;

	signal(SIGCHLD, SIG_DFL);
	end_signals(&set);
	sigprocmask(SIG_BLOCK, &set, &before);
	child = fork();
	if (child == 0) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		if (dup2(replacing->fd, STDOUT_FILENO) >= 0)
			return -1;
		_exit(cannot(replacing, strerror(errno), EXIT_FAILED));
	}
	if (child < 0) {
		unlinkat(replacing->directory, replacing->fresh, 0);
		return cannot(replacing, strerror(errno), EXIT_FAILED);
	}
	ended = wait_for(child, &set, &stopped);
	return end(replacing, ended, stopped);
}

int replace_file(const char *path, const char *shown)
{
	struct replacing replacing = {.shown = shown, .directory = -1, .fd = -1};
	int status, rc = open_directory(&replacing, path);

	if (rc)
		return cannot(&replacing, strerror(-rc), EXIT_FAILED);
	status = look(&replacing);
	if (status < 0) {
		rc = open_fresh(&replacing);
		status = rc ? cannot(&replacing, strerror(-rc), EXIT_FAILED) : both(&replacing);
	}
	/* A child whose standard output was shut has the new file there, under no other number. */
	if (replacing.fd >= 0 && replacing.fd != STDOUT_FILENO)
		close(replacing.fd);
	if (replacing.directory >= 0 && replacing.directory != STDOUT_FILENO)
		close(replacing.directory);
	return status;
}
