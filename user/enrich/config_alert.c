/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * config_alert.c - the values of an [alert] section, and the rule that holds without any
 *
 * A command runs when an attacker makes it run. So everything on the way to it has to be root's: the file and each directory above it,
 * after symbolic links were followed; it is that name without links that is executed. Nothing is fatal here.
 */
#include "enrich/config_alert.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/escape.h"
#include "base/list.h"
#include "base/verdict_words.h"
#include "enrich/users.h"

#define SHELL "'\"\\`$|&;<>" /* who writes these expects a shell */

static bool words_to_bits(const char *list, int (*by_name)(const char *), uint64_t *bits,
			  char word[CONFIG_ALERT_WORD])
{
	int more, found;

	while ((more = list_next(&list, word, CONFIG_ALERT_WORD)) > 0) {
		found = by_name(word);
		if (found < 0)
			return false;
		*bits |= UINT64_C(1) << found;
	}
	if (more < 0)
		word[0] = '\0';
	return more == 0;
}

bool config_alert_verdicts(const char *list, uint32_t *bits, char word[CONFIG_ALERT_WORD])
{
	uint64_t found = 0;
	bool good = words_to_bits(list, verdict_by_name, &found, word);

	*bits = (uint32_t)found;
	return good;
}

bool config_alert_reasons(const char *list, uint64_t *bits, char word[CONFIG_ALERT_WORD])
{
	*bits = 0;
	return words_to_bits(list, verdict_reason_by_name, bits, word);
}

const char *config_alert_command(const char *command)
{
	unsigned int words = 0;

	if (command[0] != '/')
		return "does not begin with an absolute path";
	if (strpbrk(command, SHELL))
		return "has a character of the shell's; there is none, and no quoting: words are "
		       "what blanks part";
	if (strlen(command) >= CONFIG_COMMAND_MAX)
		return "is too long";
	for (const char *at = command; *at; words++) {
		at += strcspn(at, " \t");
		at += strspn(at, " \t");
	}
	return words > CONFIG_ALERT_WORDS ? "has more than 16 words" : NULL;
}

/* Only root can put something else there. */
static bool only_root(const char *path, const struct stat *file, char *why, size_t size)
{
	char shown[256];

	if (file->st_uid == 0 && !(file->st_mode & (S_IWGRP | S_IWOTH)))
		return true;
	escape_text(shown, sizeof(shown), path, strlen(path), NULL);
	snprintf(why, size, "%s %s: %s", shown,
		 file->st_uid ? "does not belong to root" : "can be written by others than root",
		 file->st_uid ? "chown root" : "chmod go-w");
	return false;
}

/* Each directory of `path`, which has no links any more. */
static bool only_root_above(const char *path, char *why, size_t size)
{
	char above[PATH_MAX];
	struct stat file;
	size_t length;

	snprintf(above, sizeof(above), "%s", path);
	while ((length = (size_t)(strrchr(above, '/') - above)) > 0) {
		above[length] = '\0';
		if (stat(above, &file)) {
			snprintf(why, size, "%s", strerror(errno));
			return false;
		}
		if (!only_root(above, &file, why, size))
			return false;
	}
	return stat("/", &file) == 0 && only_root("/", &file, why, size);
}

bool config_alert_program(const char *path, char *program, char *why, size_t size)
{
	struct stat file;

	if (!realpath(path, program) || stat(program, &file)) {
		snprintf(why, size, "%s", strerror(errno));
		return false;
	}
	if (!S_ISREG(file.st_mode) || !(file.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH))) {
		snprintf(why, size, "is no executable file");
		return false;
	}
	return only_root(program, &file, why, size) && only_root_above(program, why, size);
}

static bool check(struct config_alert *rule, const char *name, char *error, size_t error_size)
{
	char path[CONFIG_COMMAND_MAX], program[PATH_MAX], shown[256], why[512];

	snprintf(path, sizeof(path), "%.*s", (int)strcspn(rule->command, " \t"), rule->command);
	if (!config_alert_program(path, program, why, sizeof(why))) {
		escape_text(shown, sizeof(shown), path, strlen(path), NULL);
		snprintf(error, error_size, "%s:%u: command %s: %s", name, rule->line, shown, why);
		return false;
	}
	if (users_group(rule->uid, &rule->gid)) {
		snprintf(error, error_size, "%s:%u: user %u has no account, and so no group", name,
			 rule->line, rule->uid);
		return false;
	}
	free(rule->program);
	rule->program = strdup(program);
	if (!rule->program)
		snprintf(error, error_size, "%s: out of memory", name);
	return rule->program != NULL;
}

bool config_alert_check(struct config *config, const char *name, char *error, size_t error_size)
{
	for (size_t i = 0; i < config->alert_count; i++)
		if (config->alerts[i].command &&
		    !check(&config->alerts[i], name, error, error_size))
			return false;
	return true;
}

int config_alert_default(struct config *config)
{
	char name[] = "default";
	const struct config_alert row = {.name = name,
					 .verdicts = 1u << VERDICT_BYPASS | 1u << VERDICT_IMPOSTOR,
					 .window_seconds = CONFIG_ALERT_WINDOW,
					 .quiet_seconds = CONFIG_ALERT_QUIET,
					 .timeout_seconds = CONFIG_ALERT_TIMEOUT,
					 .builtin = true};

	return config_add_alert(config, &row);
}
