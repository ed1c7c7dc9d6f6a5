/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_metrics.c - what Prometheus is told: sums that agree, label sets that are bounded, and hostile names that stay values
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "make_connection.h"
#include "present/metrics.h"
#include "shown.h"

#define NOW (MAKE_WALL + 200 * (int64_t)MAKE_SECOND)

static struct metrics *metrics;
static struct table *table;
static struct store_state store;
static struct metrics_now asked;

static int begin(void **state)
{
	struct table_options options = {0};

	(void)state;
	metrics = metrics_new();
	table = table_new(&options);
	store = (struct store_state){.bytes = 4096};
	asked = (struct metrics_now){
		.now = NOW, .boot = 200 * MAKE_SECOND, .table = table, .store = &store};
	shown = NULL;
	return metrics && table ? 0 : -1;
}

static int finish(void **state)
{
	(void)state;
	metrics_free(metrics);
	table_free(table);
	free(shown);
	return 0;
}

static void start(void)
{
	struct frame_start frame;

	memset(&frame, 0, sizeof(frame));
	strcpy(frame.hooks, "fentry+cgroup_skb");
	strcpy(frame.degraded, "fexit: refused\niter/task_file: refused");
	metrics_start(metrics, &frame, NOW, 200 * MAKE_SECOND);
}

static void show(void)
{
	FILE *out;

	free(shown);
	out = open_memstream(&shown, &shown_size);
	metrics_write(metrics, &asked, out);
	fclose(out);
}

static void add(struct made_connection *made)
{
	make_opener(made);
	metrics_connection(metrics, &made->connection);
	make_free(made);
}

static void add_user(const char *user, uint32_t uid)
{
	struct made_connection made;

	make_connection(&made, VERDICT_BYPASS);
	memset(made.who.extra.user, 0, sizeof(made.who.extra.user));
	memcpy(made.who.extra.user, user, strlen(user));
	made.who.open.who.uid = uid;
	add(&made);
}

static void add_cgroup(const char *cgroup)
{
	struct made_connection made;

	make_connection(&made, VERDICT_BYPASS);
	MAKE_TEXTS(&made.who, "/usr/bin/perl", "/", cgroup, "perl");
	add(&made);
}

static void counts_by_verdict_and_by_who(void **state)
{
	struct made_connection made;

	(void)state;
	make_connection(&made, VERDICT_MTA);
	make_delivery(&made);
	add(&made);
	for (int i = 0; i < 2; i++) {
		make_connection(&made, VERDICT_BYPASS);
		make_blocklisted(&made);
		add(&made);
	}
	make_connection(&made, VERDICT_BYPASS);
	made.connection.established = false;
	add(&made);
	show();
	has("\nsmtpsnoop_connections_total{verdict=\"mta\"} 1\n");
	has("\nsmtpsnoop_connections_total{verdict=\"bypass\"} 3\n");
	has("\nsmtpsnoop_connections_total{verdict=\"impostor\"} 0\n");
	has("\nsmtpsnoop_connections_unanswered_total{verdict=\"bypass\"} 1\n");
	has("\nsmtpsnoop_connections_refused_total{verdict=\"bypass\"} 2\n");
	has("\nsmtpsnoop_connections_blocklisted_total{verdict=\"bypass\"} 2\n");
	has("\nsmtpsnoop_messages_total{verdict=\"mta\"} 1\n");
	has("\nsmtpsnoop_messages_accepted_total{verdict=\"mta\"} 1\n");
	has("\nsmtpsnoop_recipients_total{verdict=\"bypass\"} 4\n");
	has("\nsmtpsnoop_recipients_refused_total{verdict=\"bypass\"} 4\n");
	has("\nsmtpsnoop_sent_bytes_total{verdict=\"bypass\"} 360\n");
	has("\nsmtpsnoop_actor_connections_total{verdict=\"bypass\",user=\"www-data\",service="
	    "\"php8.2-"
	    "fpm.service\"} 3\n");
	has("\nsmtpsnoop_actor_recipients_refused_total{verdict=\"bypass\",user=\"www-data\","
	    "service="
	    "\"php8.2-fpm.service\"} 4\n");
	has("\nsmtpsnoop_actor_connections_total{verdict=\"bypass\",user=\"other\",service="
	    "\"other\"} "
	    "0\n");
	has("\nsmtpsnoop_actor_label_sets 2\n");
}

static void services_are_kinds(void **state)
{
	(void)state;
	add_cgroup("/user.slice/user-1000.slice/session-3.scope");
	add_cgroup("/user.slice/user-1000.slice/session-4.scope");
	add_cgroup("/system.slice/docker-"
		   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope");
	add_cgroup("/system.slice/docker-"
		   "1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope");
	add_cgroup("/user.slice/user-1000.slice/user@1000.service/app.slice/postfix.service");
	add_cgroup("/init.scope");
	add_cgroup("/");
	show();
	has("user=\"www-data\",service=\"session.scope\"} 2\n");
	has("user=\"www-data\",service=\"docker\"} 2\n");
	has("user=\"www-data\",service=\"claimed\"} 1\n");
	has("user=\"www-data\",service=\"init.scope\"} 1\n");
	has("user=\"www-data\",service=\"\"} 1\n");
	has_not("postfix");
	has("\nsmtpsnoop_actor_label_sets 5\n");
}

static void nobody_is_known(void **state)
{
	struct made_connection made;

	(void)state;
	make_connection(&made, VERDICT_UNKNOWN);
	metrics_connection(metrics, &made.connection);
	make_free(&made);
	show();
	has("verdict=\"unknown\",user=\"?\",service=\"\"} 1\n");
}

static void hostile_names_stay_values(void **state)
{
	(void)state;
	add_user("a\"} 1\nevil{x=\"\\", 1000);
	add_user("\xff\xfe\x1b[31m", 1001);
	add_user("\xe2\x80\xaetxt", 1002); /* right-to-left override */
	show();
	has("user=\"a\\\"} 1\\\\nevil{x=\\\"\\\\\\\\\",service=");
	has("user=\"\\\\xff\\\\xfe\\\\x1b[31m\",service=");
	has("user=\"\\\\xe2\\\\x80\\\\xaetxt\",service=");
	has_not("\nevil");
	for (size_t at = 0; at < shown_size;) {
		uint32_t character;
		size_t taken = utf8_decode(shown + at, shown_size - at, &character);

		assert_true(taken > 0);
		assert_true(character == '\n' || character >= ' ');
		at += taken;
	}
}

static unsigned int samples(const char *name)
{
	unsigned int count = 0;

	for (const char *at = shown; (at = strstr(at, name)); at++)
		count++;
	return count;
}

static uint64_t sum(const char *name)
{
	uint64_t all = 0;

	for (const char *at = shown; (at = strstr(at, name)); at++)
		all += strtoull(strchr(strchr(at, '}'), ' '), NULL, 10);
	return all;
}

static void label_sets_are_bounded(void **state)
{
	char name[16];

	(void)state;
	/* Anybody's numbers leave room for names. */
	for (uint32_t i = 0; i < 1000; i++)
		add_user("", 100000 + i);
	add_user("shop", 1000);
	show();
	has("user=\"shop\",service=\"php8.2-fpm.service\"} 1\n");
	assert_int_equal(samples("\nsmtpsnoop_actor_connections_total{"),
			 LIMIT_METRICS_WHO / 2 + 1 + VERDICT_CLASSES);
	for (unsigned int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "site%u", i);
		add_user(name, 2000 + i);
	}
	add_user("shop", 1000);
	show();
	has("user=\"shop\",service=\"php8.2-fpm.service\"} 2\n");
	assert_int_equal(samples("\nsmtpsnoop_actor_connections_total{"),
			 LIMIT_METRICS_WHO + VERDICT_CLASSES);
	assert_int_equal(sum("\nsmtpsnoop_actor_connections_total{"), 2002);
	has("\nsmtpsnoop_connections_total{verdict=\"bypass\"} 2002\n");
}

/* A family's samples stand together behind its HELP and TYPE, and no sample is there twice. */
static void families_are_whole(void **state)
{
	struct frame_status status = {.ring_bytes = 4096};
	char family[128] = "", *line, *rest;
	size_t length;

	(void)state;
	start();
	metrics_status(metrics, &status, 200 * MAKE_SECOND);
	add_user("shop", 1000);
	show();
	for (char *at = shown; *at; at = strchr(at, '\n') + 1) {
		char key[256];

		if (!strncmp(at, "# HELP ", 7)) {
			length = strcspn(at + 7, " ");
			snprintf(family, sizeof(family), "%.*s", (int)length, at + 7);
			snprintf(key, sizeof(key), "# HELP %s ", family);
			assert_null(strstr(at + 1, key));
			line = strchr(at, '\n') + 1;
			assert_int_equal(strncmp(line, "# TYPE ", 7), 0);
			assert_int_equal(strncmp(line + 7, family, length), 0);
			continue;
		}
		if (*at == '#')
			continue;
		length = strcspn(at, "{ ");
		assert_int_equal(length, strlen(family));
		assert_int_equal(strncmp(at, family, length), 0);
		rest = strchr(at, '}') && strchr(at, '}') < strchr(at, '\n') ? strchr(at, '}') : at;
		length = (size_t)(strchr(rest, ' ') - at);
		snprintf(key, sizeof(key), "\n%.*s ", (int)length, at);
		assert_null(strstr(at, key));
	}
	has("\nsmtpsnoop_hook_info{hook=\"fentry\"} 1\nsmtpsnoop_hook_info{hook=\"cgroup_skb\"} "
	    "1\n");
	has("\nsmtpsnoop_degraded_parts 2\n");
	has("\nsmtpsnoop_tracing 1\n");
}

static void losses_ring_and_processes(void **state)
{
	struct frame_status status = {
		.counters = {.attempts = 100,
			     .delivered = 90,
			     .counted_only = 10,
			     .data_lost = 7,
			     .data_lost_bytes = 700},
		.ring_bytes = 8 << 20,
		.ring_used = 4096,
		.resident = {7 << 20, 5 << 20},
		.processor = {1234567890, 20000000},
	};

	(void)state;
	show();
	has("\nsmtpsnoop_tracing 0\n");
	has_not("attempts"); /* not known yet */
	start();
	metrics_status(metrics, &status, 200 * MAKE_SECOND);
	show();
	has("\nsmtpsnoop_attempts_total 100\n");
	has("\nsmtpsnoop_attempts_delivered_total 90\n");
	has("\nsmtpsnoop_attempts_counted_only_total 10\n");
	has("\nsmtpsnoop_lost_records_total{kind=\"data\"} 7\n");
	has("\nsmtpsnoop_lost_dialogue_bytes_total 700\n");
	has("\nsmtpsnoop_ring_size_bytes 8388608\n");
	has("\nsmtpsnoop_ring_used_bytes 4096\n");
	has("\nsmtpsnoop_resident_memory_bytes{half=\"tracing\"} 7340032\n");
	has("\nsmtpsnoop_cpu_seconds_total{half=\"tracing\"} 1.234\n");
	has("\nsmtpsnoop_cpu_seconds_total{half=\"parsing\"} 0.020\n");
	has("\nsmtpsnoop_start_time_seconds 1793310200.000\n");
}

static void store_and_lag(void **state)
{
	(void)state;
	store.queued = 3;
	store.oldest = NOW - 2500000000;
	store.written = 17;
	show();
	has("\nsmtpsnoop_store_up 1\n");
	has("\nsmtpsnoop_store_size_bytes 4096\n");
	has("\nsmtpsnoop_store_queued_connections 3\n");
	has("\nsmtpsnoop_store_lag_seconds 2.500\n");
	has("\nsmtpsnoop_store_written_connections_total 17\n");
	has("\nsmtpsnoop_store_last_commit_time_seconds 0.000\n");
	store.oldest = NOW + 1; /* the clock was set back */
	show();
	has("\nsmtpsnoop_store_lag_seconds 0.000\n");
	asked.store = NULL;
	show();
	has_not("smtpsnoop_store");
}

static void unhealthy(const char *why)
{
	char got[160];

	assert_true(metrics_unhealthy(metrics, &asked, got, sizeof(got)));
	assert_string_equal(got, why);
}

static void health(void **state)
{
	struct frame_status status = {.ring_bytes = 4096};
	char why[160];

	(void)state;
	unhealthy("nothing is traced yet");
	start();
	assert_false(metrics_unhealthy(metrics, &asked, why, sizeof(why)));
	store.status = STORE_FULL;
	unhealthy("the store cannot be written: the disk is full");
	asked.store = NULL;
	assert_false(metrics_unhealthy(metrics, &asked, why, sizeof(why)));
	asked.boot += 30 * MAKE_SECOND;
	unhealthy("the tracing half has said nothing for 30 s");
	metrics_status(metrics, &status, asked.boot);
	assert_false(metrics_unhealthy(metrics, &asked, why, sizeof(why)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(counts_by_verdict_and_by_who, begin, finish),
		cmocka_unit_test_setup_teardown(services_are_kinds, begin, finish),
		cmocka_unit_test_setup_teardown(nobody_is_known, begin, finish),
		cmocka_unit_test_setup_teardown(hostile_names_stay_values, begin, finish),
		cmocka_unit_test_setup_teardown(label_sets_are_bounded, begin, finish),
		cmocka_unit_test_setup_teardown(families_are_whole, begin, finish),
		cmocka_unit_test_setup_teardown(losses_ring_and_processes, begin, finish),
		cmocka_unit_test_setup_teardown(store_and_lag, begin, finish),
		cmocka_unit_test_setup_teardown(health, begin, finish),
	};

	return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
