/* SPDX-License-Identifier: GPL-2.0-only */
/* What can go wrong with a store: rows wait and are written later, what is lost is counted and said, nothing is torn. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/limits.h"
#include "store_files.h"

#define NOBODY 65534

static struct made_rows made = {11, 50, 500, 100};

/* The store cannot be written: it says so, and keeps what comes. */
static void assert_waits(struct store *store, enum store_status status, uint64_t queued)
{
	for (int i = 0; i < 3; i++) {
		now += SECOND;
		store_tick(store, now);
		assert_int_equal(state_of(store).status, status);
		assert_int_equal(state_of(store).queued, queued);
	}
	/* It does not ask to be called all the time. */
	assert_int_equal(store_tick(store, now), SECOND);
}

static void assert_recovers(struct store *store, uint64_t written)
{
	now += SECOND;
	let_write(store);
	assert_int_equal(state_of(store).status, STORE_OK);
	assert_int_equal(state_of(store).queued, 0);
	assert_int_equal(state_of(store).written, written);
	assert_int_equal(ask(HEALTHY), 1);
}

static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_full_disk(void **state)
{
	struct store *store = open_store();

	(void)state;
	add_rows(store, &made, 200);
	let_write(store);
	limit_files(40960);
	add_rows(store, &made, 1000);
	assert_waits(store, STORE_FULL, 1000);
	add_rows(store, &made, LIMIT_STORE_QUEUE);
	assert_true(state_of(store).lost >= 1000);
	assert_true(state_of(store).queued_bytes <= LIMIT_STORE_QUEUE_BYTES);
	assert_int_equal(state_of(store).queued + state_of(store).lost, 1000 + LIMIT_STORE_QUEUE);
	limit_files(RLIM_INFINITY);
	assert_recovers(store, 1200 + LIMIT_STORE_QUEUE - state_of(store).lost);
	assert_int_equal(ask("SELECT number FROM event WHERE kind = 4"), state_of(store).lost);
	assert_int_equal(
		ask("SELECT words LIKE 'the disk is full, since 2024-10-04T12:0_:__Z' FROM "
		    "event WHERE kind = 4"),
		1);
	assert_int_equal(ask("SELECT count(*) FROM connection"), state_of(store).written);
	store_close(store, now);
}

/* SQLite's own bound gives SQLITE_FULL, as a disk does that says ENOSPC. What was given back can be used again. */
static void a_file_that_may_not_grow(void **state)
{
	struct store *store;

	(void)state;
	limit_files(1);
	store = open_store();
	assert_int_equal(state_of(store).status, STORE_FULL);
	add_rows(store, &made, 100);
	assert_waits(store, STORE_FULL, 100);
	limit_files(RLIM_INFINITY);
	assert_recovers(store, 100);
	store_close(store, now);
}

static void set_writable(bool writable)
{
	if (getuid() == 0) {
		assert_int_equal(seteuid(writable ? 0 : NOBODY), 0);
		return;
	}
	assert_int_equal(chmod(path, writable ? 0640 : 0440), 0);
}

static void a_read_only_file(void **state)
{
	struct store *store;

	(void)state;
	store_close(open_store(), now);
	assert_int_equal(chmod(path, 0644), 0); /* to be read by anybody */
	set_writable(false);
	store = open_store();
	assert_int_equal(state_of(store).status, STORE_READONLY);
	add_rows(store, &made, 10);
	assert_waits(store, STORE_READONLY, 10);
	set_writable(true);
	assert_recovers(store, 10);
	store_close(store, now);
}

static sqlite3 *lock(const char *how)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, how, NULL, NULL, NULL), SQLITE_OK);
	return db;
}

static void a_locked_database(void **state)
{
	static const char *const how[] = {"BEGIN EXCLUSIVE", "BEGIN; DELETE FROM text"};
	struct store *store = open_store();
	uint64_t written = 0;

	(void)state;
	for (int i = 0; i < 2; i++) {
		sqlite3 *other = lock(how[i]);

		add_rows(store, &made, 50);
		written += 50;
		assert_waits(store, STORE_LOCKED, 50);
		sqlite3_close(other);
		assert_recovers(store, written);
	}
	assert_int_equal(state_of(store).lost, 0);
	store_close(store, now);
}

/* A program that keeps the file to itself: not even reading is possible. */
static void an_exclusive_reader(void **state)
{
	struct store *store;
	sqlite3 *other;

	(void)state;
	store_close(open_store(), now);
	other = lock("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; INSERT INTO meta VALUES('x', "
		     "1); COMMIT");
	store = open_store();
	add_rows(store, &made, 5);
	assert_waits(store, STORE_LOCKED, 5);
	sqlite3_close(other);
	assert_recovers(store, 5);
	store_close(store, now);
}

static void overwrite(off_t at, size_t size)
{
	int fd = open(path, O_WRONLY);
	char garbage[8192];

	memset(garbage, 0xa5, sizeof(garbage));
	assert_true(fd >= 0 && size <= sizeof(garbage));
	assert_int_equal(pwrite(fd, garbage, size, at), size);
	close(fd);
}

static void a_damaged_header(void **state)
{
	struct store *store = open_store();
	char aside[128];

	(void)state;
	add_rows(store, &made, 100);
	store_close(store, now);
	overwrite(0, 100);
	store = open_store();
	assert_int_equal(state_of(store).status, STORE_OK);
	add_rows(store, &made, 7);
	assert_recovers(store, 7);
	assert_int_equal(ask("SELECT count(*) FROM connection"), 7);
	assert_int_equal(ask("SELECT count(*) FROM event WHERE kind = 8"), 1);
	snprintf(aside, sizeof(aside), "%s.damaged", path);
	assert_int_equal(access(aside, F_OK), 0);
	store_close(store, now);
}

/* All pages of tables and indexes but the first: it opens, and what is wrong is found while rows are written. */
static void damaged_pages(void **state)
{
	struct store *store = open_store();
	struct stat file;
	char aside[128];

	(void)state;
	add_rows(store, &made, 3000);
	let_write(store);
	store_close(store, now);
	assert_int_equal(stat(path, &file), 0);
	for (off_t at = 4096; at < file.st_size; at += 4096)
		overwrite(at, 4096);
	store = open_store();
	add_rows(store, &made, 9);
	assert_recovers(store, 9);
	assert_int_equal(ask("SELECT count(*) FROM event WHERE kind = 8"), 1);
	assert_int_equal(ask("SELECT count(*) FROM connection"), 9);
	/* Again: the older one makes room. */
	store_close(store, now);
	overwrite(0, 100);
	store_close(open_store(), now);
	snprintf(aside, sizeof(aside), "%s.damaged", path);
	assert_int_equal(access(aside, F_OK), 0);
	assert_int_equal(ask("SELECT count(*) FROM connection"), 0);
}

static void a_file_cut_while_open(void **state)
{
	struct store *store = open_store();

	(void)state;
	add_rows(store, &made, 5000);
	store_close(store, now);
	store = open_store();
	assert_int_equal(truncate(path, 8192), 0);
	add_rows(store, &made, 5000);
	assert_recovers(store, 5000);
	assert_int_equal(ask("SELECT count(*) FROM event WHERE kind = 8"), 1);
	assert_int_equal(ask("SELECT count(*) FROM connection"), 5000);
	store_close(store, now);
}

/* Its log stays at the path: it must not be taken for the new file's. */
static void a_deleted_file(void **state)
{
	struct store *store = open_store();

	(void)state;
	add_rows(store, &made, 100);
	let_write(store);
	assert_int_equal(unlink(path), 0);
	add_rows(store, &made, 20);
	assert_recovers(store, 120);
	assert_int_equal(ask("SELECT count(*) FROM connection"), 20);
	store_close(store, now);
}

static void a_replaced_file(void **state)
{
	struct store *store = open_store();
	char other[128];

	(void)state;
	snprintf(other, sizeof(other), "%s.new", path);
	store_close(store, now);
	assert_int_equal(rename(path, other), 0);
	store = open_store();
	add_rows(store, &made, 100);
	let_write(store);
	assert_int_equal(rename(other, path), 0);
	add_rows(store, &made, 20);
	assert_recovers(store, 120);
	assert_int_equal(ask("SELECT count(*) FROM connection"), 20);
	store_close(store, now);
}

static void a_directory_that_comes_late(void **state)
{
	struct store *store;

	(void)state;
	assert_int_equal(rmdir(directory), 0);
	store = open_store();
	assert_int_equal(state_of(store).status, STORE_GONE);
	add_rows(store, &made, 5);
	assert_waits(store, STORE_GONE, 5);
	assert_int_equal(mkdir(directory, 0700), 0);
	assert_recovers(store, 5);
	store_close(store, now);
}

static void a_link_is_not_followed(void **state)
{
	struct store *store;
	char target[128];

	(void)state;
	snprintf(target, sizeof(target), "%s.target", path);
	assert_int_equal(symlink(target, path), 0);
	store = open_store();
	assert_int_not_equal(state_of(store).status, STORE_OK);
	store_close(store, now);
	assert_int_equal(access(target, F_OK), -1);
}

/* Writes as fast as it can, and tells how many rows were acknowledged. Never returns. */
static void write_until_killed(int to)
{
	struct store *store = open_store();

	for (;;) {
		uint64_t written;

		add_rows(store, &made, 1 + (int)made_number(&made, 200));
		now += SECOND;
		store_tick(store, now);
		written = state_of(store).written;
		if (state_of(store).status != STORE_OK ||
		    write(to, &written, sizeof(written)) != sizeof(written))
			_exit(1);
	}
}

static void kill_one(unsigned int acknowledgements, int64_t *safe)
{
	uint64_t written = 0;
	int ends[2], status;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(ends[0]);
		write_until_killed(ends[1]);
	}
	close(ends[1]);
	/* Where it is then is left to chance: it goes on writing. */
	while (acknowledgements--)
		assert_int_equal(read(ends[0], &written, sizeof(written)), sizeof(written));
	kill(child, SIGKILL);
	while (read(ends[0], &written, sizeof(written)) == sizeof(written))
		;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	close(ends[0]);
	*safe += (int64_t)written;
}

static void killed_at_any_moment(void **state)
{
	int64_t safe = 0, there;

	(void)state;
	for (int i = 0; i < 50; i++) {
		kill_one(1 + (unsigned int)made_number(&made, 8), &safe);
		made_number(&made, 2); /* the next child's rows are others */
		now += 60 * SECOND;
		assert_int_equal(ask(HEALTHY), 1);
		there = ask("SELECT count(*) FROM connection");
		assert_true(there >= safe);
		safe = there;
		assert_int_equal(ask("SELECT max(seq) FROM connection"), there);
		assert_int_equal(ask("SELECT value FROM meta WHERE key = 'next_seq'"), there + 1);
		assert_int_equal(ask("SELECT sum(connections) FROM hour"), there);
		assert_int_equal(ask("SELECT sum(connections) FROM day_value WHERE what = 1"),
				 there);
		assert_int_equal(
			ask("SELECT count(*) FROM connection LEFT JOIN actor ON actor.id = actor"
			    " LEFT JOIN process ON process.id = process WHERE actor.id IS NULL"
			    " OR process.id IS NULL"),
			0);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_full_disk),
		TEST(a_file_that_may_not_grow),
		TEST(a_read_only_file),
		TEST(a_locked_database),
		TEST(an_exclusive_reader),
		TEST(a_damaged_header),
		TEST(damaged_pages),
		TEST(a_file_cut_while_open),
		TEST(a_deleted_file),
		TEST(a_replaced_file),
		TEST(a_directory_that_comes_late),
		TEST(a_link_is_not_followed),
		TEST(killed_at_any_moment),
	};

	signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests_name("store_faults", tests, NULL, NULL);
}
