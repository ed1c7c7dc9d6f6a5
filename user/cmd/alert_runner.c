/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * alert_runner.c - the process that runs the commands of alert rules, as the privileged half sees it
 *
 * What can't be run is a mistake in the configuration, or in the rights that were given, and found at the start. Nothing is fatal here.
 */
#include "cmd/alert_runner.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/msg.h"
#include "cmd/alert_run.h"
#include "pass/rights.h"

static bool may_run(const struct config_alert *rule)
{
	const struct rights_user user = {.uid = rule->uid, .gid = rule->gid};

	return rights_may_become(&user);
}

/* False: commands are left out, as they would have to run as root. */
static bool table_fill(struct alert_table *table, const struct config *config, uint32_t generation,
		       bool root)
{
	bool all = true;

	memset(table, 0, sizeof(*table));
	table->generation = generation;
	table->count = (uint32_t)config->alert_count;
	for (uint32_t i = 0; i < table->count && i < LIMIT_ALERT_RULES; i++) {
		const struct config_alert *rule = &config->alerts[i];

		if (rule->program && (rule->uid || root))
			alert_command_of(&table->commands[i], rule);
		else if (rule->program)
			all = false;
	}
	return all;
}

/* Is any to be run? False: one can't be, and that was said. */
static bool look_at_rules(const struct config *config, bool *any, bool *root)
{
	*any = *root = false;
	for (size_t i = 0; i < config->alert_count; i++) {
		const struct config_alert *rule = &config->alerts[i];

		if (!rule->program)
			continue;
		*any = true;
		*root = *root || rule->uid == 0;
		if (may_run(rule))
			continue;
		msg_error("alert %s: to run its command as user %" PRIu32
			  " takes CAP_SETUID, CAP_SETGID and CAP_KILL: give them, or set its user "
			  "to the one that smtpsnoop is started as",
			  rule->name, rule->uid);
		return false;
	}
	return true;
}

/* The child's ends are [0]. 0 or -errno. */
static int open_channels(int asks[2], int rules[2])
{
	const int type = SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK;
	int error;

	if (socketpair(AF_UNIX, type, 0, asks))
		return -errno;
	if (socketpair(AF_UNIX, type, 0, rules) == 0) {
		shutdown(asks[1], SHUT_RD);
		return 0;
	}
	error = errno;
	close(asks[0]);
	close(asks[1]);
	return -error;
}

bool alert_runner_start(struct alert_runner *runner, const struct config *config)
{
	static struct alert_table table;
	int asks[2], rules[2], rc;
	bool any;

	*runner = (struct alert_runner){.ask = -1, .rules = -1};
	if (!look_at_rules(config, &any, &runner->root))
		return false;
	if (!any)
		return true;
	rc = open_channels(asks, rules);
	if (rc == 0) {
		table_fill(&table, config, 0, runner->root);
		runner->pid = fork();
		rc = runner->pid < 0 ? -errno : 0;
	}
	if (rc) {
		runner->pid = 0;
		msg_error("cannot start what runs the commands of alerts: %s", strerror(-rc));
		return false;
	}
	if (runner->pid == 0) {
		close(asks[1]);
		close(rules[1]);
		alert_run(asks[0], rules[0], &table, runner->root);
		_exit(0);
	}
	close(asks[0]);
	close(rules[0]);
	runner->ask = asks[1];
	runner->rules = rules[1];
	return true;
}

int alert_runner_configure(struct alert_runner *runner, const struct config *config)
{
	static struct alert_table table;
	bool all = table_fill(&table, config, ++runner->generation, runner->root);

	if (runner->pid && send(runner->rules, &table, sizeof(table), MSG_NOSIGNAL) < 0)
		return -errno;
	for (uint32_t i = 0; i < table.count && !runner->pid; i++)
		all = all && !table.commands[i].program[0];
	return all ? 0 : -EPERM;
}

void alert_runner_end(struct alert_runner *runner)
{
	if (runner->ask >= 0)
		close(runner->ask);
	if (runner->rules >= 0)
		close(runner->rules);
	runner->ask = runner->rules = -1;
	while (runner->pid > 0 && waitpid(runner->pid, NULL, 0) < 0 && errno == EINTR)
		;
	runner->pid = 0;
}
