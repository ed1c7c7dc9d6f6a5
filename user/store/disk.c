/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * disk.c - the store's file for its writer: opened, looked after, put aside
 *
 * SQLite is told never to wait. Nothing is fatal; every failure is a status.
 */
#include "store/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/schema.h"

#define MODE 0640

static const char *beside(const struct disk *disk, const char *suffix, char name[PATH_MAX])
{
	snprintf(name, PATH_MAX, "%s%s", disk->path, suffix);
	return name;
}

static enum store_status status_of_errno(int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return STORE_FULL;
	case EACCES:
	case EPERM:
	case EROFS:
		return STORE_READONLY;
	case ENOENT:
		return STORE_GONE;
	default:
		return STORE_FAILED;
	}
}

/* Right after the call that failed. */
static int errno_of(sqlite3 *db)
{
	int error = errno, opening = db ? sqlite3_system_errno(db) : 0;

	return opening ? opening : error;
}

enum store_status disk_status(const struct disk *disk, int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
		return STORE_OK;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return STORE_LOCKED;
	case SQLITE_FULL:
		return STORE_FULL;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return STORE_DAMAGED;
	case SQLITE_READONLY:
		return rc == SQLITE_READONLY_DBMOVED ? STORE_GONE : STORE_READONLY;
	case SQLITE_CANTOPEN:
	case SQLITE_IOERR:
	case SQLITE_PERM:
		if (rc == SQLITE_IOERR_CORRUPTFS)
			return STORE_DAMAGED;
		return status_of_errno(errno_of(disk->sql.db));
	default:
		return STORE_FAILED;
	}
}

/* SQLite would make it readable for everybody; its log gets the same mode. */
static int make_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, MODE), error = 0;

	if (fd < 0)
		return errno == EEXIST ? 0 : -errno;
	if (fchmod(fd, MODE) < 0)
		error = -errno;
	close(fd);
	return error;
}

static void remember(struct disk *disk)
{
	char name[PATH_MAX];
	struct stat file;

	if (stat(disk->path, &file) == 0) {
		disk->device = file.st_dev;
		disk->inode = file.st_ino;
	}
	disk->log_inode = stat(beside(disk, "-wal", name), &file) == 0 ? file.st_ino : 0;
}

static void close_database(struct disk *disk)
{
	sql_finalize(&disk->sql);
	sqlite3_close(disk->sql.db);
	disk->sql.db = NULL;
}

static enum store_status open_database(struct disk *disk, int64_t now)
{
	enum schema_kind kind = SCHEMA_OURS;
	int rc;

	errno = 0;
	rc = sqlite3_open_v2(disk->path, &disk->sql.db,
			     SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW |
				     SQLITE_OPEN_EXRESCODE,
			     NULL);

	if (rc != SQLITE_OK)
		return disk_status(disk, rc);
	/* Without the right to write SQLite opens it for reading. */
	if (sqlite3_db_readonly(disk->sql.db, "main") > 0)
		return STORE_READONLY;
	rc = schema_prepare(disk->sql.db, now, &kind);
	if (rc != SQLITE_OK)
		return disk_status(disk, rc);
	if (kind == SCHEMA_OF_NEWER)
		return STORE_NEWER;
	return kind == SCHEMA_OF_OTHERS ? STORE_FOREIGN : STORE_OK;
}

enum store_status disk_open(struct disk *disk, int64_t now)
{
	int error = make_file(disk->path);
	enum store_status status;

	if (error)
		return status_of_errno(-error);
	status = open_database(disk, now);
	if (status == STORE_OK)
		remember(disk);
	else
		close_database(disk);
	return status;
}

void disk_close(struct disk *disk)
{
	if (disk->sql.db)
		close_database(disk);
}

bool disk_is_there(const struct disk *disk)
{
	struct stat file;

	return stat(disk->path, &file) == 0 && file.st_dev == disk->device &&
	       file.st_ino == disk->inode;
}

/* The last one to close a database writes its log into the file, and deletes by name: not this time. */
static void close_as_it_is(struct disk *disk)
{
	if (!disk->sql.db)
		return;
	sqlite3_db_config(disk->sql.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	close_database(disk);
}

void disk_leave(struct disk *disk)
{
	char name[PATH_MAX];
	struct stat file;

	if (disk->log_inode && stat(beside(disk, "-wal", name), &file) == 0 &&
	    file.st_ino == disk->log_inode) {
		unlink(name);
		unlink(beside(disk, "-shm", name));
	}
	close_as_it_is(disk);
}

int disk_put_aside(struct disk *disk)
{
	char from[PATH_MAX], to[PATH_MAX];

	close_as_it_is(disk);
	unlink(beside(disk, ".damaged-wal", to));
	rename(beside(disk, "-wal", from), to); /* it belongs to the file, if there is one */
	unlink(beside(disk, "-shm", from));
	if (rename(disk->path, beside(disk, ".damaged", to)) < 0)
		return -errno;
	return 0;
}

uint64_t disk_bytes(const struct disk *disk)
{
	char name[PATH_MAX];
	struct stat file;
	uint64_t bytes = 0;

	if (stat(disk->path, &file) == 0)
		bytes = (uint64_t)file.st_size;
	if (stat(beside(disk, "-wal", name), &file) == 0)
		bytes += (uint64_t)file.st_size;
	return bytes;
}
