/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * read_options.c - the command line of `smtpsnoop read`, checked before any file is opened
 *
 * What stands behind "--" is the filter: file names and filter words could not be told apart otherwise. Every mistake is one
 * sentence and exit status 2.
 */
#include "cmd/read_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "cmd/options.h"
#include "judge/verdict.h"

static const char help[] =
	"usage: smtpsnoop read [OPTION]... FILE... [-- FILTER]\n"
	"\n"
	"Analyses capture files as \"smtpsnoop trace\" analyses this host: every SMTP\n"
	"connection, whatever its port, what was said and what was answered. A capture\n"
	"does not tell which process it was: the verdict is \"unknown\", with the reasons\n"
	"that need no process.\n"
	"\n"
	"FILE is pcap or pcapng, plain or gzip; \"-\" is standard input. FILTER selects\n"
	"packets, in tcpdump's language:\n"
	"  smtpsnoop read x.pcap -- host 192.0.2.1 and not port 80\n"
	"\n"
	"Which connections:\n"
	"  -P, --port LIST        further SMTP ports, beside 25, 465 and 587 (\"2525,26\")\n"
	"      --verdict LIST     show these verdicts only: mta, local, relay, bypass,\n"
	"                         impostor, unknown (the summary still counts all)\n"
	"How long:\n"
	"  -f, --follow           wait at the end of the file for more, until Ctrl-C;\n"
	"                         one FILE only\n"
	"  -n, --count N          end after N connections were shown\n"
	"What is shown:\n"
	"  -j, --json             NDJSON, one object a line\n"
	"  -e, --events           also every step: open, commands, replies, close\n"
	"      --recipients       keep recipients' full addresses, not just domains\n"
	"  -x, --exit-code        exit status 3 if a bypass or an impostor was seen\n"
	"Else:\n"
	"      --config FILE      instead of " OPTION_CONFIG_PATH "\n"
	"  -v, --verbose          tell what the program itself does\n"
	"  -h, --help\n";

enum { OPTION_VERDICT = 256, OPTION_RECIPIENTS, OPTION_CONFIG };

static const struct option long_options[] = {
	{"port", required_argument, NULL, 'P'},
	{"verdict", required_argument, NULL, OPTION_VERDICT},
	{"follow", no_argument, NULL, 'f'},
	{"count", required_argument, NULL, 'n'},
	{"json", no_argument, NULL, 'j'},
	{"events", no_argument, NULL, 'e'},
	{"recipients", no_argument, NULL, OPTION_RECIPIENTS},
	{"exit-code", no_argument, NULL, 'x'},
	{"config", required_argument, NULL, OPTION_CONFIG},
	{"verbose", no_argument, NULL, 'v'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

struct late { /* needs all options */
	const char *config;
	const char *ports;
};

static int parse_one(int option, char **argv, struct read_options *options, struct late *late)
{
	switch (option) {
	case 'P':
		late->ports = optarg;
		return -1;
	case OPTION_VERDICT:
		return option_verdicts(optarg, &options->verdicts);
	case 'f':
		options->follow = true;
		return -1;
	case 'n':
		return option_number("--count", optarg, 1, UINT64_MAX, &options->count);
	case 'j':
		options->json = true;
		return -1;
	case 'e':
		options->events = true;
		return -1;
	case OPTION_RECIPIENTS:
		options->recipients = true;
		return -1;
	case 'x':
		options->exit_code = true;
		return -1;
	case OPTION_CONFIG:
		late->config = optarg;
		return -1;
	case 'v':
		msg_verbose(true);
		return -1;
	case 'h':
		fputs(help, stdout);
		return option_flushed();
	default:
		return option_refused(option, argv, long_options, "read");
	}
}

/* The words behind "--", joined. */
static int take_filter(struct read_options *options, int count, char **words)
{
	size_t size = 1, used = 0;

	for (int i = 0; i < count; i++)
		size += strlen(words[i]) + 1;
	if (size > LIMIT_FILTER) {
		msg_error("the filter is longer than %d bytes", LIMIT_FILTER);
		return EXIT_CANNOT;
	}
	options->filter = calloc(1, size);
	if (!options->filter) {
		msg_error("out of memory");
		return EXIT_FAILED;
	}
	for (int i = 0; i < count; i++)
		used += (size_t)sprintf(options->filter + used, "%s%s", i ? " " : "", words[i]);
	return -1;
}

static int check_files(const struct read_options *options)
{
	unsigned int inputs = 0;

	if (!options->file_count) {
		msg_error("read needs a capture file, or - for standard input; see smtpsnoop read "
			  "--help");
		return EXIT_CANNOT;
	}
	for (unsigned int i = 0; i < options->file_count; i++)
		inputs += strcmp(options->files[i], "-") == 0;
	if (inputs > 1) {
		msg_error("standard input can be read only once");
		return EXIT_CANNOT;
	}
	if (options->follow && options->file_count > 1) {
		msg_error("--follow takes one file");
		return EXIT_CANNOT;
	}
	return -1;
}

int read_options_parse(struct read_options *options, int argc, char **argv)
{
	struct late late = {NULL, NULL};
	int words = argc, option, rc;

	memset(options, 0, sizeof(*options));
	options->verdicts = (1u << VERDICT_CLASSES) - 1;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--") != 0)
			continue;
		words = i;
		break;
	}
	optind = 1;
	opterr = 0;
	while ((option = getopt_long(words, argv, ":P:fn:jexvh", long_options, NULL)) != -1) {
		rc = parse_one(option, argv, options, &late);
		if (rc >= 0)
			return rc;
	}
	options->files = argv + optind;
	options->file_count = (unsigned int)(words - optind);
	rc = check_files(options);
	if (rc < 0 && words + 1 < argc)
		rc = take_filter(options, argc - words - 1, argv + words + 1);
	if (rc >= 0)
		return rc;
	options->config = option_config(late.config, late.ports);
	return options->config ? -1 : EXIT_CANNOT;
}

void read_options_free(struct read_options *options)
{
	config_free(options->config);
	free(options->filter);
}
