/* SPDX-License-Identifier: GPL-2.0-only */
/* What the store is given comes back: as records, as sums of hours and days, and after retention as far as that goes. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>

#include "base/limits.h"
#include "store/pack.h"
#include "store/reader.h"
#include "store/schema.h"
#include "store_model.h"

static void assert_record(struct reader *reader, int64_t seq, const struct store_row *row)
{
	struct bytes record;
	char expected[4096];
	json_t *found, *wanted;

	assert_int_equal(store_record(reader, seq, &record), 1);
	snprintf(expected, sizeof(expected), "{%.*s,%.*s}", (int)row->rest_json.length,
		 row->rest_json.at, (int)row->process_json.length, row->process_json.at);
	found = json_loadb(record.at, record.length, 0, NULL);
	wanted = json_loads(expected, 0, NULL);
	assert_non_null(found);
	assert_non_null(wanted);
	assert_true(json_equal(found, wanted));
	json_decref(found);
	json_decref(wanted);
}

static void records_come_back(void **state)
{
	static struct made_row rows[300];
	struct made_rows made = {1, 40, 100, 20};
	struct store *store = open_store();
	struct reader *reader;
	struct bytes record;
	char why[256];

	(void)state;
	for (int i = 0; i < 300; i++) {
		make_row(&made, now + i * SECOND, &rows[i]);
		store_add(store, &rows[i].row, now);
	}
	let_write(store);
	assert_int_equal(state_of(store).written, 300);
	/* Beside the writer, as report does. */
	reader = store_read_open(path, why, sizeof(why));
	assert_non_null(reader);
	for (int i = 0; i < 300; i++)
		assert_record(reader, i + 1, &rows[i].row);
	assert_int_equal(store_record(reader, 301, &record), 0);
	store_read_close(reader);
	store_close(store, now);
}

static void little_is_known(void **state)
{
	struct store *store = open_store();
	struct reader *reader;
	struct bytes record;
	char why[256];

	(void)state;
	store_add(store,
		  &(struct store_row){
			  .start = now, .uid = STORE_NO_UID, .rest_json = bytes_of("\"v\":1")},
		  now);
	store_add(store, &(struct store_row){.start = -5, .uid = 0}, now);
	store_close(store, now);
	reader = store_read_open(path, why, sizeof(why));
	assert_int_equal(store_record(reader, 1, &record), 1);
	assert_true(bytes_are(record, "{\"v\":1}"));
	assert_int_equal(store_record(reader, 2, &record), 1);
	assert_true(bytes_are(record, "{}"));
	store_read_close(reader);
	assert_int_equal(ask("SELECT uid FROM actor JOIN connection ON actor = id WHERE seq = 1"),
			 -1);
	assert_int_equal(
		ask("SELECT count(*) FROM connection WHERE helo = 0 AND reply = 0 AND process = 0"),
		2);
	assert_int_equal(ask("SELECT count(*) FROM day_value WHERE value = -1 AND what <> 1"), 4);
}

/* Long texts are cut, a record that cannot be one is counted as lost, and said. */
static void too_much_is_said(void **state)
{
	struct store *store = open_store();
	char *text = malloc(LIMIT_STORE_JSON + 1);
	struct store_row row = {.start = now};

	(void)state;
	memset(text, 'x', LIMIT_STORE_JSON + 1);
	row.helo = (struct bytes){text, LIMIT_STORE_TEXT + 1};
	store_add(store, &row, now);
	row.rest_json = (struct bytes){text, LIMIT_STORE_JSON};
	store_add(store, &row, now);
	row.rest_json.length++;
	store_add(store, &row, now);
	row.rest_json.length = 0;
	row.process_json = (struct bytes){text, LIMIT_STORE_JSON + 1};
	store_add(store, &row, now);
	let_write(store);
	assert_int_equal(state_of(store).written, 2);
	assert_int_equal(state_of(store).lost, 2);
	store_close(store, now);
	assert_int_equal(ask("SELECT length(bytes) FROM text ORDER BY 1 DESC"), LIMIT_STORE_TEXT);
	assert_int_equal(ask("SELECT number FROM event WHERE kind = 4"), 2);
	free(text);
}

static void sums_are_those_of_the_rows(void **state)
{
	struct made_rows made = {7, 300, 20000, 9000};
	struct store *store = open_store();
	struct model model;
	struct made_row row;

	(void)state;
	model_open(&model);
	/* More different HELOs and destinations a day than the store keeps, and connections that began on another day. */
	for (int i = 0; i < 30000; i++) {
		int64_t before = made_number(&made, 50) ? 0 : (int64_t)made_number(&made, 6) * DAY;

		make_row(&made, now - before, &row);
		model_add(&model, &row.row);
		store_add(store, &row.row, now);
		now += i % 2000 ? SECOND / 100 : 3600 * SECOND;
		store_tick(store, now);
	}
	let_write(store);
	assert_int_equal(state_of(store).lost, 0);
	assert_true(ask("SELECT count(*) FROM day_value WHERE value = 0") > 0);
	assert_int_equal(ask("SELECT max(n) FROM (SELECT count(DISTINCT value) AS n FROM day_value"
			     " WHERE value > 0 GROUP BY day, what)"),
			 LIMIT_STORE_VALUES);
	model_compare(&model, 0, 0);
	store_close(store, now);
	model_close(&model);
	assert_int_equal(ask(HEALTHY), 1);
}

/* The values of a day are counted again by a new process. */
static void values_stay_bounded_after_a_restart(void **state)
{
	struct made_rows made = {9, 10, 10, 100000};
	struct store *store;

	(void)state;
	for (int i = 0; i < 4; i++) {
		store = open_store();
		add_rows(store, &made, 2000);
		store_close(store, now);
	}
	assert_int_equal(
		ask("SELECT count(DISTINCT value) FROM day_value WHERE what = 2 AND value > 0"),
		LIMIT_STORE_VALUES);
	assert_int_equal(ask("SELECT sum(connections) FROM day_value WHERE what = 2"), 8000);
}

/* Another name of a script with each connection. */
static void add_actors(struct store *store, uint32_t uid, int from, int to)
{
	struct made_rows made = {10, 5, 5, 5};
	struct made_row row;

	for (int i = from; i < to; i++) {
		make_row(&made, now, &row);
		row.row.uid = uid;
		row.row.user = bytes_of("bob");
		row.row.script =
			made_text(row.script, sizeof(row.script), "/home/%u/%d.php", uid, i);
		store_add(store, &row.row, now);
		store_tick(store, now += SECOND / 1000);
	}
	let_write(store);
}

#define ACTORS(where) "SELECT count(*) FROM actor WHERE " where
#define SUM_OF(where)                                                                              \
	"SELECT total(connections) FROM hour JOIN actor ON actor.id = actor WHERE " where
#define OTHERS "exe = (SELECT id FROM text WHERE bytes = CAST('(others)' AS BLOB))"

/* Who makes up names has so many of them a day, and is no other user's trouble; also after a restart. */
static void actors_of_a_user_stay_bounded(void **state)
{
	struct store *store = open_store();

	(void)state;
	now += DAY - now % DAY; /* all on one day */
	add_actors(store, 7, 0, LIMIT_STORE_ACTORS + 300);
	add_actors(store, 8, 0, 50);
	store_close(store, now);
	store = open_store();
	add_actors(store, 7, LIMIT_STORE_ACTORS + 300, LIMIT_STORE_ACTORS + 500);
	add_actors(store, 7, 0, 100); /* those that are known stay what they are */
	assert_int_equal(ask(ACTORS("uid = 7")), LIMIT_STORE_ACTORS + 1);
	assert_int_equal(ask(SUM_OF("uid = 7 AND " OTHERS)), 500);
	assert_int_equal(ask(SUM_OF("uid = 7")), LIMIT_STORE_ACTORS + 600);
	assert_int_equal(ask(ACTORS("uid = 8")), 50);
	/* The next day's names are kept again. */
	now += DAY;
	add_actors(store, 7, 9000, 9010);
	assert_int_equal(ask(ACTORS("uid = 7")), LIMIT_STORE_ACTORS + 11);
	assert_int_equal(
		ask("SELECT count(*) FROM connection WHERE actor NOT IN (SELECT id FROM actor)"),
		0);
	store_close(store, now);
	assert_int_equal(ask(HEALTHY), 1);
}

static void a_batch_waits_for_a_second(void **state)
{
	struct store *store = open_store();
	struct made_rows made = {3, 5, 5, 5};

	(void)state;
	store_tick(store, now);
	add_rows(store, &made, 1);
	assert_int_equal(store_tick(store, now), SECOND);
	now += SECOND / 2;
	add_rows(store, &made, 1);
	assert_int_equal(store_tick(store, now), SECOND / 2);
	assert_int_equal(state_of(store).oldest, now - SECOND / 2);
	now += SECOND / 2;
	store_tick(store, now);
	assert_int_equal(state_of(store).written, 2);
	/* A clock that was put back a day does not make rows wait for a day. */
	add_rows(store, &made, 1);
	now -= DAY;
	store_tick(store, now);
	assert_int_equal(state_of(store).written, 3);
	add_rows(store, &made, LIMIT_STORE_BATCH);
	store_tick(store, now);
	assert_int_equal(state_of(store).written, 3 + LIMIT_STORE_BATCH);
	store_close(store, now);
}

static void seq_is_never_used_again(void **state)
{
	struct store *store = open_store();
	struct made_rows made = {4, 5, 5, 5};

	(void)state;
	add_rows(store, &made, 10);
	store_close(store, now);
	now += 200 * DAY;
	store = open_store();
	let_retain(store);
	assert_int_equal(ask("SELECT count(*) FROM connection"), 0);
	store_close(store, now);
	store = open_store();
	add_rows(store, &made, 1);
	store_close(store, now);
	assert_int_equal(ask("SELECT seq FROM connection"), 11);
	assert_int_equal(ask("SELECT length(value) FROM meta WHERE key = 'store_id'"), 32);
}

static void runs_leave_events(void **state)
{
	struct store *store = open_store();

	(void)state;
	store_event(store, STORE_EVENT_STARTED, 0, "0.1", now);
	store_event(store, STORE_EVENT_ENDED, 0, NULL, now);
	store_close(store, now);
	assert_int_equal(ask("SELECT count(*) FROM event WHERE words IS NULL"), 1);
	store = open_store();
	store_event(store, STORE_EVENT_STARTED, 0, NULL, now);
	store_close(store, now); /* without ENDED: as after kill -9 */
	assert_int_equal(ask("SELECT count(*) FROM event WHERE kind = 7"), 0);
	store = open_store();
	store_event(store, STORE_EVENT_STARTED, 0, NULL, now);
	/* Many that wait are added up by kind. */
	for (int i = 0; i < 3 * LIMIT_STORE_EVENTS; i++)
		store_event(store, STORE_EVENT_LOST_KERNEL, 2, NULL, now);
	store_event(store, STORE_EVENT_CLOCK, (uint64_t)-5, NULL, now);
	store_close(store, now);
	assert_int_equal(ask("SELECT seq FROM event WHERE kind = 7"), 4);
	assert_int_equal(ask("SELECT sum(number) FROM event WHERE kind = 3"),
			 6 * LIMIT_STORE_EVENTS);
	assert_true(ask("SELECT count(*) FROM event") <= LIMIT_STORE_EVENTS + 6);
	assert_int_equal(ask("SELECT number FROM event WHERE kind = 5"), -5);
}

static void write_file(const char *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, bytes, size), size);
	close(fd);
}

static void assert_unreadable(const char *sentence)
{
	char why[256] = "";

	assert_null(store_read_open(path, why, sizeof(why)));
	if (!strstr(why, sentence))
		fail_msg("\"%s\" is not in \"%s\"", sentence, why);
}

static void change_file(const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	run_sql(db, sql);
	sqlite3_close(db);
}

/* Readers say what it is; the writer leaves what is not its own alone. */
static void other_files_are_told(void **state)
{
	struct made_rows made = {5, 5, 5, 5};
	struct store *store;

	(void)state;
	assert_unreadable("No such file");
	write_file("", 0);
	assert_unreadable("is empty");
	write_file("this is not a database, although it is long enough to be the header of one: "
		   "it has more than a hundred bytes",
		   108);
	assert_unreadable("is not a store of smtpsnoop");
	unlink(path);
	change_file("CREATE TABLE mail(id); PRAGMA user_version = 1");
	assert_unreadable("is not a store of smtpsnoop");
	store = open_store();
	assert_int_equal(state_of(store).status, STORE_FOREIGN);
	add_rows(store, &made, 3);
	store_close(store, now);
	assert_int_equal(ask("SELECT count(*) FROM mail"), 0);
	unlink(path);
	store_close(open_store(), now);
	change_file("PRAGMA user_version = 2");
	assert_unreadable("newer smtpsnoop: its version is 2");
	store = open_store();
	assert_int_equal(state_of(store).status, STORE_NEWER);
	/* Put right while it runs. */
	change_file("PRAGMA user_version = 1");
	add_rows(store, &made, 3);
	let_write(store);
	assert_int_equal(state_of(store).written, 3);
	store_close(store, now);
	change_file("PRAGMA user_version = 0; PRAGMA application_id = 0");
	assert_unreadable("is not a store of smtpsnoop");
}

/* An empty file is as none: made by a start that was killed at once. */
static void an_empty_file_becomes_a_store(void **state)
{
	struct stat file;

	(void)state;
	write_file("", 0);
	store_close(open_store(), now);
	assert_int_equal(ask("PRAGMA application_id"), SCHEMA_APPLICATION);
	assert_int_equal(ask("PRAGMA auto_vacuum"), 2);
	unlink(path);
	umask(0);
	store_close(open_store(), now);
	assert_int_equal(stat(path, &file), 0);
	assert_int_equal(file.st_mode & 07777, 0640);
}

static void damaged_records_are_refused(void **state)
{
	struct store *store = open_store();
	struct made_rows made = {6, 5, 5, 5};
	struct pack *pack = pack_new();
	struct reader *reader;
	struct bytes text;
	char why[256];

	(void)state;
	add_rows(store, &made, 4);
	store_close(store, now);
	change_file("UPDATE connection SET rest = x'' WHERE seq = 1;"
		    "UPDATE connection SET rest = x'07' || substr(rest, 2) WHERE seq = 2;"
		    "UPDATE connection SET rest = substr(rest, 1, 20) WHERE seq = 3;"
		    "UPDATE connection SET rest = 'text' WHERE seq = 4");
	reader = store_read_open(path, why, sizeof(why));
	for (int seq = 1; seq <= 4; seq++)
		assert_int_equal(store_record(reader, seq, &text), -EBADMSG);
	store_read_close(reader);
	assert_int_equal(pack_expand(pack, (struct bytes){NULL, 0}, &text), -EBADMSG);
	pack_free(pack);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(records_come_back, make_directory,
						remove_directory),
		cmocka_unit_test_setup_teardown(little_is_known, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(too_much_is_said, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(sums_are_those_of_the_rows, make_directory,
						remove_directory),
		cmocka_unit_test_setup_teardown(values_stay_bounded_after_a_restart, make_directory,
						remove_directory),
		cmocka_unit_test_setup_teardown(actors_of_a_user_stay_bounded, make_directory,
						remove_directory),
		cmocka_unit_test_setup_teardown(a_batch_waits_for_a_second, make_directory,
						remove_directory),
		cmocka_unit_test_setup_teardown(seq_is_never_used_again, make_directory,
						remove_directory),
		cmocka_unit_test_setup_teardown(runs_leave_events, make_directory,
						remove_directory),
		cmocka_unit_test_setup_teardown(other_files_are_told, make_directory,
						remove_directory),
		cmocka_unit_test_setup_teardown(an_empty_file_becomes_a_store, make_directory,
						remove_directory),
		cmocka_unit_test_setup_teardown(damaged_records_are_refused, make_directory,
						remove_directory),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
