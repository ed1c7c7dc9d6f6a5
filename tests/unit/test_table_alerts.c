/* SPDX-License-Identifier: GPL-2.0-only */
/* When the table asks whether somebody has to hear of a connection: soon, with what is known by then, and once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "base/limits.h"
#include "make_connection.h"
#include "make_script.h"

#define MS UINT64_C(1000000)
#define START (100 * MAKE_SECOND)

static struct config *config;
static struct judge *judge;
static struct alerts *alerts;
static struct table *table;
static unsigned int told;
static char told_by[64], told_script[64];
static uint64_t told_reasons, told_refused;
static bool told_ended;

static void on_alert(void *context, const struct connection *connection, const struct alert *alert)
{
	const struct script *script = connection_script(connection);

	assert_ptr_equal(context, &told);
	told++;
	snprintf(told_by, sizeof(told_by), "%s", alert->rule->name);
	snprintf(told_script, sizeof(told_script), "%.*s",
		 script ? (int)script_sender(script).length : 0,
		 script ? script_sender(script).at : "");
	told_reasons = connection->verdict.reasons;
	told_refused = alert->refused;
	told_ended = connection->ended;
}

static void configure(const char *text)
{
	struct table_options options = {
		.progress_seconds = 30, .context = &told, .on_alert = on_alert};
	char error[256];

	table_free(table);
	alerts_free(alerts);
	judge_free(judge);
	config_free(config);
	config = config_parse("t.conf", text, strlen(text), error, sizeof(error));
	assert_non_null(config);
	options.judge = judge = judge_new(config);
	options.alerts = alerts = alerts_new(config);
	table = table_new(&options);
	assert_non_null(table);
	told = 0;
}

static int setup(void **state)
{
	(void)state;
	configure("");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	table_free(table);
	alerts_free(alerts);
	judge_free(judge);
	config_free(config);
	table = NULL;
	alerts = NULL;
	judge = NULL;
	config = NULL;
	return 0;
}

static void opens(uint64_t cookie, uint64_t time)
{
	struct made_who made;

	make_who(&made, EVENT_OPEN, cookie, time);
	assert_int_equal(table_frame(table, FRAME_WHO, &made, made.size), 0);
}

static void changes(uint64_t cookie, uint64_t time, uint32_t transition)
{
	struct event_state state;

	make_state(&state, cookie, time, transition, 0);
	assert_int_equal(table_frame(table, FRAME_EVENT, &state, sizeof(state)), 0);
}

static void says(uint64_t cookie, uint64_t time, enum event_direction from, uint64_t offset,
		 const char *text)
{
	struct event_data data;
	size_t size =
		make_data(&data, cookie, time, from, offset, text, strlen(text), 0, WITHHELD_NOT);

	assert_int_equal(table_frame(table, FRAME_EVENT, &data, size), 0);
}

static void runs(uint64_t cookie, uint64_t time, const char *file)
{
	struct made_script script;

	make_script(&script, SCRIPT_OF_OPENER);
	script.record.head.cookie = cookie;
	script.record.head.time = time;
	make_call(&script, file, 3, NULL, "f");
	assert_int_equal(table_frame(table, FRAME_SCRIPT, &script, script.size), 0);
}

static void it_is_told_within_a_second_with_its_script(void **state)
{
	(void)state;
	opens(7, START);
	runs(7, START + MS, "/var/www/x.php");
	assert_int_equal(told, 0);
	assert_true(table_tick(table, START + 2 * MS) <= LIMIT_ALERT_SETTLE_MS * MS);
	assert_int_equal(told, 0);
	table_tick(table, START + (LIMIT_ALERT_SETTLE_MS + 10) * MS);
	assert_int_equal(told, 1);
	assert_string_equal(told_by, "default");
	assert_string_equal(told_script, "/var/www/x.php");
	assert_false(told_ended);
	changes(7, START + MAKE_SECOND, TRANSITION_CLOSED);
	assert_int_equal(told, 1);
}

static void one_that_is_over_before_is_told_at_its_end(void **state)
{
	(void)state;
	opens(7, START);
	changes(7, START + 3 * MS, TRANSITION_CLOSED);
	assert_int_equal(told, 1);
	assert_true(told_ended);
	table_tick(table, START + MAKE_SECOND);
	assert_int_equal(told, 1);
}

static void a_refusal_is_told_when_it_comes(void **state)
{
	(void)state;
	configure("[alert listed]\nreasons=blocklisted\n[alert refused]\nrefused=2\n");
	opens(7, START);
	says(7, START + MS, FROM_SERVER, 0, "220 hi\r\n");
	says(7, START + 2 * MS, FROM_CLIENT, 0, "EHLO x\r\nMAIL FROM:<a@b.c>\r\n");
	table_tick(table, START + MAKE_SECOND);
	says(7, START + 2 * MAKE_SECOND, FROM_SERVER, 8, "250 x\r\n250 ok\r\n");
	says(7, START + 2 * MAKE_SECOND, FROM_CLIENT, 27, "RCPT TO:<d@e.f>\r\nRCPT TO:<g@h.i>\r\n");
	assert_int_equal(told, 0);
	says(7, START + 3 * MAKE_SECOND, FROM_SERVER, 23, "550 no such user\r\n");
	assert_int_equal(told, 0);
	says(7, START + 4 * MAKE_SECOND, FROM_SERVER, 41, "554 see zen.spamhaus.org\r\n");
	assert_int_equal(told, 2);
	assert_string_equal(told_by, "refused");
	assert_int_equal(told_refused, 2);
	assert_true(told_reasons >> REASON_BLOCKLISTED & 1);
}

/* What became known without a refusal, as many recipients. */
static void progress_looks_again(void **state)
{
	(void)state;
	configure("[general]\nmany-recipients=2\n[alert many]\nreasons=many-recipients\n");
	opens(7, START);
	says(7, START + MS, FROM_SERVER, 0, "220 hi\r\n");
	table_tick(table, START + MAKE_SECOND);
	says(7, START + 2 * MAKE_SECOND, FROM_CLIENT, 0,
	     "EHLO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nRCPT TO:<g@h.i>\r\n");
	assert_int_equal(told, 0);
	table_tick(table, START + 31 * MAKE_SECOND);
	assert_int_equal(told, 1);
}

static void a_later_script_or_sender_is_looked_at(void **state)
{
	struct made_who made;

	(void)state;
	configure("[alert uploads]\nreasons=script-in-uploads\n"
		  "[alert handed]\nreasons=handed-over\n");
	opens(7, START);
	table_tick(table, START + MAKE_SECOND);
	assert_int_equal(told, 0);
	runs(7, START + 2 * MAKE_SECOND, "/var/www/wp-content/uploads/x.php");
	assert_int_equal(told, 1);
	assert_string_equal(told_by, "uploads");
	make_who(&made, EVENT_SENDER, 7, START + 3 * MAKE_SECOND);
	made.open.who.tgid = 9;
	assert_int_equal(table_frame(table, FRAME_WHO, &made, made.size), 0);
	assert_int_equal(told, 2);
	assert_string_equal(told_by, "handed");
}

/* In any order of ending; the table must not look at what is gone. */
static void many_settle_in_their_order(void **state)
{
	(void)state;
	configure("[alert a]\nverdict=bypass\nconnections=50\nwindow=1000\n");
	for (uint64_t i = 0; i < 100; i++)
		opens(i, START + i * MS);
	for (uint64_t i = 0; i < 100; i += 3)
		changes(i, START + 100 * MS, TRANSITION_CLOSED);
	assert_int_equal(told, 0); /* 34 of them */
	table_tick(table, START + (LIMIT_ALERT_SETTLE_MS + 20) * MS);
	assert_int_equal(told, 0);
	table_tick(table, START + (LIMIT_ALERT_SETTLE_MS + 100) * MS);
	assert_int_equal(told, 1);
	table_end(table, START + 2 * MAKE_SECOND);
	assert_int_equal(told, 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(it_is_told_within_a_second_with_its_script),
		CASE(one_that_is_over_before_is_told_at_its_end),
		CASE(a_refusal_is_told_when_it_comes),
		CASE(progress_looks_again),
		CASE(a_later_script_or_sender_is_looked_at),
		CASE(many_settle_in_their_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
