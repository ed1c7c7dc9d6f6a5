/* SPDX-License-Identifier: GPL-2.0-only */
/* What an alert says, as a line, as JSON, to the journal and to syslog; and that no name can say more than itself there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <endian.h>
#include <jansson.h>

#include "make_connection.h"
#include "make_script.h"
#include "present/alert.h"

static struct made_connection made;
static struct config *config;
static struct alert alert;
static struct record_origin origin;
static struct alert_view view;
static char line[LIMIT_ALERT_LINE];

static int setup(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	config = config_default();
	make_connection(&made, VERDICT_BYPASS);
	make_opener(&made);
	memset(&alert, 0, sizeof(alert));
	alert.rule = &config->alerts[0];
	alert.connections = 1;
	memset(&origin, 0, sizeof(origin));
	strcpy(origin.boot_id, "00112233445566778899aabbccddeeff");
	strcpy(origin.host, "mail.example.org");
	view = (struct alert_view){.alert = &alert,
				   .connection = &made.connection,
				   .origin = &origin,
				   .config = config,
				   .now = 200 * MAKE_SECOND,
				   .wall_minus_boot = MAKE_WALL};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	make_free(&made);
	config_free(config);
	return 0;
}

static void take_script(struct made_script *script)
{
	struct script *known = script_decode(script, script->size);

	assert_non_null(known);
	connection_take_script(&made.connection, known);
}

static void a_hacked_shop(void)
{
	struct made_script script;

	make_blocklisted(&made);
	make_script(&script, SCRIPT_OF_OPENER);
	make_word(&script, SCRIPT_METHOD, "POST");
	make_word(&script, SCRIPT_URL, "/?p=2");
	make_word(&script, SCRIPT_HOST, "shop.example");
	make_word(&script, SCRIPT_CLIENT, "198.51.100.9");
	make_call(&script, "/var/www/shop/uploads/.x/mailer.php", 41, NULL, "evil_send");
	take_script(&script);
	made.connection.ended = false;
}

static void the_line_has_who_what_and_how_to_stop_it(void **state)
{
	size_t length;

	(void)state;
	a_hacked_shop();
	alert.connections = 12;
	alert.refused = 30;
	alert.more = 412;
	alert.since = 100 * MAKE_SECOND;
	length = alert_line(line, sizeof(line), &view);
	assert_int_equal(length, strlen(line));
	assert_string_equal(
		line,
		"alert default: bypass by www-data: /var/www/shop/uploads/.x/mailer.php:41 "
		"evil_send(), process php-fpm8.2[4711], in php8.2-fpm.service, to "
		"203.0.113.7:25, request from 198.51.100.9: POST shop.example/?p=2; direct-mx "
		"helo-literal refused blocklisted no-quit; answer: 554 5.7.1 Service unavailable; "
		"Client host [192.0.2.10] blocked using zen.spamhaus.org; 12 connections and 30 "
		"refused "
		"recipients in 60 s, and 412 more since 2026-10-29 21:41:40; to stop it: kill "
		"4711, or systemctl stop php8.2-fpm.service, or iptables -I OUTPUT ! -o lo -p tcp "
		"-m multiport --dports 25,465,587 -m owner --uid-owner 33 -j REJECT, or setpriv "
		"--reuid 33 --regid 33 --clear-groups mv -i "
		"/var/www/shop/uploads/.x/mailer.php /var/tmp/");
	assert_int_equal(alert_priority(&view), 2);
	alert.connections = alert.refused = alert.held = 1;
	alert.more = 0;
	alert_line(line, sizeof(line), &view);
	assert_non_null(strstr(line, "; 1 connection and 1 refused recipient in 60 s; 1 alert of "
				     "this user was held back; to stop it"));
	alert.held = 0;
	made.connection.verdict.class = VERDICT_MTA;
	assert_int_equal(alert_priority(&view), 4);
}

static void a_process_that_may_be_gone_is_not_to_be_killed(void **state)
{
	(void)state;
	alert.last = true;
	alert.held = 3;
	alert_line(line, sizeof(line), &view);
	assert_null(strstr(line, "kill 4711"));
	assert_non_null(strstr(line, "; 1 connection in 60 s; 3 alerts of this user were held back"
				     "; further alerts of this user are held back for up to an "
				     "hour; it is over; to stop the next one: systemctl stop "
				     "php8.2-fpm.service, or"));
}

static json_t *as_json(bool only_line)
{
	static struct json writer;
	char *bytes = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&bytes, &size);
	json_error_t error;
	json_t *json;

	alert_line(line, sizeof(line), &view);
	alert_json(&writer, out, &view, line, only_line);
	assert_int_equal(fclose(out), 0);
	assert_ptr_equal(memchr(bytes, '\n', size), bytes + size - 1);
	json = json_loadb(bytes, size, 0, &error);
	assert_non_null(json);
	free(bytes);
	return json;
}

static const char *word(const json_t *json, const char *object, const char *key)
{
	const char *text = json_string_value(json_object_get(json_object_get(json, object), key));

	assert_non_null(text);
	return text;
}

static long long count(const json_t *json, const char *key)
{
	return json_integer_value(json_object_get(json_object_get(json, "alert"), key));
}

static void json_is_the_connections_record_and_more(void **state)
{
	json_t *json, *advice;

	(void)state;
	a_hacked_shop();
	alert.connections = 12;
	alert.more = 5;
	alert.since = 150 * MAKE_SECOND;
	json = as_json(false);
	assert_string_equal(word(json, "event", "kind"), "alert");
	assert_string_equal(word(json, "event", "action"), "alert");
	assert_string_equal(word(json, "event", "id"), "00112233445566778899aabbccddeeff-abc1");
	assert_string_equal(word(json, "rule", "name"), "default");
	assert_string_equal(word(json, "script", "file"), "/var/www/shop/uploads/.x/mailer.php");
	assert_string_equal(word(json, "user", "name"), "www-data");
	assert_string_equal(word(json, "service", "name"), "php8.2-fpm.service");
	assert_string_equal(word(json, "destination", "ip"), "203.0.113.7");
	assert_string_equal(word(json, "verdict", "class"), "bypass");
	assert_string_equal(word(json, "smtp", "blocklist"), "spamhaus");
	assert_string_equal(word(json, "alert", "since"), "2026-10-29T21:42:30.000000Z");
	assert_int_equal(count(json, "connections"), 12);
	assert_int_equal(count(json, "more"), 5);
	assert_int_equal(count(json, "window"), 60);
	assert_int_equal(count(json, "quiet"), 3600);
	assert_string_equal(json_string_value(json_object_get(json, "message")), line);
	advice = json_object_get(json, "advice");
	assert_int_equal(json_array_size(advice), 4);
	assert_string_equal(json_string_value(json_object_get(json, "advice_for")), "this");
	assert_string_equal(json_string_value(json_array_get(advice, 1)),
			    "systemctl stop php8.2-fpm.service");
	json_decref(json);
	json = as_json(true);
	assert_string_equal(word(json, "event", "id"), "00112233445566778899aabbccddeeff-abc1");
	assert_true(json_is_true(json_object_get(json, "cut")));
	assert_null(json_object_get(json, "process"));
	assert_string_equal(json_string_value(json_object_get(json, "message")), line);
	json_decref(json);
}

static const char *const names[] = {"MESSAGE",
				    "MESSAGE_ID",
				    "PRIORITY",
				    "SYSLOG_FACILITY",
				    "SYSLOG_IDENTIFIER",
				    "SMTPSNOOP_RULE",
				    "SMTPSNOOP_CONNECTIONS",
				    "SMTPSNOOP_REFUSED",
				    "SMTPSNOOP_MORE",
				    "SMTPSNOOP_CONNECTION",
				    "SMTPSNOOP_VERDICT",
				    "SMTPSNOOP_REASON",
				    "SMTPSNOOP_UID",
				    "SMTPSNOOP_USER",
				    "SMTPSNOOP_PID",
				    "SMTPSNOOP_COMM",
				    "SMTPSNOOP_EXE",
				    "SMTPSNOOP_CGROUP",
				    "SMTPSNOOP_SERVICE",
				    "SMTPSNOOP_CONTAINER",
				    "SMTPSNOOP_SCRIPT",
				    "SMTPSNOOP_DESTINATION",
				    "SMTPSNOOP_PORT",
				    "SMTPSNOOP_ANSWER",
				    "SMTPSNOOP_BLOCKLIST"};

/* Reads one field as the journal does. */
static size_t read_field(const char *at, size_t left, struct bytes *name, struct bytes *value)
{
	const char *newline = memchr(at, '\n', left);
	const char *equal = memchr(at, '=', left);
	uint64_t size;

	assert_non_null(newline);
	if (equal && equal < newline) {
		*name = (struct bytes){at, (size_t)(equal - at)};
		*value = (struct bytes){equal + 1, (size_t)(newline - equal - 1)};
		return (size_t)(newline - at) + 1;
	}
	*name = (struct bytes){at, (size_t)(newline - at)};
	assert_true(left - name->length - 1 >= sizeof(size));
	memcpy(&size, newline + 1, sizeof(size));
	size = le64toh(size);
	assert_true(size < left - name->length - 1 - sizeof(size));
	*value = (struct bytes){newline + 1 + sizeof(size), size};
	assert_int_equal(value->at[size], '\n');
	return name->length + 1 + sizeof(size) + size + 1;
}

/* All are ours, in one datagram. The first value of `wanted` goes to `found`. */
static size_t journal_fields(const char *wanted, char *found, size_t room)
{
	static char bytes[LIMIT_ALERT_FIELDS];
	struct bytes name, value;
	size_t size, fields = 0;

	alert_line(line, sizeof(line), &view);
	size = alert_journal(bytes, sizeof(bytes), &view, line);
	found[0] = '\0';
	for (size_t at = 0; at < size; fields++) {
		size_t i = 0;

		at += read_field(bytes + at, size - at, &name, &value);
		while (i < sizeof(names) / sizeof(names[0]) && !bytes_are(name, names[i]))
			i++;
		assert_true(i < sizeof(names) / sizeof(names[0]));
		assert_null(memchr(value.at, '\n', value.length));
		assert_null(memchr(value.at, '\x1b', value.length));
		if (!found[0] && bytes_are(name, wanted))
			snprintf(found, room, "%.*s", (int)value.length, value.at);
	}
	return fields;
}

static void the_journal_gets_fields(void **state)
{
	static const char *const wanted[][2] = {
		{"MESSAGE_ID", ALERT_MESSAGE_ID},
		{"PRIORITY", "2"},
		{"SYSLOG_FACILITY", "10"},
		{"SYSLOG_IDENTIFIER", "smtpsnoop"},
		{"SMTPSNOOP_RULE", "default"},
		{"SMTPSNOOP_VERDICT", "bypass"},
		{"SMTPSNOOP_REASON", "direct-mx"},
		{"SMTPSNOOP_UID", "33"},
		{"SMTPSNOOP_USER", "www-data"},
		{"SMTPSNOOP_EXE", "/usr/sbin/php-fpm8.2"},
		{"SMTPSNOOP_SCRIPT", "/var/www/shop/uploads/.x/mailer.php"},
		{"SMTPSNOOP_SERVICE", "php8.2-fpm.service"},
		{"SMTPSNOOP_DESTINATION", "203.0.113.7"},
		{"SMTPSNOOP_PORT", "25"},
		{"SMTPSNOOP_BLOCKLIST", "spamhaus"},
		{"SMTPSNOOP_CONNECTION", "00112233445566778899aabbccddeeff-abc1"},
	};
	char found[LIMIT_ALERT_LINE];

	(void)state;
	a_hacked_shop();
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		journal_fields(wanted[i][0], found, sizeof(found));
		assert_string_equal(found, wanted[i][1]);
	}
	journal_fields("MESSAGE", found, sizeof(found));
	assert_string_equal(found, line);
}

/* A newline in a name is no new line of the log and no new field, an escape sequence reaches no terminal. */
static void no_name_says_more_than_itself(void **state)
{
	static const char evil[] = "/x\nPRIORITY=0\nMESSAGE=\x1b[2Jall is well\r\n\xff\xfe";
	struct made_script script;
	char found[LIMIT_ALERT_LINE];
	size_t fields;
	json_t *json;

	(void)state;
	fields = journal_fields("MESSAGE", found, sizeof(found));
	make_script(&script, SCRIPT_OF_OPENER);
	make_word(&script, SCRIPT_URL, evil);
	make_call(&script, evil, 1, evil, evil);
	take_script(&script);
	MAKE_TEXTS(&made.who, "/opt/a\nPRIORITY=0\n\x1b[2J", "/", "/system.slice/x\n\x1b;y.service",
		   "a");
	make_comm(made.who.open.who.comm, "c\nPRIORITY=0");
	make_opener(&made);
	/* The script, and no more: an evil unit is none. */
	assert_true(journal_fields("PRIORITY", found, sizeof(found)) <= fields + 1);
	assert_string_equal(found, "2");
	journal_fields("MESSAGE", found, sizeof(found));
	assert_non_null(strstr(found, "/x\\nPRIORITY=0\\nMESSAGE=\\x1b[2Jall is well"));
	assert_null(strstr(found, "systemctl"));
	assert_null(strpbrk(line, "\n\r\x1b"));
	json = as_json(false);
	assert_int_equal(json_array_size(json_object_get(json, "advice")), 1);
	json_decref(json);
	json_decref(as_json(true));
}

static void everything_is_bounded(void **state)
{
	static char longest[EVENT_PATH_MAX], small[64];
	struct made_script script;
	char found[LIMIT_ALERT_LINE];
	json_t *json;

	(void)state;
	memset(longest, '\x01', sizeof(longest) - 1);
	longest[0] = '/';
	make_script(&script, SCRIPT_OF_OPENER);
	make_call(&script, longest, 1, NULL, "f");
	take_script(&script);
	make_texts(&made.who, longest, longest, longest, longest, sizeof(longest) - 1);
	make_opener(&made);
	made.connection.verdict.reasons = (UINT64_C(1) << REASON_COUNT) - 1;
	assert_true(journal_fields("SMTPSNOOP_EXE", found, sizeof(found)) > 20);
	json = as_json(false);
	json_decref(json);
	assert_true(strlen(line) < sizeof(line));
	for (size_t size = 1; size <= sizeof(small); size++) {
		memset(small, 'x', sizeof(small));
		assert_true(alert_line(small, size, &view) < size);
		assert_true(size == sizeof(small) || small[size] == 'x');
		assert_true(alert_journal(small, size, &view, line) <= size);
		assert_true(size == sizeof(small) || small[size] == 'x');
		assert_true(alert_syslog(small, size, &view, 1, line) < size);
	}
}

static void advises(const char *wanted)
{
	json_t *json = as_json(false);
	json_t *advice = json_object_get(json, "advice");

	assert_int_equal(json_array_size(advice), wanted ? 1 : 0);
	if (wanted) {
		assert_string_equal(json_string_value(json_array_get(advice, 0)), wanted);
		assert_string_equal(json_string_value(json_object_get(json, "advice_for")), "next");
		assert_non_null(strstr(line, "; it is over; to stop the next one: "));
	}
	json_decref(json);
}

/* Of a process that is gone, in no service and in another network namespace: what it ran can still be moved away. */
static void what_it_ran_is_there_the_next_time(void **state)
{
	(void)state;
	made.who.extra.host_netns = 0;
	MAKE_TEXTS(&made.who, "/tmp/.x/bot", "/", "/user.slice/session-1.scope", "bot");
	make_opener(&made);
	advises("setpriv --reuid 33 --regid 33 --clear-groups mv -i /tmp/.x/bot /var/tmp/");
	MAKE_TEXTS(&made.who, "/usr/bin/perl", "/", "/user.slice/session-1.scope",
		   "perl\0/tmp/.x/bot.pl");
	make_opener(&made);
	advises("setpriv --reuid 33 --regid 33 --clear-groups mv -i /tmp/.x/bot.pl /var/tmp/");
	MAKE_TEXTS(&made.who, "/usr/bin/perl", "/", "/user.slice/session-1.scope",
		   "perl\0/tmp/.x/$(reboot).pl");
	make_opener(&made);
	advises(NULL);
	MAKE_TEXTS(&made.who, "/tmp/.x/bot", "/", "/user.slice/session-1.scope", "bot");
	made.who.open.who.uid = 0; /* root would follow the links of others */
	make_opener(&made);
	advises(NULL);
}

static void the_user_of_an_mta_is_not_blocked(void **state)
{
	(void)state;
	MAKE_TEXTS(&made.who, "/usr/bin/nc", "/", "/user.slice/session-1.scope", "nc");
	make_opener(&made);
	advises("iptables -I OUTPUT ! -o lo -p tcp -m multiport --dports 25,465,587 -m owner "
		"--uid-owner 33 -j REJECT");
	made.who.extra.mta_flags = ENRICHMENT_MTA_OWN_USER;
	make_opener(&made);
	advises(NULL);
}

static void syslog_gets_a_message_of_its_form(void **state)
{
	char text[LIMIT_ALERT_LINE + 64];
	size_t length;

	(void)state;
	view.now = 3 * 86400 * MAKE_SECOND; /* a day of one digit */
	length = alert_syslog(text, sizeof(text), &view, 4711, "alert default: x");
	assert_string_equal(text, "<82>Nov  1 21:40:00 smtpsnoop[4711]: alert default: x");
	assert_int_equal(length, strlen(text));
}

static void a_capture_has_nobody(void **state)
{
	json_t *json;

	(void)state;
	process_free(made.connection.opener);
	made.connection.opener = NULL;
	json = as_json(false);
	assert_int_equal(json_array_size(json_object_get(json, "advice")), 0);
	assert_non_null(strstr(line, "alert default: bypass by ?: 192.0.2.10, to 203.0.113.7:25;"));
	json_decref(json);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_line_has_who_what_and_how_to_stop_it),
		CASE(a_process_that_may_be_gone_is_not_to_be_killed),
		CASE(json_is_the_connections_record_and_more),
		CASE(the_journal_gets_fields),
		CASE(no_name_says_more_than_itself),
		CASE(everything_is_bounded),
		CASE(what_it_ran_is_there_the_next_time),
		CASE(the_user_of_an_mta_is_not_blocked),
		CASE(syslog_gets_a_message_of_its_form),
		CASE(a_capture_has_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
