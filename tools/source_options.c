/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * source_options.c - what source is told to do
 *
 * Every number is checked with its range; what makes no sense ends the program with status 2 and one sentence.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "source_options.h"

static const char usage[] =
	"usage: source --to ADDRESS:PORT [--to ...] [options]\n"
	"  --connections N    default 1; 0 = without end    --duration SECONDS\n"
	"  --rate R           connections a second, default as fast as it goes\n"
	"  --concurrency C    at the same time, default 100    --threads N   default 1\n"
	"  --messages N       a connection, default 1       --recipients N   a message, default 1\n"
	"  --helo NAME  --from ADDRESS  --domain NAME       of the envelope\n"
	"  --body-bytes N     default 500    --marker TEXT  begins each line of the body\n"
	"  --pipeline         MAIL, RCPT and DATA at once   --early   EHLO before the greeting\n"
	"  --byte-by-byte     a segment for every byte      --no-quit\n"
	"  --hold-seconds N   idle before QUIT              --timeout-seconds N   default 30\n"
	"  --reset            hang up with RST: leaves no TIME_WAIT, so ports don't run out\n"
	"  --bind ADDRESS:PORT [--bind ...]   source addresses in turn, port 0 = any\n"
	"  --source-port-reuse   SO_REUSEADDR: a source port may come again at once\n"
	"  --name NAME        what ps shows: comm and argv[0]";

static const struct source_options defaults = {
	.plan = {.helo = "bot.example.net",
		 .from = "offer@example.net",
		 .domain = "example.org",
		 .recipients = 1,
		 .messages = 1,
		 .quit = true},
	.connections = 1,
	.concurrency = 100,
	.threads = 1,
	.timeout = 30 * NET_SECOND,
	.body_bytes = 500,
	.marker = "",
};

static const struct option long_options[] = {
	{"to", required_argument, NULL, 't'},
	{"connections", required_argument, NULL, 'n'},
	{"duration", required_argument, NULL, 'D'},
	{"rate", required_argument, NULL, 'r'},
	{"concurrency", required_argument, NULL, 'c'},
	{"threads", required_argument, NULL, 'T'},
	{"messages", required_argument, NULL, 'm'},
	{"recipients", required_argument, NULL, 'R'},
	{"helo", required_argument, NULL, 'h'},
	{"from", required_argument, NULL, 'f'},
	{"domain", required_argument, NULL, 'd'},
	{"body-bytes", required_argument, NULL, 'b'},
	{"marker", required_argument, NULL, 'M'},
	{"pipeline", no_argument, NULL, 'p'},
	{"early", no_argument, NULL, 'e'},
	{"byte-by-byte", no_argument, NULL, 'B'},
	{"no-quit", no_argument, NULL, 'q'},
	{"hold-seconds", required_argument, NULL, 'H'},
	{"timeout-seconds", required_argument, NULL, 'o'},
	{"reset", no_argument, NULL, 'x'},
	{"bind", required_argument, NULL, 'i'},
	{"source-port-reuse", no_argument, NULL, 'u'},
	{"name", required_argument, NULL, 'N'},
	{"help", no_argument, NULL, '?' + 256},
	{NULL, 0, NULL, 0},
};

static void add_address(struct net_address *list, unsigned int *count, const char *text)
{
	if (*count == SOURCE_ADDRESSES)
		net_usage("more than %d addresses", SOURCE_ADDRESSES);
	list[(*count)++] = net_parse(text);
}

static const char *envelope_text(char *text)
{
	if (net_unescape(text) > 1000)
		net_usage("an envelope text has 1000 bytes at most");
	return text;
}

static void take_option(struct source_options *options, int letter, char *value)
{
	switch (letter) {
	case 't':
		add_address(options->to, &options->to_count, value);
		break;
	case 'i':
		add_address(options->bind, &options->bind_count, value);
		break;
	case 'n':
		options->connections = net_number("--connections", value, 0, UINT32_MAX);
		break;
	case 'D':
		options->duration = net_number("--duration", value, 1, 86400) * NET_SECOND;
		break;
	case 'r':
		options->rate = net_number("--rate", value, 1, 10000000);
		break;
	case 'c':
		options->concurrency = net_number("--concurrency", value, 1, 1000000);
		break;
	case 'T':
		options->threads = net_number("--threads", value, 1, SOURCE_THREADS);
		break;
	case 'm':
		options->plan.messages = (uint32_t)net_number("--messages", value, 0, 100000);
		break;
	case 'R':
		options->plan.recipients = (uint32_t)net_number("--recipients", value, 0, 40000);
		break;
	case 'h':
		options->plan.helo = envelope_text(value);
		break;
	case 'f':
		options->plan.from = envelope_text(value);
		break;
	case 'd':
		options->plan.domain = envelope_text(value);
		break;
	case 'b':
		options->body_bytes = net_number("--body-bytes", value, 0, 1 << 30);
		break;
	case 'M':
		options->marker = value;
		break;
	case 'p':
		options->plan.pipeline = true;
		break;
	case 'e':
		options->plan.early = true;
		break;
	case 'B':
		options->single = true;
		break;
	case 'q':
		options->plan.quit = false;
		break;
	case 'H':
		options->hold = net_number("--hold-seconds", value, 0, 86400) * NET_SECOND;
		break;
	case 'o':
		options->timeout = net_number("--timeout-seconds", value, 1, 86400) * NET_SECOND;
		break;
	case 'x':
		options->reset = true;
		break;
	case 'u':
		options->reuse = true;
		break;
	case 'N':
		options->name = value;
		break;
	case '?' + 256:
		puts(usage);
		exit(0);
	default:
		exit(2); /* getopt said why */
	}
}

/* argv[0] is where the kernel put it: only another exec changes it honestly. */
static void take_name(const char *name, char **argv)
{
	if (strcmp(argv[0], name)) {
		argv[0] = (char *)name;
		execv("/proc/self/exe", argv);
		net_fail("/proc/self/exe");
	}
	prctl(PR_SET_NAME, name);
}

void source_options_read(struct source_options *options, int argc, char **argv)
{
	int letter;

	*options = defaults;
	while ((letter = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		take_option(options, letter, optarg);
	if (optind < argc || !options->to_count)
		net_usage("no --to, or too much said; --help says how");
	if (options->name)
		take_name(options->name, argv);
	if (options->concurrency < options->threads)
		options->concurrency = options->threads;
}
