/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * options.c - what the subcommands' command lines have in common
 *
 * Every mistake is one sentence and exit status 2.
 */
#include "cmd/options.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "base/escape.h"
#include "base/list.h"
#include "base/msg.h"
#include "base/number.h"
#include "enrich/config_alert.h"
#include "judge/verdict.h"

/* What was given, for a message: hostile or not, it is text from outside. */
int option_wrong(const char *option, const char *value, const char *need)
{
	char shown[128];

	escape_text(shown, sizeof(shown), value, strlen(value), NULL);
	msg_error("%s \"%s\": %s", option, shown, need);
	return EXIT_CANNOT;
}

int option_refused(int got, char **argv, const struct option *known, const char *command)
{
	char shown[128], letter[] = {'-', (char)optopt, '\0'};
	const char *word = letter, *what = "unknown option";

	while (known->name && known->val != optopt)
		known++;
	if (optopt == 0) {
		word = argv[optind - 1];
	} else if (known->name) {
		word = known->name;
		what = got == ':' ? "a value is missing for --" : "no value is taken by --";
	}
	escape_text(shown, sizeof(shown), word, strlen(word), NULL);
	if (word == known->name)
		msg_error("%s%s; see smtpsnoop %s --help", what, shown, command);
	else
		msg_error("%s \"%s\"; see smtpsnoop %s --help", what, shown, command);
	return EXIT_CANNOT;
}

int option_flushed(void)
{
	if (!fflush(stdout) && !ferror(stdout))
		return EXIT_DONE;
	msg_error("cannot write to standard output: %s", strerror(errno));
	return EXIT_FAILED;
}

int option_number(const char *option, const char *value, uint64_t low, uint64_t high, uint64_t *out)
{
	char need[96];

	if (number_parse(value, low, high, out) == 0)
		return -1;
	snprintf(need, sizeof(need), "a whole number from %llu to %llu is needed",
		 (unsigned long long)low, (unsigned long long)high);
	return option_wrong(option, value, need);
}

int option_uid(const char *value, uint32_t *uid)
{
	uint64_t number;
	const struct passwd *entry;

	if (number_parse(value, 0, UINT32_MAX - 1, &number) == 0) {
		*uid = (uint32_t)number;
		return -1;
	}
	entry = getpwnam(value);
	if (!entry)
		return option_wrong("--uid", value, "there is no such user");
	*uid = entry->pw_uid;
	return -1;
}

int option_verdicts(const char *value, uint32_t *verdicts)
{
	const char *at = value;
	char word[32];
	int rc;

	*verdicts = 0;
	while ((rc = list_next(&at, word, sizeof(word))) == 1) {
		int class = verdict_by_name(word);

		if (class < 0) {
			rc = -EINVAL;
			break;
		}
		*verdicts |= 1u << class;
	}
	if (rc < 0 || !*verdicts)
		return option_wrong("--verdict", value,
				    "known are mta, local, relay, bypass, impostor, unknown");
	return -1;
}

bool option_alerts(struct config *config, const char *path)
{
	char error[1024];

	if (config_alert_check(config, path ? path : OPTION_CONFIG_PATH, error, sizeof(error)))
		return true;
	msg_error("%s", error);
	return false;
}

struct config *option_config(const char *path, const char *ports)
{
	struct config *config;
	char error[512];
	int rc;

	config = config_load(path ? path : OPTION_CONFIG_PATH, path != NULL, error, sizeof(error));
	if (!config) {
		msg_error("%s", error);
		return NULL;
	}
	rc = ports ? config_add_ports(config, ports) : 0;
	if (!rc)
		return config;
	option_wrong("--port", ports,
		     rc == -ENOSPC ? "too many ports, 64 is the most"
				   : "port numbers from 1 to 65535 are needed, separated by "
				     "commas");
	config_free(config);
	return NULL;
}
