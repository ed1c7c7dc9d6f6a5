/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * store_files.h - a store in a directory of its own, on a clock that the test moves
 */
#ifndef SMTPSNOOP_STORE_FILES_H
#define SMTPSNOOP_STORE_FILES_H

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "make_rows.h"
#include "store/store.h"

#define SECOND INT64_C(1000000000)
#define DAY (86400 * SECOND)
#define TODAY (INT64_C(20000) * DAY + DAY / 2) /* noon in October 2024 */

static char directory[64];
static char path[96];
static int64_t now;

static inline int make_directory(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/smtpsnoop-test-XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/" STORE_NAME, directory);
	now = TODAY;
	return 0;
}

static inline int remove_directory(void **state)
{
	DIR *files = opendir(directory);
	struct dirent *file;
	char name[512];

	(void)state;
	while (files && (file = readdir(files))) {
		snprintf(name, sizeof(name), "%s/%s", directory, file->d_name);
		unlink(name);
	}
	if (files)
		closedir(files);
	return rmdir(directory);
}

static inline struct store *open_store(void)
{
	struct store *store = store_open(&(struct store_options){.path = path}, now);

	assert_non_null(store);
	return store;
}

static inline struct store_state state_of(const struct store *store)
{
	struct store_state state;

	store_state(store, &state);
	return state;
}

/* Lets time pass until nothing waits, or a minute is over. */
static inline void let_write(struct store *store)
{
	for (int64_t end = now + 60 * SECOND; now < end && state_of(store).queued;) {
		int64_t wait = store_tick(store, now);

		now += wait ? (wait < SECOND ? wait : SECOND) : 1000000;
	}
}

/* Until retention has come to its end. */
static inline void let_retain(struct store *store)
{
	now += 61 * SECOND;
	for (int steps = 0; steps < 100000; steps++) {
		int64_t wait = store_tick(store, now);

		if (wait > SECOND)
			return;
		now += wait ? wait : 1000000;
	}
	fail_msg("retention has no end");
}

static inline void add_rows(struct store *store, struct made_rows *made, int count)
{
	struct made_row row;

	while (count--) {
		make_row(made, now, &row);
		store_add(store, &row.row, now);
	}
}

/* The first number of the first row, by a connection of its own. */
static inline int64_t ask_file(const char *file, const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *statement;
	int64_t number = -1;

	assert_int_equal(sqlite3_open_v2(file, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	sqlite3_busy_timeout(db, 10000);
	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	if (sqlite3_step(statement) == SQLITE_ROW)
		number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return number;
}

static inline int64_t ask(const char *sql)
{
	return ask_file(path, sql);
}

#define HEALTHY "SELECT integrity_check = 'ok' FROM pragma_integrity_check"

#endif
