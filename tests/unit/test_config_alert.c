/* SPDX-License-Identifier: GPL-2.0-only */
/* [alert] sections: what they mean, the sentence for what is wrong, and who could change what a rule runs. */
#include <limits.h>
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

#include "base/verdict_words.h"
#include "enrich/config.h"
#include "enrich/config_alert.h"
#include "enrich/config_text.h"

static char error[512];

static struct config *parse(const char *text)
{
	error[0] = '\0';
	return config_parse("t.conf", text, strlen(text), error, sizeof(error));
}

static void refused(const char *text, const char *sentence)
{
	assert_null(parse(text));
	assert_string_equal(error, sentence);
}

static void what_went_round_the_mta_is_told_without_any_rule(void **state)
{
	struct config *config = parse("");

	(void)state;
	assert_int_equal(config->alert_count, 1);
	assert_string_equal(config->alerts[0].name, "default");
	assert_int_equal(config->alerts[0].verdicts, 1 << VERDICT_BYPASS | 1 << VERDICT_IMPOSTOR);
	assert_int_equal(config->alerts[0].quiet_seconds, 3600);
	assert_null(config->alerts[0].command);
	config_free(config);
}

static void all_keys(void **state)
{
	struct config *config =
		parse("[alert spam]\nverdict = bypass, impostor\nverdict = unknown\n"
		      "reasons = blocklisted, exe-deleted\nconnections = 10\nrefused = 50\n"
		      "window = 30\nquiet = 600\ncommand = /usr/bin/env  a\tb\nuser = root\n"
		      "timeout = 3\n[alert noisy mta]\n");
	const struct config_alert *rule;

	(void)state;
	assert_null(config);
	assert_non_null(strstr(error, "t.conf:12: \"[alert noisy mta]\" is no section"));
	config = parse("[alert spam]\nverdict = bypass, impostor\nverdict = unknown\n"
		       "reasons = blocklisted, exe-deleted\nconnections = 10\nrefused = 50\n"
		       "window = 30\nquiet = 600\ncommand = /usr/bin/env  a\tb\nuser = root\n"
		       "timeout = 3\n[alert many]\nverdict=mta\nconnections=1000\n");
	assert_string_equal(error, "");
	assert_int_equal(config->alert_count, 2);
	rule = &config->alerts[0];
	assert_string_equal(rule->name, "spam");
	assert_int_equal(rule->verdicts,
			 1 << VERDICT_BYPASS | 1 << VERDICT_IMPOSTOR | 1 << VERDICT_UNKNOWN);
	assert_true(rule->reasons ==
		    (UINT64_C(1) << REASON_BLOCKLISTED | UINT64_C(1) << REASON_EXE_DELETED));
	assert_int_equal(rule->connections, 10);
	assert_int_equal(rule->refused, 50);
	assert_int_equal(rule->window_seconds, 30);
	assert_int_equal(rule->quiet_seconds, 600);
	assert_string_equal(rule->command, "/usr/bin/env  a\tb");
	assert_int_equal(rule->uid, 0);
	assert_int_equal(rule->timeout_seconds, 3);
	assert_int_equal(rule->line, 9);
	rule = &config->alerts[1];
	assert_string_equal(rule->name, "many");
	assert_int_equal(rule->window_seconds, 60);
	assert_int_equal(rule->quiet_seconds, 3600);
	assert_null(rule->command);
	config_free(config);
}

static void what_is_wrong_is_one_sentence(void **state)
{
	static char many[(LIMIT_ALERT_RULES + 1) * 40];
	size_t used = 0;

	(void)state;
	refused("[alert]\n", "t.conf:1: [alert] needs a name: [alert name]");
	refused("[alert x]\n", "t.conf:1: [alert x] has no condition: it would tell of all mail");
	refused("[alert x]\nquiet=5\n",
		"t.conf:1: [alert x] has no condition: it would tell of all mail");
	refused("[alert x]\nverdict=bypas\n", "t.conf:2: verdict \"bypas\" is not a verdict: mta, "
					      "local, relay, bypass, impostor, unknown");
	refused("[alert x]\nverdict=bypass,,mta\n",
		"t.conf:2: verdict \"bypass,,mta\" is not a verdict: mta, local, relay, bypass, "
		"impostor, unknown");
	refused("[alert x]\nreasons=listed\n",
		"t.conf:2: reasons \"listed\" is not a reason: smtpsnoop(8) has them all");
	refused("[alert x]\nconnections=0\n",
		"t.conf:2: connections \"0\" is not a number from 1 to 1000000");
	refused("[alert x]\nverdict=mta\nquiet=0\n",
		"t.conf:3: quiet \"0\" is not a number from 1 to 604800");
	refused("[alert x]\nverdict=mta\nwindow=5\n",
		"t.conf:3: [alert x] counts nothing within a window: connections or refused");
	refused("[alert x]\nverdict=mta\nuser=root\n",
		"t.conf:3: [alert x] has no command that user would be for");
	refused("[alert x]\nverdict=mta\ntimeout=3\n",
		"t.conf:3: [alert x] has no command that timeout would be for");
	refused("[alert x]\nverdict=mta\ncommand=/bin/true\ntimeout=301\n",
		"t.conf:4: timeout \"301\" is not a number from 1 to 300");
	refused("[alert x]\nverdict=mta\ncommand=/bin/true\nuser=no-such-user\n",
		"t.conf:4: user \"no-such-user\" is not a user of this host");
	refused("[alert x]\nverdict=mta\ncommand=mail root\n",
		"t.conf:3: command \"mail root\" does not begin with an absolute path");
	refused("[alert x]\nverdict=mta\ncommand=/bin/mail -s \"a b\" root\n",
		"t.conf:3: command \"/bin/mail -s \"a b\" root\" has a character of the shell's; "
		"there is none, and no quoting: words are what blanks part");
	refused("[alert x]\nverdict=mta\ncommand=/bin/echo 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 "
		"16\n",
		"t.conf:3: command \"/bin/echo 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\" has more "
		"than 16 words");
	refused("[alert x]\nmail=root\n",
		"t.conf:2: unknown key \"mail\" in [alert x]; known are verdict, reasons, "
		"connections, refused, window, quiet, command, user, timeout");
	for (int i = 0; i <= LIMIT_ALERT_RULES; i++)
		used += (size_t)sprintf(many + used, "[alert a]\nverdict=mta\n");
	assert_null(parse(many));
	assert_string_equal(error, "t.conf:33: more than 16 rules of this kind");
}

static void the_other_half_gets_the_same_rules(void **state)
{
	struct config *config =
		parse("[alert a]\nverdict=bypass,unknown\nreasons=direct-mx,entry-not-script\n"
		      "connections=3\nwindow=7\nquiet=9\ncommand=/bin/true x\nuser=root\n"
		      "timeout=4\n[alert b]\nrefused=5\n");
	struct config *other;
	size_t length;
	char *text;

	(void)state;
	assert_non_null(config);
	text = config_text(config, &length);
	assert_non_null(text);
	other = config_parse("text", text, length, error, sizeof(error));
	assert_string_equal(error, "");
	assert_int_equal(other->alert_count, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct config_alert *one = &config->alerts[i], *same = &other->alerts[i];

		assert_string_equal(one->name, same->name);
		assert_true(one->verdicts == same->verdicts && one->reasons == same->reasons);
		assert_true(one->connections == same->connections && one->refused == same->refused);
		assert_true(one->window_seconds == same->window_seconds &&
			    one->quiet_seconds == same->quiet_seconds);
		assert_int_equal(!one->command, !same->command);
	}
	assert_string_equal(other->alerts[0].command, "/bin/true x");
	assert_int_equal(other->alerts[0].timeout_seconds, 4);
	free(text);
	config_free(config);
	config_free(other);
}

/* True: only root can change it. */
static bool good(const char *path)
{
	char program[PATH_MAX];

	error[0] = '\0';
	return config_alert_program(path, program, error, sizeof(error));
}

static void only_root_may_change_what_is_run(void **state)
{
	char room[] = "/run/smtpsnoop-test-XXXXXX", file[64], link[64], program[PATH_MAX];
	FILE *made;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_non_null(mkdtemp(room));
	snprintf(file, sizeof(file), "%s/run", room);
	snprintf(link, sizeof(link), "%s/link", room);
	assert_false(good(file));
	assert_string_equal(error, "No such file or directory");
	made = fopen(file, "w");
	assert_non_null(made);
	fclose(made);
	chmod(file, 0644);
	assert_false(good(file));
	assert_string_equal(error, "is no executable file");
	assert_false(good(room));
	chmod(file, 0755);
	assert_true(good(file));
	assert_int_equal(symlink(file, link), 0);
	assert_true(config_alert_program(link, program, error, sizeof(error)));
	assert_string_equal(program, file);
	chmod(file, 0775);
	assert_false(good(link));
	assert_non_null(strstr(error, "/run can be written by others than root: chmod go-w"));
	chmod(file, 0755);
	assert_int_equal(chown(file, 65534, 0), 0);
	assert_false(good(file));
	assert_non_null(strstr(error, "/run does not belong to root: chown root"));
	assert_int_equal(chown(file, 0, 0), 0);
	chmod(file, 0755);
	chmod(room, 01777);
	assert_false(good(file));
	assert_non_null(strstr(error, " can be written by others than root: chmod go-w"));
	unlink(link);
	unlink(file);
	rmdir(room);
}

/* Not by config_load(): a command that is gone must not keep a snapshot from being taken. */
static void who_runs_the_commands_looks_at_their_files(void **state)
{
	char path[] = "/run/smtpsnoop-test-XXXXXX";
	struct config *config;
	FILE *out;

	(void)state;
	if (geteuid() != 0)
		skip();
	out = fdopen(mkstemp(path), "w");
	assert_non_null(out);
	fprintf(out, "[alert a]\nverdict=bypass\ncommand=/bin/sh -c x\nuser=nobody\n");
	fflush(out);
	config = config_load(path, true, error, sizeof(error));
	assert_non_null(config);
	assert_null(config->alerts[0].program);
	assert_true(config_alert_check(config, path, error, sizeof(error)));
	assert_int_equal(config->alerts[0].program[0], '/');
	assert_int_not_equal(config->alerts[0].uid, 0);
	assert_int_not_equal(config->alerts[0].gid, 0);
	config_free(config);
	fprintf(out, "[alert b]\nverdict=bypass\ncommand=/nowhere/x\n");
	fflush(out);
	config = config_load(path, true, error, sizeof(error));
	assert_non_null(config);
	assert_false(config_alert_check(config, path, error, sizeof(error)));
	config_free(config);
	assert_non_null(strstr(error, ":7: command /nowhere/x: No such file or directory"));
	fclose(out);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_went_round_the_mta_is_told_without_any_rule),
		cmocka_unit_test(all_keys),
		cmocka_unit_test(what_is_wrong_is_one_sentence),
		cmocka_unit_test(the_other_half_gets_the_same_rules),
		cmocka_unit_test(only_root_may_change_what_is_run),
		cmocka_unit_test(who_runs_the_commands_looks_at_their_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
