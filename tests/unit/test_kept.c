/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_kept.c - a connection as a row of the store: its columns, the record in two parts, and what the clock does to it
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>

#include "make_connection.h"
#include "present/kept.h"
#include "present/present.h"

static struct kept kept;
static struct made_connection made;

static int begin(void **state)
{
	struct frame_start start;

	(void)state;
	memset(&start, 0, sizeof(start));
	memset(start.boot_id, 0xa5, sizeof(start.boot_id));
	strcpy(start.host, "web1");
	assert_int_equal(kept_init(&kept), 0);
	record_origin_set(&kept.origin, &start);
	assert_int_equal(kept_clock(&kept, MAKE_WALL), 0);
	make_connection(&made, VERDICT_BYPASS);
	make_opener(&made);
	return 0;
}

static int end(void **state)
{
	(void)state;
	make_free(&made);
	kept_free(&kept);
	return 0;
}

static void assert_text(struct bytes text, const char *wanted)
{
	assert_int_equal(text.length, strlen(wanted));
	assert_memory_equal(text.at, wanted, text.length);
}

/* { rest, process } */
static json_t *whole(const struct store_row *row)
{
	json_error_t error;
	json_t *record;
	char *text;

	assert_true(asprintf(&text, "{%.*s%s%.*s}", (int)row->rest_json.length, row->rest_json.at,
			     row->process_json.length ? "," : "", (int)row->process_json.length,
			     row->process_json.at) > 0);
	record = json_loads(text, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	if (!record)
		fail_msg("%s in %s", error.text, text);
	free(text);
	return record;
}

/* ns; -1 = it has no end. */
static int64_t duration_of(const struct store_row *row)
{
	json_t *record = whole(row), *event = json_object_get(record, "event");
	json_t *duration = json_object_get(event, "duration");
	int64_t ns = duration ? json_integer_value(duration) : -1;

	assert_int_equal(json_object_get(event, "end") != NULL, duration != NULL);
	json_decref(record);
	return ns;
}

/* As `trace --json` writes it. */
static json_t *presented(void)
{
	struct present_options options = {.json = true, .verdicts = ~0u};
	struct frame_start start;
	struct present *present;
	json_error_t error;
	json_t *record;
	char *text, *line;
	size_t size;

	options.out = open_memstream(&text, &size);
	present = present_new(&options);
	memset(&start, 0, sizeof(start));
	memset(start.boot_id, 0xa5, sizeof(start.boot_id));
	strcpy(start.host, "web1");
	present_start(present, &start, 0, MAKE_WALL);
	present_connection(present, &made.connection, MAKE_WALL);
	present_free(present);
	fclose(options.out);
	line = strchr(text, '\n') + 1;
	record = json_loads(line, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	assert_non_null(record);
	free(text);
	return record;
}

static void test_columns(void **state)
{
	struct store_row row;

	(void)state;
	make_blocklisted(&made);
	assert_int_equal(kept_row(&kept, &made.connection, &row), 0);
	assert_int_equal(row.start, MAKE_WALL + 100 * (int64_t)MAKE_SECOND);
	assert_int_equal(duration_of(&row), (int64_t)MAKE_SECOND);
	assert_int_equal(row.verdict, VERDICT_BYPASS);
	assert_int_equal(row.reasons, made.connection.verdict.reasons);
	assert_int_equal(row.uid, made.connection.opener->id.uid);
	assert_text(row.user, made.connection.opener->extra.user);
	assert_true(bytes_equal(row.exe, made.connection.opener->exe));
	assert_true(bytes_equal(row.cgroup, made.connection.opener->cgroup));
	assert_true(bytes_equal(row.service, made.connection.opener->unit));
	assert_memory_equal(row.address, made.connection.ends.remote, 16);
	assert_int_equal(row.port, 25);
	assert_text(row.helo, "[192.0.2.10]");
	assert_text(row.reply, "554 spamhaus");
	assert_int_equal(row.recipients, 2);
	assert_int_equal(row.refused, 2);
	assert_true(row.refusal && row.blocklisted && !row.attempt_only);
	assert_int_equal(row.bytes_out, 120);
}

static void test_replies(void **state)
{
	struct store_row row;

	(void)state;
	assert_int_equal(kept_row(&kept, &made.connection, &row), 0);
	assert_int_equal(row.reply.length, 0);
	assert_int_equal(row.helo.length, 0);
	make_delivery(&made);
	assert_int_equal(kept_row(&kept, &made.connection, &row), 0);
	assert_text(row.reply, "250");
	assert_int_equal(row.accepted, 1);
	made.connection.session->facts.last_code = 421;
	made.connection.session->facts.worst_code = 421;
	assert_int_equal(kept_row(&kept, &made.connection, &row), 0);
	assert_text(row.reply, "421");
	made.connection.session->facts.worst_code = 0;
	made.connection.session->facts.accepted = 0;
	made.connection.session->facts.last_code = 221;
	assert_int_equal(kept_row(&kept, &made.connection, &row), 0);
	assert_text(row.reply, "221");
	made.connection.session->facts.tls = SESSION_TLS_STARTTLS;
	assert_int_equal(kept_row(&kept, &made.connection, &row), 0);
	assert_text(row.reply, "tls");
}

/* Also after a longer one, whose memory is used again. */
static void test_record(void **state)
{
	struct store_row row;
	json_t *stored, *shown;

	(void)state;
	make_delivery(&made);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(kept_row(&kept, &made.connection, &row), 0);
		stored = whole(&row);
		shown = presented();
		assert_true(json_equal(stored, shown));
		assert_non_null(json_object_get(stored, "process"));
		json_decref(stored);
		json_decref(shown);
		free(made.connection.session);
		made.connection.session = NULL;
	}
}

static void test_nobody(void **state)
{
	struct store_row row;
	json_t *stored, *shown;

	(void)state;
	process_free(made.connection.opener);
	made.connection.opener = NULL;
	assert_int_equal(kept_row(&kept, &made.connection, &row), 0);
	assert_int_equal(row.uid, STORE_NO_UID);
	assert_int_equal(row.process_json.length, 0);
	stored = whole(&row);
	shown = presented();
	assert_true(json_equal(stored, shown));
	json_decref(stored);
	json_decref(shown);
}

/* A connection that was open when the trace ended has no end. */
static void test_open(void **state)
{
	struct store_row row;

	(void)state;
	made.connection.closed = 0;
	made.connection.opened = 0;
	assert_int_equal(kept_row(&kept, &made.connection, &row), 0);
	assert_int_equal(duration_of(&row), -1);
	assert_int_equal(row.start, MAKE_WALL + 101 * (int64_t)MAKE_SECOND);
}

/* Two readings of the clocks differ a little: the process stays the same to the byte. */
static void test_clock_noise(void **state)
{
	struct store_row row;
	char *before;

	(void)state;
	assert_int_equal(kept_row(&kept, &made.connection, &row), 0);
	before = strndup(row.process_json.at, row.process_json.length);
	assert_non_null(strstr(before, "\"start\""));
	assert_int_equal(kept_clock(&kept, MAKE_WALL + 2500), 0);
	assert_int_equal(kept_row(&kept, &made.connection, &row), 0);
	assert_text(row.process_json, before);
	free(before);
}

/* A clock that is slewed is followed, never told as a step. */
static void test_clock_slewed(void **state)
{
	struct store_row row;
	int64_t wall = MAKE_WALL;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		wall += 500000;
		assert_int_equal(kept_clock(&kept, wall), 0);
	}
	assert_int_equal(kept_row(&kept, &made.connection, &row), 0);
	assert_in_range(row.start, wall + 100 * (int64_t)MAKE_SECOND - LIMIT_CLOCK_NOISE,
			wall + 100 * (int64_t)MAKE_SECOND);
}

/* From a step on all times are told by the new clock, those from before it as well: durations stay. */
static void test_clock_step(void **state)
{
	struct store_row row;
	const int64_t hour = 3600 * (int64_t)MAKE_SECOND;

	(void)state;
	assert_int_equal(kept_clock(&kept, MAKE_WALL + hour), hour);
	assert_int_equal(kept_row(&kept, &made.connection, &row), 0);
	assert_int_equal(row.start, MAKE_WALL + hour + 100 * (int64_t)MAKE_SECOND);
	assert_int_equal(duration_of(&row), (int64_t)MAKE_SECOND);
	assert_int_equal(kept_clock(&kept, MAKE_WALL + hour), 0);
	assert_int_equal(kept_clock(&kept, MAKE_WALL), -hour);
	assert_int_equal(kept_clock(&kept, MAKE_WALL - LIMIT_CLOCK_STEP), 0);
}

/* CLOCK_BOOTTIME goes on while the host sleeps, as the wall clock does: what they differ by stays. */
static void test_suspend(void **state)
{
	struct store_row row;
	const uint64_t night = 8 * 3600 * MAKE_SECOND;

	(void)state;
	made.connection.closed += night;
	assert_int_equal(kept_clock(&kept, MAKE_WALL), 0);
	assert_int_equal(kept_row(&kept, &made.connection, &row), 0);
	assert_int_equal(duration_of(&row), (int64_t)(night + MAKE_SECOND));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_columns),	 TEST(test_replies),	TEST(test_record),
		TEST(test_nobody),	 TEST(test_open),	TEST(test_clock_noise),
		TEST(test_clock_slewed), TEST(test_clock_step), TEST(test_suspend),
	};

	return cmocka_run_group_tests_name("kept", tests, NULL, NULL);
}
