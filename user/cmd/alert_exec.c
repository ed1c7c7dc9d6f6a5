/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * alert_exec.c - becomes the command of an alert rule
 *
 * No shell: words are what blanks part. The environment has a PATH and nothing else, since that of the tracer is nobody's business.
 */
#include "cmd/alert_exec.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "enrich/config_alert.h"
#include "pass/rights.h"

#define CANNOT_EXECUTE 127 /* as a shell has it */

void alert_command_of(struct alert_command *command, const struct config_alert *rule)
{
	*command = (struct alert_command){
		.uid = rule->uid, .gid = rule->gid, .timeout = rule->timeout_seconds};
	snprintf(command->rule, sizeof(command->rule), "%s", rule->name);
	snprintf(command->words, sizeof(command->words), "%s", rule->command);
	snprintf(command->program, sizeof(command->program), "%s", rule->program);
}

static void fresh_signals(void)
{
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* A failure here is told by what comes after. */
static void fresh_surroundings(int input, int output)
{
	const struct rlimit no_core = {0, 0};

	setsid();
	dup2(input, STDIN_FILENO);
	dup2(output, STDOUT_FILENO);
	dup2(output, STDERR_FILENO);
	rights_close_others(NULL, 0);
	setrlimit(RLIMIT_CORE, &no_core);
	umask(077);
}

static void split(char *words, char *argv[CONFIG_ALERT_WORDS + 1])
{
	unsigned int count = 0;
	char *rest = NULL;

	for (char *word = strtok_r(words, " \t", &rest); word && count < CONFIG_ALERT_WORDS;
	     word = strtok_r(NULL, " \t", &rest))
		argv[count++] = word;
	argv[count] = NULL;
}

_Noreturn void alert_exec(const struct alert_command *command, int input, int output)
{
	const struct rights_user user = {.uid = command->uid, .gid = command->gid};
	char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	char words[CONFIG_COMMAND_MAX], error[256];
	char *argv[CONFIG_ALERT_WORDS + 1], *environment[] = {path, NULL};

	fresh_signals();
	fresh_surroundings(input, output);
	memcpy(words, command->words, sizeof(words));
	split(words, argv);
	if (chdir("/"))
		dprintf(STDERR_FILENO, "cannot enter /: %s", strerror(errno));
	else if (rights_become(&user, error, sizeof(error)))
		dprintf(STDERR_FILENO, "%s", error);
	else if (execve(command->program, argv, environment))
		dprintf(STDERR_FILENO, "cannot execute it: %s", strerror(errno));
	_exit(CANNOT_EXECUTE);
}
