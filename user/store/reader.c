/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * reader.c - the store for those who read it, while it is written to
 *
 * The file may be anything: it is recognised before a table is read, no function or table of its own schema's making is trusted,
 * and nothing in it is taken to be longer than a record can be.
 */
#include "store/reader.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "store/pack.h"
#include "store/schema.h"

#define BUSY_MS 1000 /* while the writer recovers its log, which takes a moment */

static const char record[] =
	"SELECT connection.rest, process.json FROM connection LEFT JOIN process"
	" ON process.id = connection.process WHERE connection.seq = ?1";

struct reader {
	sqlite3 *db;
	sqlite3_stmt *record;
	struct pack *pack;
	char *json;
	size_t room;
};

/* 0 = it may be a store. */
static int look_at_file(const char *path, char *why, size_t size)
{
	struct stat file;

	if (stat(path, &file) < 0) {
		snprintf(why, size, "cannot read %s: %s", path, strerror(errno));
		return -1;
	}
	if (!S_ISREG(file.st_mode)) {
		snprintf(why, size, "%s is not a store of smtpsnoop", path);
		return -1;
	}
	if (file.st_size == 0) {
		snprintf(why, size, "%s is empty: nothing was ever collected", path);
		return -1;
	}
	return 0;
}

static int look_at_tables(struct reader *reader, const char *path, int version, char *why,
			  size_t size)
{
	bool same = false;
	int rc = schema_compare(reader->db, version, &same);

	if (rc != SQLITE_OK)
		snprintf(why, size, "cannot read %s: %s", path, sqlite3_errmsg(reader->db));
	else if (!same)
		snprintf(why, size, "%s was changed: its tables are not those that smtpsnoop makes",
			 path);
	return rc == SQLITE_OK && same ? 0 : -1;
}

static int look_at_schema(struct reader *reader, const char *path, char *why, size_t size)
{
	enum schema_kind kind = SCHEMA_OF_OTHERS;
	int version = 0, rc = schema_look(reader->db, &kind, &version);

	if (rc != SQLITE_OK && rc != SQLITE_NOTADB)
		snprintf(why, size, "cannot read %s: %s", path, sqlite3_errmsg(reader->db));
	else if (rc == SQLITE_NOTADB || kind == SCHEMA_OF_OTHERS)
		snprintf(why, size, "%s is not a store of smtpsnoop", path);
	else if (kind == SCHEMA_EMPTY)
		snprintf(why, size, "%s is empty: nothing was ever collected", path);
	else if (kind == SCHEMA_OF_NEWER)
		snprintf(why, size,
			 "%s was made by a newer smtpsnoop: its version is %d, this one reads %d",
			 path, version, SCHEMA_VERSION);
	else
		return look_at_tables(reader, path, version, why, size);
	return -1;
}

/* A log with something in it belongs to the file: without it the last seconds are missing, or more. */
static bool has_log(const char *path)
{
	char log[PATH_MAX];
	struct stat file;

	if ((size_t)snprintf(log, sizeof(log), "%s-wal", path) >= sizeof(log))
		return true;
	return stat(log, &file) == 0 && file.st_size > 0;
}

static void settings(sqlite3 *db)
{
	sqlite3_busy_timeout(db, BUSY_MS);
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 4 * LIMIT_STORE_JSON);
	sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_exec(db,
		     "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;"
		     "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-16384;",
		     NULL, NULL, NULL);
}

static int open_as(struct reader *reader, const char *name, int more)
{
	int rc = sqlite3_open_v2(name, &reader->db,
				 SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | more, NULL);

	if (rc == SQLITE_OK)
		settings(reader->db);
	return rc;
}

/* The file of who may not write beside it (a member of the group, a disk that is read-only) while no writer has its log open. SQLite
 * would make the index of a log; nobody writes, so there is none to be read. */
static int open_still(struct reader *reader, const char *path)
{
	char name[PATH_MAX + 32];

	/* In a URI these have a meaning. */
	if (strpbrk(path, "?#%") || has_log(path))
		return SQLITE_READONLY;
	sqlite3_close(reader->db);
	reader->db = NULL;
	snprintf(name, sizeof(name), "file:%s?immutable=1", path);
	return open_as(reader, name, SQLITE_OPEN_URI);
}

static bool needs_log(sqlite3 *db)
{
	int rc = sqlite3_exec(db, "SELECT 1 FROM sqlite_schema LIMIT 1", NULL, NULL, NULL) & 0xff;

	return rc == SQLITE_READONLY || rc == SQLITE_CANTOPEN;
}

static int open_database(struct reader *reader, const char *path, char *why, size_t size)
{
	int rc = open_as(reader, path, 0);

	if (rc == SQLITE_OK && needs_log(reader->db))
		rc = open_still(reader, path);
	if (rc == SQLITE_OK)
		return look_at_schema(reader, path, why, size);
	if (rc == SQLITE_READONLY)
		snprintf(why, size,
			 "cannot read %s: the collector left a log that only its owner can bring "
			 "in: "
			 "be root, or start the collector",
			 path);
	else
		snprintf(why, size, "cannot read %s: %s", path, sqlite3_errstr(rc));
	return -1;
}

struct reader *store_read_open(const char *path, char *why, size_t size)
{
	struct reader *reader;

	if (look_at_file(path, why, size) != 0)
		return NULL;
	reader = calloc(1, sizeof(*reader));
	if (reader)
		reader->pack = pack_new();
	if (!reader || !reader->pack) {
		snprintf(why, size, "out of memory");
		store_read_close(reader);
		return NULL;
	}
	if (open_database(reader, path, why, size) != 0) {
		store_read_close(reader);
		return NULL;
	}
	return reader;
}

void store_read_close(struct reader *reader)
{
	if (!reader)
		return;
	sqlite3_finalize(reader->record);
	sqlite3_close(reader->db);
	pack_free(reader->pack);
	free(reader->json);
	free(reader);
}

sqlite3 *store_read_db(struct reader *reader)
{
	return reader->db;
}

/* Adds what is packed behind the first `used` bytes of reader->json. */
static int append(struct reader *reader, struct bytes packed, size_t *used)
{
	struct bytes text;
	char *json;
	int error = pack_expand(reader->pack, packed, &text);

	if (error)
		return error;
	if (*used + text.length + 2 > reader->room) {
		json = realloc(reader->json, 2 * (*used + text.length + 2));
		if (!json)
			return -ENOMEM;
		reader->json = json;
		reader->room = 2 * (*used + text.length + 2);
	}
	reader->json[*used] = *used ? ',' : '{';
	memcpy(reader->json + *used + 1, text.at, text.length);
	*used += 1 + text.length;
	return 0;
}

int store_record_of(struct reader *reader, struct bytes rest, struct bytes process,
		    struct bytes *json)
{
	size_t used = 0;
	int error = append(reader, rest, &used);

	if (!error && process.length)
		error = append(reader, process, &used);
	if (error)
		return error;
	reader->json[used] = '}';
	*json = (struct bytes){reader->json, used + 1};
	return 1;
}

static struct bytes blob(sqlite3_stmt *statement, int column)
{
	const char *at = sqlite3_column_blob(statement, column);

	return (struct bytes){at, at ? (size_t)sqlite3_column_bytes(statement, column) : 0};
}

int store_record(struct reader *reader, int64_t seq, struct bytes *json)
{
	int rc, found = 0;

	if (!reader->record &&
	    sqlite3_prepare_v2(reader->db, record, -1, &reader->record, NULL) != SQLITE_OK)
		return -EIO;
	sqlite3_bind_int64(reader->record, 1, seq);
	rc = sqlite3_step(reader->record);
	if (rc == SQLITE_ROW)
		found = store_record_of(reader, blob(reader->record, 0), blob(reader->record, 1),
					json);
	else if (rc != SQLITE_DONE)
		found = rc == SQLITE_CORRUPT ? -EBADMSG : -EIO;
	sqlite3_reset(reader->record);
	return found;
}
