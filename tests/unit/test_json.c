/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_json.c - every record is one line of strict JSON with the promised fields, whatever the attacker wrote
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <jansson.h>

#include "make_connection.h"
#include "present/json.h"
#include "present/present.h"

struct shown {
	struct present *present;
	FILE *out;
	char *text;
	size_t size;
};

static void show_begin(struct shown *shown, bool start)
{
	struct present_options options = {.json = true, .width = 80, .verdicts = ~0u};
	struct frame_start frame;

	memset(shown, 0, sizeof(*shown));
	shown->out = open_memstream(&shown->text, &shown->size);
	options.out = shown->out;
	shown->present = present_new(&options);
	memset(&frame, 0, sizeof(frame));
	memset(frame.boot_id, 0xa5, sizeof(frame.boot_id));
	strcpy(frame.host, "web1");
	strcpy(frame.kernel, "6.1.0");
	strcpy(frame.hooks, "fentry+cgroup_skb");
	strcpy(frame.degraded, "one thing\nanother\n");
	frame.ports[0] = 25;
	frame.port_count = 1;
	present_start(shown->present, &frame, 90 * MAKE_SECOND, MAKE_WALL);
	if (!start) {
		fflush(shown->out);
		rewind(shown->out);
	}
}

/* The one record that was written since. */
static json_t *show_end(struct shown *shown)
{
	json_error_t error;
	json_t *record;
	char *end;

	present_free(shown->present);
	fclose(shown->out);
	end = strchr(shown->text, '\n');
	assert_non_null(end);
	record = json_loadb(shown->text, (size_t)(end - shown->text),
			    JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	if (!record)
		fail_msg("%s in %s", error.text, shown->text);
	free(shown->text);
	return record;
}

static json_t *record_of(struct made_connection *made)
{
	struct shown shown;

	show_begin(&shown, false);
	if (!made->connection.opener)
		make_opener(made);
	present_connection(shown.present, &made->connection, MAKE_WALL);
	make_free(made);
	return show_end(&shown);
}

/* "a.b.0.c" */
static json_t *at(json_t *record, const char *path)
{
	char name[64];

	while (record && *path) {
		size_t length = strcspn(path, ".");

		snprintf(name, sizeof(name), "%.*s", (int)length, path);
		record = json_is_array(record) ? json_array_get(record, (size_t)atoi(name))
					       : json_object_get(record, name);
		path += length + (path[length] == '.');
	}
	return record;
}

static void is_text(json_t *record, const char *path, const char *text)
{
	json_t *found = at(record, path);

	if (!found || !json_is_string(found))
		fail_msg("no text at %s", path);
	assert_string_equal(json_string_value(found), text);
}

static void is_number(json_t *record, const char *path, uint64_t number)
{
	json_t *found = at(record, path);

	if (!found || !json_is_integer(found))
		fail_msg("no number at %s", path);
	assert_int_equal(json_integer_value(found), number);
}

static void is_absent(json_t *record, const char *path)
{
	if (at(record, path))
		fail_msg("%s should not be there", path);
}

static void a_delivery_has_every_field(void **state)
{
	struct made_connection made;
	json_t *record;

	(void)state;
	make_connection(&made, VERDICT_MTA);
	make_delivery(&made);
	made.who.open.who.loginuid = 1000;
	strcpy(made.who.extra.login, "anna");
	record = record_of(&made);
	is_text(record, "@timestamp", "2026-10-29T21:41:41.000000Z");
	is_number(record, "v", 1);
	is_text(record, "host.name", "web1");
	is_text(record, "event.kind", "event");
	is_text(record, "event.action", "connection");
	is_text(record, "event.id", "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5-abc1");
	is_text(record, "event.start", "2026-10-29T21:41:40.000000Z");
	is_text(record, "event.end", "2026-10-29T21:41:41.000000Z");
	is_number(record, "event.duration", 1000000000);
	is_text(record, "event.outcome", "success");
	is_text(record, "event.reason", "closed");
	is_text(record, "source.ip", "192.0.2.10");
	is_number(record, "source.port", 40000);
	is_number(record, "source.bytes", 120);
	is_text(record, "destination.ip", "203.0.113.7");
	is_number(record, "destination.port", 25);
	is_number(record, "destination.bytes", 240);
	is_number(record, "process.pid", 4711);
	is_text(record, "process.name", "php-fpm8.2");
	is_text(record, "process.executable", "/usr/sbin/php-fpm8.2");
	is_text(record, "process.args.0", "php-fpm: pool www");
	is_text(record, "process.working_directory", "/var/www/shop");
	is_text(record, "process.start", "2026-10-29T21:40:01.000000Z");
	is_number(record, "process.parent.pid", 4700);
	is_text(record, "process.parent.name", "php-fpm8.2");
	is_text(record, "process.ancestors.1.name", "systemd");
	is_number(record, "process.exe.device", 8 << 8 | 1);
	is_number(record, "process.exe.inode", 654321);
	assert_true(json_is_false(at(record, "process.exe.deleted")));
	assert_true(json_is_false(at(record, "process.exe.memfd")));
	is_number(record, "user.id", 33);
	is_text(record, "user.name", "www-data");
	is_number(record, "user.effective.id", 33);
	is_number(record, "user.login.id", 1000);
	is_text(record, "user.login.name", "anna");
	is_number(record, "group.id", 33);
	is_number(record, "cgroup.id", 2222);
	is_text(record, "cgroup.path", "/system.slice/php8.2-fpm.service");
	is_text(record, "service.name", "php8.2-fpm.service");
	is_text(record, "tls.mode", "none");
	is_text(record, "smtp.found_by", "port");
	is_text(record, "smtp.greeting", "220 mx1.example.net ESMTP Postfix");
	is_text(record, "smtp.helo", "mail.example.org");
	is_text(record, "smtp.from.0", "a@example.org");
	is_number(record, "smtp.messages", 1);
	is_number(record, "smtp.accepted", 1);
	is_number(record, "smtp.recipients", 1);
	is_number(record, "smtp.refused", 0);
	is_text(record, "smtp.domains.0", "example.net");
	is_number(record, "smtp.replies.2xx", 6);
	is_text(record, "smtp.last_reply", "221 2.0.0 Bye");
	is_number(record, "smtp.gaps", 0);
	is_text(record, "verdict.class", "mta");
	assert_int_equal(json_array_size(at(record, "verdict.reasons")), 0);
	is_absent(record, "sender");
	is_absent(record, "container");
	is_absent(record, "smtp.to");
	is_absent(record, "smtp.auth");
	json_decref(record);
}

static void a_refusal_names_its_blocklist(void **state)
{
	struct made_connection made;
	json_t *record;

	(void)state;
	make_connection(&made, VERDICT_BYPASS);
	make_blocklisted(&made);
	made.connection.generation = 18;
	record = record_of(&made);
	is_text(record, "event.id", "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5-abc1-12");
	is_text(record, "event.outcome", "failure");
	is_number(record, "smtp.refused", 2);
	is_text(record, "smtp.blocklist", "spamhaus");
	is_text(record, "verdict.reasons.0", "direct-mx");
	assert_int_equal(json_array_size(at(record, "verdict.reasons")), 5);
	json_decref(record);
}

static void what_is_not_known_is_absent(void **state)
{
	struct made_connection made;
	json_t *record;

	(void)state;
	make_connection(&made, VERDICT_UNKNOWN);
	MAKE_TEXTS(&made.who, NULL, NULL, NULL, "");
	made.who.open.head.size -= 1;
	made.who.open.argv_len = 0;
	made.who.size -= 1;
	made.who.open.head.flags = EVENT_F_SMALL;
	made.who.open.who.exe_inode = 0;
	made.who.open.who.ancestor_count = 0;
	made.who.extra.user[0] = '\0';
	made.connection.flags = EVENT_F_EXISTING;
	made.connection.closed = 0;
	made.connection.reason = CONNECTION_OPEN;
	made.connection.ends.local_port = 0;
	memset(made.connection.ends.local, 0, sizeof(made.connection.ends.local));
	made.connection.found = FOUND_NOT;
	record = record_of(&made);
	is_absent(record, "event.start");
	is_absent(record, "event.end");
	is_absent(record, "event.duration");
	is_text(record, "event.outcome", "unknown");
	is_text(record, "event.reason", "open");
	is_absent(record, "source.ip");
	is_absent(record, "source.port");
	is_absent(record, "source.bytes");
	is_absent(record, "process.executable");
	is_absent(record, "process.args");
	is_absent(record, "process.exe");
	is_absent(record, "process.parent.name");
	is_absent(record, "process.ancestors");
	is_absent(record, "user.name");
	is_absent(record, "user.login");
	is_absent(record, "cgroup.path");
	is_absent(record, "service");
	is_absent(record, "tls");
	is_absent(record, "smtp");
	json_decref(record);
}

static void encryption_hides_the_counts(void **state)
{
	struct made_connection made;
	struct session_facts *facts;
	json_t *record;

	(void)state;
	make_connection(&made, VERDICT_BYPASS);
	make_said(&made, "S: 220 mx");
	facts = &made.connection.session->facts;
	facts->tls = SESSION_TLS_STARTTLS;
	facts->sni.seen = true;
	facts->sni.length = 2;
	memcpy(facts->sni_bytes, "mx", 2);
	facts->auth = SESSION_AUTH_FAILURE;
	facts->mechanism.seen = true;
	facts->mechanism.length = 5;
	memcpy(facts->mechanism_bytes, "PLAIN", 5);
	record = record_of(&made);
	is_text(record, "tls.mode", "starttls");
	is_text(record, "tls.sni", "mx");
	is_text(record, "smtp.auth.mechanism", "PLAIN");
	is_text(record, "smtp.auth.outcome", "failure");
	is_text(record, "event.outcome", "unknown");
	is_absent(record, "smtp.messages");
	is_absent(record, "smtp.recipients");
	json_decref(record);
}

static void what_was_cut_is_counted(void **state)
{
	struct made_connection made;
	json_t *record;

	(void)state;
	make_connection(&made, VERDICT_BYPASS);
	make_said(&made, "S: 220 mx");
	make_said(&made, "C: EHLO x");
	for (int i = 0; i < LIMIT_SENDERS + 4; i++)
		make_said(&made, "C: MAIL FROM:<a@b.c>");
	made.connection.session->facts.domains_over = 3;
	made.connection.lost_bytes = 99;
	made.connection.recipients = strdup("a@b.c");
	made.connection.recipients_kept = 1;
	made.connection.recipients_used = 6;
	made.who.open.who.flags = IDENTITY_ARGV_CUT | IDENTITY_ANCESTORS_CUT;
	made.who.open.who.ns_tgid = 5;
	record = record_of(&made);
	assert_int_equal(json_array_size(at(record, "smtp.from")), LIMIT_SENDERS);
	is_number(record, "smtp.from_total", LIMIT_SENDERS + 4);
	is_number(record, "smtp.domains_over", 3);
	is_number(record, "smtp.lost_bytes", 99);
	is_text(record, "smtp.to.0", "a@b.c");
	assert_true(json_is_true(at(record, "process.args_cut")));
	assert_true(json_is_true(at(record, "process.ancestors_cut")));
	is_number(record, "process.namespace_pid", 5);
	json_decref(record);
}

static void a_pod_and_a_sender_are_named(void **state)
{
	struct made_connection made;
	struct process *opener;
	json_t *record;

	(void)state;
	make_connection(&made, VERDICT_BYPASS);
	make_ends(&made.connection.ends, "2001:db8::1", 40000, "2001:db8::7", 25);
	make_opener(&made);
	made.connection.sender = made.connection.opener;
	made.connection.opener = NULL;
	make_opener(&made);
	opener = made.connection.opener;
	opener->container = (struct bytes){"0123", 4};
	opener->runtime = "kubernetes";
	opener->pod = (struct bytes){"pod-uid", 7};
	made.connection.reason = CONNECTION_REFUSED;
	made.connection.established = false;
	record = record_of(&made);
	is_text(record, "destination.ip", "2001:db8::7");
	is_number(record, "sender.pid", 4711);
	is_number(record, "sender.user.id", 33);
	is_text(record, "container.id", "0123");
	is_text(record, "container.runtime", "kubernetes");
	is_text(record, "orchestrator.resource.id", "pod-uid");
	is_text(record, "event.outcome", "failure");
	is_text(record, "event.reason", "refused");
	json_decref(record);
}

static void hostile_bytes_stay_inside_their_string(void **state)
{
	struct made_connection made;
	char line[900];
	json_t *record;

	(void)state;
	make_connection(&made, VERDICT_BYPASS);
	memset(line, '"', sizeof(line));
	memcpy(line, "S: 220 ", 7);
	line[sizeof(line) - 1] = '\0';
	make_said(&made, line);
	make_said(&made, "C: EHLO \x1b[2J\xff\xfe\",\"v\":2\\");
	MAKE_TEXTS(&made.who, "/tmp/\x1b]0;x\x07\n\"}/bot", "/", "/", "a\0\xc3\x28\0\n");
	record = record_of(&made);
	is_number(record, "v", 1);
	is_text(record, "smtp.helo", "\x1b[2J\xc3\xbf\xc3\xbe\",\"v\":2\\");
	is_text(record, "process.executable", "/tmp/\x1b]0;x\x07\n\"}/bot");
	is_text(record, "process.args.2", "\n");
	json_decref(record);
}

static void long_texts_pass_the_buffer(void **state)
{
	static char text[20000];
	struct json json;
	json_t *record;
	char *out;
	size_t size;
	FILE *file = open_memstream(&out, &size);

	(void)state;
	memset(text, '\x01', sizeof(text));
	json_begin(&json, file);
	json_bytes(&json, "a", text, sizeof(text));
	json_open_object(&json, "never");
	json_open_array(&json, "nor this");
	json_close(&json);
	json_close(&json);
	json_open_array(&json, "empty");
	json_keep(&json);
	json_close(&json);
	json_time(&json, "old", -1);
	json_number(&json, "n", UINT64_MAX);
	json_end(&json);
	fclose(file);
	assert_int_equal(out[size - 1], '\n');
	assert_non_null(strstr(out, "\"empty\":[],\"old\":\"1969-12-31T23:59:59.999999Z\",\"n\":"
				    "18446744073709551615}"));
	out[size - 2 - strlen(",\"n\":18446744073709551615")] = '}';
	out[size - 1 - strlen(",\"n\":18446744073709551615")] = '\0';
	record = json_loads(out, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(record);
	assert_int_equal(json_string_length(at(record, "a")), sizeof(text));
	is_absent(record, "never");
	json_decref(record);
	free(out);
}

static void progress_and_steps(void **state)
{
	struct made_connection made;
	struct shown shown;
	json_t *record;

	(void)state;
	make_connection(&made, VERDICT_BYPASS);
	make_opener(&made);
	made.connection.ended = false;
	made.connection.closed = 0;
	made.connection.reason = CONNECTION_OPEN;
	show_begin(&shown, false);
	present_progress(shown.present, &made.connection, 130 * MAKE_SECOND, MAKE_WALL);
	record = show_end(&shown);
	is_text(record, "event.action", "progress");
	is_text(record, "@timestamp", "2026-10-29T21:42:10.000000Z");
	is_absent(record, "event.end");
	json_decref(record);

	show_begin(&shown, false);
	present_step(shown.present, &made.connection, 100 * MAKE_SECOND + 1500, "client",
		     "EHLO \x07", 6, MAKE_WALL);
	record = show_end(&shown);
	is_text(record, "event.action", "step");
	is_text(record, "@timestamp", "2026-10-29T21:41:40.000001Z");
	is_text(record, "step.what", "client");
	is_text(record, "step.line", "EHLO \x07");
	json_decref(record);
	make_free(&made);
}

static void start_and_loss(void **state)
{
	struct event_counters counters = {.attempts = 5, .delivered = 3, .counted_only = 2};
	struct shown shown;
	json_t *record;

	(void)state;
	show_begin(&shown, true);
	record = show_end(&shown);
	is_text(record, "event.action", "start");
	is_text(record, "version", SMTPSNOOP_VERSION);
	is_text(record, "hooks", "fentry+cgroup_skb");
	is_text(record, "degraded.1", "another");
	is_number(record, "ports.0", 25);
	json_decref(record);

	show_begin(&shown, false);
	present_loss(shown.present, &counters, 95 * MAKE_SECOND, MAKE_WALL);
	record = show_end(&shown);
	is_text(record, "event.action", "loss");
	is_number(record, "totals.counted_only", 2);
	json_decref(record);
}

static void the_end_has_the_identity(void **state)
{
	struct frame_loss_row row = {
		.key = {.exe_inode = 7, .exe_device = 8 << 20 | 1, .uid = 33, .port = 25},
		.attempts = 2,
		.user = "www-data"};
	struct frame_end end = {.counters = {.attempts = 5, .delivered = 3, .counted_only = 2},
				.loss_rows = 1};
	struct made_connection made;
	struct shown shown;
	json_t *record;

	(void)state;
	show_begin(&shown, false);
	make_connection(&made, VERDICT_BYPASS);
	make_opener(&made);
	assert_false(present_saw_bypass(shown.present));
	present_connection(shown.present, &made.connection, MAKE_WALL);
	assert_true(present_saw_bypass(shown.present));
	make_free(&made);
	fflush(shown.out);
	rewind(shown.out);
	present_end(shown.present, &end, &row, 1, 4, 6, 200 * MAKE_SECOND, MAKE_WALL);
	record = show_end(&shown);
	is_text(record, "event.action", "end");
	is_text(record, "event.outcome", "success");
	is_number(record, "totals.attempts", 5);
	is_number(record, "totals.delivered", 3);
	is_number(record, "totals.counted_only", 2);
	is_number(record, "totals.verdicts.bypass", 1);
	is_number(record, "totals.verdicts.mta", 0);
	is_number(record, "totals.lost.data_bytes", 0);
	is_number(record, "totals.ended_early", 4);
	is_number(record, "totals.orphans", 6);
	is_text(record, "loss.0.user.name", "www-data");
	is_number(record, "loss.0.exe.inode", 7);
	is_number(record, "loss.0.attempts", 2);
	json_decref(record);
}

static void a_dead_half_is_said(void **state)
{
	struct shown shown;
	json_t *record;

	(void)state;
	show_begin(&shown, false);
	present_end(shown.present, NULL, NULL, 0, 0, 0, 200 * MAKE_SECOND, MAKE_WALL);
	record = show_end(&shown);
	is_text(record, "event.outcome", "failure");
	is_text(record, "message", "the privileged half died: what it counted is not known");
	is_absent(record, "totals.attempts");
	is_number(record, "totals.verdicts.bypass", 0);
	json_decref(record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_delivery_has_every_field),
		cmocka_unit_test(a_refusal_names_its_blocklist),
		cmocka_unit_test(what_is_not_known_is_absent),
		cmocka_unit_test(encryption_hides_the_counts),
		cmocka_unit_test(what_was_cut_is_counted),
		cmocka_unit_test(a_pod_and_a_sender_are_named),
		cmocka_unit_test(hostile_bytes_stay_inside_their_string),
		cmocka_unit_test(long_texts_pass_the_buffer),
		cmocka_unit_test(progress_and_steps),
		cmocka_unit_test(start_and_loss),
		cmocka_unit_test(the_end_has_the_identity),
		cmocka_unit_test(a_dead_half_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
