/* SPDX-License-Identifier: GPL-2.0-only */
/* Which connections somebody has to hear of, how often, and what nobody can bring about by making up names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "judge/alerts.h"
#include "make_frame.h"
#include "make_script.h"

#define SECOND UINT64_C(1000000000)
#define BIT(reason) (UINT64_C(1) << REASON_##reason)

static struct config *config;
static struct alerts *alerts;
static struct made_who who;
static struct made_script script;
static bool has_script;
static struct session_facts session;
static struct alerts_seen seen; /* of the connection that is asked about */
static uint64_t now;
static unsigned int told;
static struct alert last;

static void configure(const char *text)
{
	char error[256];

	alerts_free(alerts);
	config_free(config);
	config = config_parse("t.conf", text, strlen(text), error, sizeof(error));
	assert_non_null(config);
	alerts = alerts_new(config);
	assert_non_null(alerts);
}

static int setup(void **state)
{
	(void)state;
	make_who(&who, EVENT_OPEN, 1, SECOND);
	has_script = false;
	memset(&session, 0, sizeof(session));
	memset(&seen, 0, sizeof(seen));
	now = 1000 * SECOND;
	told = 0;
	configure("");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	alerts_free(alerts);
	config_free(config);
	alerts = NULL;
	config = NULL;
	return 0;
}

static void tell(void *context, const struct alert *alert)
{
	assert_ptr_equal(context, &told);
	told++;
	last = *alert;
}

/* The same connection again. Returns how many rules it was told by. */
static unsigned int again(enum verdict_class class, uint64_t reasons)
{
	struct verdict_case facts = {.session = &session, .now = now};
	struct verdict verdict = {class, reasons};
	struct process *opener = process_decode(&who, who.size);
	struct script *known = has_script ? script_decode(&script, script.size) : NULL;
	unsigned int before = told;

	assert_non_null(opener);
	facts.opener = opener;
	facts.script = facts.opener_script = known;
	alerts_judge(alerts, &facts, &verdict, &seen, tell, &told);
	process_free(opener);
	free(known);
	return told - before;
}

static unsigned int connects(enum verdict_class class, uint64_t reasons)
{
	memset(&seen, 0, sizeof(seen));
	return again(class, reasons);
}

static void runs(const char *file)
{
	has_script = true;
	make_script(&script, SCRIPT_OF_OPENER);
	make_call(&script, file, 1, NULL, NULL);
}

static void only_what_the_rule_means(void **state)
{
	(void)state;
	assert_int_equal(connects(VERDICT_MTA, 0), 0);
	assert_int_equal(connects(VERDICT_LOCAL, 0), 0);
	assert_int_equal(connects(VERDICT_UNKNOWN, 0), 0);
	assert_int_equal(connects(VERDICT_BYPASS, 0), 1);
	assert_string_equal(last.rule->name, "default");
	assert_int_equal(last.connections, 1);
	assert_int_equal(last.more, 0);
	configure("[alert listed]\nverdict=bypass\nreasons=blocklisted,exe-deleted\n");
	assert_int_equal(connects(VERDICT_BYPASS, BIT(REFUSED)), 0);
	assert_int_equal(connects(VERDICT_MTA, BIT(BLOCKLISTED)), 0);
	assert_int_equal(connects(VERDICT_BYPASS, BIT(REFUSED) | BIT(EXE_DELETED)), 1);
	configure("[alert listed]\nreasons=blocklisted\n");
	assert_int_equal(connects(VERDICT_MTA, BIT(BLOCKLISTED)), 1);
}

static void a_fact_that_comes_later_is_told_then(void **state)
{
	(void)state;
	configure("[alert a]\nreasons=blocklisted\n[alert b]\nverdict=bypass\n");
	assert_int_equal(connects(VERDICT_BYPASS, 0), 1);
	assert_int_equal(last.index, 1);
	assert_int_equal(again(VERDICT_BYPASS, BIT(BLOCKLISTED)), 1);
	assert_int_equal(last.index, 0);
	assert_int_equal(again(VERDICT_BYPASS, BIT(BLOCKLISTED)), 0);
}

static void one_is_told_and_the_rest_is_counted(void **state)
{
	(void)state;
	assert_int_equal(connects(VERDICT_BYPASS, 0), 1);
	for (int i = 0; i < 412; i++) {
		now += SECOND;
		assert_int_equal(connects(VERDICT_BYPASS, 0), 0);
		assert_int_equal(again(VERDICT_BYPASS, 0), 0); /* is one connection all the same */
	}
	now = 4600 * SECOND - 1;
	assert_int_equal(connects(VERDICT_BYPASS, 0), 0);
	now++;
	assert_int_equal(connects(VERDICT_BYPASS, 0), 1);
	assert_int_equal(last.more, 413);
	assert_true(last.since == 1000 * SECOND);
	now += 3600 * SECOND;
	assert_int_equal(connects(VERDICT_BYPASS, 0), 1);
	assert_int_equal(last.more, 0);
}

static void quiet_holds_across_verdicts(void **state)
{
	(void)state;
	configure("[alert a]\nverdict=bypass,impostor\n[alert b]\nverdict=impostor\n");
	assert_int_equal(connects(VERDICT_BYPASS, 0), 1);
	assert_int_equal(connects(VERDICT_IMPOSTOR, BIT(NAME_MISMATCH)), 1); /* the other rule's */
	assert_string_equal(last.rule->name, "b");
	now += 3600 * SECOND;
	assert_int_equal(connects(VERDICT_IMPOSTOR, BIT(NAME_MISMATCH)), 2);
	assert_int_equal(connects(VERDICT_BYPASS, 0), 0);
}

static void another_user_program_service_or_script_is_news(void **state)
{
	(void)state;
	assert_int_equal(connects(VERDICT_BYPASS, 0), 1);
	who.open.who.tgid = 5000; /* another worker is not */
	who.open.who.cgroup_id = 7;
	assert_int_equal(connects(VERDICT_BYPASS, 0), 0);
	who.open.who.uid = 34;
	assert_int_equal(connects(VERDICT_BYPASS, 0), 1);
	MAKE_TEXTS(&who, "/usr/sbin/php-fpm8.3", "/", "/system.slice/php8.2-fpm.service", "x");
	assert_int_equal(connects(VERDICT_BYPASS, 0), 1);
	MAKE_TEXTS(&who, "/usr/sbin/php-fpm8.3", "/", "/system.slice/other.service", "x");
	assert_int_equal(connects(VERDICT_BYPASS, 0), 1);
	who.open.who.exe_inode++; /* a copy over the same path is not */
	assert_int_equal(connects(VERDICT_BYPASS, 0), 0);
	runs("/var/www/a.php");
	assert_int_equal(connects(VERDICT_BYPASS, 0), 1);
	assert_int_equal(connects(VERDICT_BYPASS, 0), 0);
	runs("/var/www/b.php");
	assert_int_equal(connects(VERDICT_BYPASS, 0), 1);
	runs("/var/www/b.php(3) : eval()'d code");
	assert_int_equal(connects(VERDICT_BYPASS, 0), 0);
}

/* As a name below a user's own manager, or of a session: a new one for each login would make each login news. */
static void a_claimed_unit_is_no_service(void **state)
{
	(void)state;
	MAKE_TEXTS(&who, "/usr/bin/perl", "/", "/user.slice/user-1.slice/session-1.scope", "perl");
	assert_int_equal(connects(VERDICT_BYPASS, 0), 1);
	MAKE_TEXTS(&who, "/usr/bin/perl", "/", "/user.slice/user-1.slice/session-2.scope", "perl");
	assert_int_equal(connects(VERDICT_BYPASS, 0), 0);
	MAKE_TEXTS(&who, "/usr/bin/perl", "/",
		   "/user.slice/user-1.slice/user@1.service/app.slice/x.service", "perl");
	assert_int_equal(connects(VERDICT_BYPASS, 0), 0);
}

static void words_do_not_run_into_each_other(void **state)
{
	(void)state;
	MAKE_TEXTS(&who, "/a", "/", "/system.slice/b.service", "x");
	assert_int_equal(connects(VERDICT_BYPASS, 0), 1);
	MAKE_TEXTS(&who, "/a", "/", "/", "x");
	runs("b.service");
	assert_int_equal(connects(VERDICT_BYPASS, 0), 1);
	has_script = false;
	assert_int_equal(connects(VERDICT_BYPASS, 0), 1);
}

static void connections_are_counted_in_the_window(void **state)
{
	(void)state;
	configure("[alert a]\nverdict=bypass\nconnections=10\nwindow=60\n");
	for (int i = 1; i < 10; i++) {
		now += SECOND;
		assert_int_equal(connects(VERDICT_BYPASS, 0), 0);
		assert_int_equal(again(VERDICT_BYPASS, 0), 0); /* counted once */
		assert_int_equal(connects(VERDICT_MTA, 0), 0); /* not meant, not counted */
	}
	runs("/var/www/b.php"); /* of one actor, whatever it runs */
	assert_int_equal(connects(VERDICT_BYPASS, 0), 1);
	assert_int_equal(last.connections, 10);
	has_script = false;
	now += 200 * SECOND;
	for (int i = 1; i < 10; i++)
		assert_int_equal(connects(VERDICT_BYPASS, 0), 0);
	assert_int_equal(connects(VERDICT_BYPASS, 0), 1);
}

static void refused_recipients_are_counted_as_they_come(void **state)
{
	(void)state;
	configure("[alert a]\nverdict=bypass\nrefused=50\nwindow=60\n"
		  "[alert b]\nreasons=blocklisted\nrefused=10\n");
	session.refused = 30;
	assert_int_equal(connects(VERDICT_BYPASS, 0), 0);
	session.refused = 45;
	assert_int_equal(again(VERDICT_BYPASS, 0), 0);
	/* The second rule begins to match only now, and has all of the connection. */
	assert_int_equal(again(VERDICT_BYPASS, BIT(BLOCKLISTED)), 1);
	assert_int_equal(last.index, 1);
	assert_int_equal(last.refused, 45);
	session.refused = 4;
	assert_int_equal(connects(VERDICT_BYPASS, 0), 0);
	session.refused = 5;
	assert_int_equal(again(VERDICT_BYPASS, 0), 1);
	assert_int_equal(last.index, 0);
	assert_int_equal(last.refused, 50);
	assert_int_equal(last.connections, 2);
}

static void made_up_scripts_do_not_drown_the_rest(void **state)
{
	char name[64];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "/tmp/%d.php", i);
		runs(name);
		connects(VERDICT_BYPASS, 0);
		assert_int_equal(last.last, told == LIMIT_ALERT_USER);
	}
	assert_int_equal(told, LIMIT_ALERT_USER);
	who.open.who.uid = 77; /* another user still has its say */
	assert_int_equal(connects(VERDICT_BYPASS, 0), 1);
	who.open.who.uid = 33;
	now += 2 * LIMIT_ALERT_USER_SECONDS * SECOND;
	runs("/tmp/new.php");
	assert_int_equal(connects(VERDICT_BYPASS, 0), 1);
	assert_int_equal(last.held, 1000 - LIMIT_ALERT_USER);
	assert_false(last.last);
}

static void a_container_counts_as_one_user(void **state)
{
	static const char id[] =
		"/system.slice/docker-"
		"4f1c2d3e5a6b4f1c2d3e5a6b4f1c2d3e5a6b4f1c2d3e5a6b4f1c2d3e5a6b4f1c.scope";

	(void)state;
	make_texts(&who, "/a", "/", id, "x", 2);
	for (uint32_t uid = 0; uid < 100; uid++) {
		who.open.who.uid = uid;
		connects(VERDICT_BYPASS, 0);
	}
	assert_int_equal(told, LIMIT_ALERT_USER);
}

/* The least recent are forgotten: then they are news again, and nothing grows. */
static void what_is_remembered_is_bounded(void **state)
{
	(void)state;
	for (uint32_t uid = 0; uid < 2 * LIMIT_ALERT_ACTORS; uid++) {
		who.open.who.uid = uid;
		assert_int_equal(connects(VERDICT_BYPASS, 0), 1);
	}
	assert_int_equal(connects(VERDICT_BYPASS, 0), 0);
	who.open.who.uid = 1;
	assert_int_equal(connects(VERDICT_BYPASS, 0), 1);
}

/* Who has more names than there is room for forgets his own: another's quiet, and how many he was held back himself, stay. */
static void names_of_one_push_out_his_own(void **state)
{
	char name[64];

	(void)state;
	who.open.who.uid = 77;
	assert_int_equal(connects(VERDICT_BYPASS, 0), 1);
	who.open.who.uid = 33;
	for (int i = 0; i < 3 * LIMIT_ALERT_ACTORS; i++) {
		snprintf(name, sizeof(name), "/tmp/%d.php", i);
		runs(name);
		connects(VERDICT_BYPASS, 0);
	}
	assert_int_equal(told, 1 + LIMIT_ALERT_USER);
	who.open.who.uid = 77;
	has_script = false;
	assert_int_equal(connects(VERDICT_BYPASS, 0), 0);
	who.open.who.uid = 33;
	now += 2 * LIMIT_ALERT_USER_SECONDS * SECOND;
	runs("/tmp/new.php");
	assert_int_equal(connects(VERDICT_BYPASS, 0), 1);
	assert_int_equal(last.held, 3 * LIMIT_ALERT_ACTORS - LIMIT_ALERT_USER);
}

/* The same with other paths of a program and a rule with a threshold, which is never reached. */
static void paths_of_one_push_out_his_own(void **state)
{
	char name[64];

	(void)state;
	configure("[alert many]\nverdict=bypass\nconnections=3\nwindow=600\n");
	who.open.who.uid = 77;
	connects(VERDICT_BYPASS, 0);
	connects(VERDICT_BYPASS, 0);
	for (int i = 0; i < 3 * LIMIT_ALERT_ACTORS; i++) {
		snprintf(name, sizeof(name), "/tmp/%d", i);
		make_who(&who, EVENT_OPEN, 1, SECOND);
		make_texts(&who, name, "/", "/x", "x", 2);
		connects(VERDICT_BYPASS, 0);
	}
	assert_int_equal(told, 0);
	make_who(&who, EVENT_OPEN, 1, SECOND);
	who.open.who.uid = 77;
	assert_int_equal(connects(VERDICT_BYPASS, 0), 1);
}

static void other_rules_take_over_and_the_quiet_stays(void **state)
{
	struct config *other;
	char error[256];
	const char text[] = "[alert new]\nverdict=bypass\n[alert default]\nverdict=bypass\n";

	(void)state;
	assert_int_equal(connects(VERDICT_BYPASS, 0), 1);
	other = config_parse("t.conf", text, strlen(text), error, sizeof(error));
	assert_non_null(other);
	alerts_configure(alerts, other);
	assert_int_equal(connects(VERDICT_BYPASS, 0), 1);
	assert_string_equal(last.rule->name, "new");
	config_free(config);
	config = other;
}

static void without_a_process_it_is_told_all_the_same(void **state)
{
	struct verdict_case facts = {.now = now};
	struct verdict verdict = {VERDICT_BYPASS, 0};

	(void)state;
	alerts_judge(alerts, &facts, &verdict, &seen, tell, &told);
	assert_int_equal(told, 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(only_what_the_rule_means),
		CASE(a_fact_that_comes_later_is_told_then),
		CASE(one_is_told_and_the_rest_is_counted),
		CASE(quiet_holds_across_verdicts),
		CASE(another_user_program_service_or_script_is_news),
		CASE(a_claimed_unit_is_no_service),
		CASE(words_do_not_run_into_each_other),
		CASE(connections_are_counted_in_the_window),
		CASE(refused_recipients_are_counted_as_they_come),
		CASE(made_up_scripts_do_not_drown_the_rest),
		CASE(a_container_counts_as_one_user),
		CASE(what_is_remembered_is_bounded),
		CASE(names_of_one_push_out_his_own),
		CASE(paths_of_one_push_out_his_own),
		CASE(other_rules_take_over_and_the_quiet_stays),
		CASE(without_a_process_it_is_told_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
