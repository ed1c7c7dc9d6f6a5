/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report_options.c - the command line of `smtpsnoop report`, checked before the store is touched
 *
 * Every mistake is one sentence and exit status 2.
 */
#include "cmd/report_options.h"

#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/msg.h"
#include "base/number.h"
#include "base/when.h"
#include "cmd/options.h"
#include "source/cgroup2.h"

#define DAY (INT64_C(86400) * 1000000000)

static const char help[] =
	"usage: smtpsnoop report [OPTION]...\n"
	"       smtpsnoop report [OPTION]... actor NUMBER|TEXT\n"
	"       smtpsnoop report [OPTION]... connection SEQ|ID\n"
	"\n"
	"Tells from the collector's store who sent what, since when, where to and what\n"
	"was answered: an overview, a table by one thing, the time line of an actor (by\n"
	"its number, or a part of its name), or one connection in full.\n"
	"\n"
	"When (24h ago until now; for an actor or a connection all that is kept):\n"
	"  -s, --since WHEN       90m, 24h, 7d or 2w ago; now, today, yesterday; 19:00 (the\n"
	"      --until WHEN       last one); 2026-11-01, 2026-11-01T19, 2026-11-01T19:00;\n"
	"                         local time, or UTC with Z behind it; --until without\n"
	"                         --since: the 24h before it\n"
	"Which connections:\n"
	"  -c, --cgroup PATH      of this cgroup and below it only\n"
	"  -u, --uid, --user USER of this user (name or number) only\n"
	"  -P, --port LIST        to these ports only\n"
	"      --verdict LIST     with these verdicts only: mta, local, relay, bypass,\n"
	"                         impostor, unknown\n"
	"      --script TEXT      whose script, executable, service or HELO name has TEXT\n"
	"      --exe TEXT         in it; each may be given\n"
	"      --service TEXT\n"
	"      --helo TEXT\n"
	"      --destination NET  to this address or prefix (192.0.2.0/24) only\n"
	"What is shown:\n"
	"  -b, --by WHAT          a table by user, exe, script, service, container,\n"
	"                         cgroup, destination, helo, verdict, reply, hour or who\n"
	"  -n, --top N            the first N rows (20)\n"
	"  -j, --json             one JSON object\n"
	"      --csv              rows for a spreadsheet (by who, without --by)\n"
	"      --html FILE        a page that needs nothing else, to show or to send\n"
	"                         (\"-\" = standard output)\n"
	"Else:\n"
	"      --store DIR        the store's directory (" CONFIG_STORE ")\n"
	"      --config FILE      which may name another, instead of " OPTION_CONFIG_PATH "\n"
	"  -h, --help\n";

enum {
	OPTION_UNTIL = 256,
	OPTION_VERDICT,
	OPTION_SCRIPT,
	OPTION_EXE,
	OPTION_SERVICE,
	OPTION_HELO,
	OPTION_DESTINATION,
	OPTION_CSV,
	OPTION_HTML,
	OPTION_STORE,
	OPTION_CONFIG,
};

static const struct option long_options[] = {
	{"since", required_argument, NULL, 's'},
	{"until", required_argument, NULL, OPTION_UNTIL},
	{"cgroup", required_argument, NULL, 'c'},
	{"uid", required_argument, NULL, 'u'},
	{"user", required_argument, NULL, 'u'},
	{"port", required_argument, NULL, 'P'},
	{"verdict", required_argument, NULL, OPTION_VERDICT},
	{"script", required_argument, NULL, OPTION_SCRIPT},
	{"exe", required_argument, NULL, OPTION_EXE},
	{"service", required_argument, NULL, OPTION_SERVICE},
	{"helo", required_argument, NULL, OPTION_HELO},
	{"destination", required_argument, NULL, OPTION_DESTINATION},
	{"by", required_argument, NULL, 'b'},
	{"top", required_argument, NULL, 'n'},
	{"json", no_argument, NULL, 'j'},
	{"csv", no_argument, NULL, OPTION_CSV},
	{"html", required_argument, NULL, OPTION_HTML},
	{"store", required_argument, NULL, OPTION_STORE},
	{"config", required_argument, NULL, OPTION_CONFIG},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

/* What needs all options. */
struct late {
	int64_t now;
	const char *config;
	bool since, by;
	uint64_t top; /* 0 = was not given */
};

static int parse_when(const char *option, const char *value, int64_t now, int64_t *out)
{
	return when_parse(value, now, out) ? option_wrong(option, value, WHEN_NEED) : -1;
}

/* Of what is to come nothing is stored: no table that says "No connections". */
static int parse_since(const char *value, int64_t now, int64_t *out)
{
	int rc = parse_when("--since", value, now, out);

	if (rc < 0 && *out > now)
		return option_wrong("--since", value,
				    "that is still to come; nothing is known of it yet");
	return rc;
}

static int parse_by(const char *value, struct report_options *options, struct late *late)
{
	int by = query_by_named(value);

	if (by < 0)
		return option_wrong("--by", value,
				    "known are user, exe, script, service, container, cgroup, "
				    "destination, helo, verdict, reply, hour, who");
	options->query.by = (enum query_by)by;
	options->kind = REPORT_TABLE;
	late->by = true;
	return -1;
}

static int parse_ports(const char *value, struct report_options *options)
{
	const char *at = value;
	uint64_t port;
	char word[8];
	int rc;

	options->query.port_count = 0;
	while ((rc = list_next(&at, word, sizeof(word))) == 1) {
		if (options->query.port_count == CONFIG_PORTS_MAX ||
		    number_parse(word, 1, 65535, &port)) {
			rc = -1;
			break;
		}
		options->ports[options->query.port_count++] = (uint16_t)port;
	}
	if (rc < 0 || !options->query.port_count)
		return option_wrong("--port", value,
				    "port numbers from 1 to 65535 are needed, separated by commas");
	return -1;
}

/* A path as the store has it: below the hierarchy's root, without a slash at its end. */
static int parse_cgroup(char *value, struct report_options *options)
{
	const char *path;
	size_t length = strlen(value);

	if (value[0] != '/' || length >= LIMIT_STORE_TEXT)
		return option_wrong("--cgroup", value,
				    "a path is needed, as in /system.slice/cron.service");
	while (length > 1 && value[length - 1] == '/')
		value[--length] = '\0';
	path = cgroup2_below(value, "/proc/self/mounts");
	/* All are below the root. */
	options->query.cgroup = path[0] && path[1] ? path : NULL;
	return -1;
}

static int parse_net(const char *value, struct report_options *options)
{
	struct query *query = &options->query;

	query->has_net = true;
	if (address_parse(value, query->net, &query->prefix) == 0)
		return -1;
	return option_wrong("--destination", value,
			    "an address or a prefix is needed, as 192.0.2.1 or 2001:db8::/32");
}

/* NULL: it is none of these. */
static const char **text_of(int option, struct query *query)
{
	switch (option) {
	case OPTION_SCRIPT:
		return &query->script;
	case OPTION_EXE:
		return &query->exe;
	case OPTION_SERVICE:
		return &query->service;
	case OPTION_HELO:
		return &query->helo;
	default:
		return NULL;
	}
}

static int parse_which(int option, struct report_options *options)
{
	const char **text = text_of(option, &options->query);

	options->selected = true;
	if (text) {
		*text = optarg;
		return -1;
	}
	switch (option) {
	case 'c':
		return parse_cgroup(optarg, options);
	case 'u':
		options->query.has_uid = true;
		return option_uid(optarg, &options->query.uid);
	case 'P':
		return parse_ports(optarg, options);
	case OPTION_VERDICT:
		options->verdicts = true;
		return option_verdicts(optarg, &options->query.verdicts);
	default:
		return parse_net(optarg, options);
	}
}

static int parse_one(int option, char **argv, struct report_options *options, struct late *late)
{
	switch (option) {
	case 's':
		late->since = true;
		return parse_since(optarg, late->now, &options->query.since);
	case OPTION_UNTIL:
		return parse_when("--until", optarg, late->now, &options->query.until);
	case 'b':
		return parse_by(optarg, options, late);
	case 'n':
		return option_number("--top", optarg, 1, LIMIT_REPORT_ROWS, &late->top);
	case 'j':
		options->json = true;
		return -1;
	case OPTION_CSV:
		options->csv = true;
		return -1;
	case OPTION_HTML:
		options->html = optarg;
		return optarg[0] ? -1 : option_wrong("--html", optarg, "a file name is needed");
	case OPTION_STORE:
		options->directory = optarg;
		return -1;
	case OPTION_CONFIG:
		late->config = optarg;
		return -1;
	case 'h':
		fputs(help, stdout);
		return option_flushed();
	case '?':
	case ':':
		return option_refused(option, argv, long_options, "report");
	default:
		return parse_which(option, options);
	}
}

/* "actor" or "connection" and which. */
static int parse_words(struct report_options *options, int count, char **words,
		       const struct late *late)
{
	uint64_t number;
	int64_t when;

	if (!count)
		return -1;
	if (when_parse(words[0], late->now, &when) == 0)
		return option_wrong("report", words[0],
				    "a time goes behind --since or --until; a day and a clock time "
				    "are one word, as 2026-11-01T19:00");
	if (strcmp(words[0], "actor") != 0 && strcmp(words[0], "connection") != 0)
		return option_wrong("report", words[0],
				    "known are actor and connection; see smtpsnoop report --help");
	if (count != 2 || !words[1][0])
		return option_wrong("report", words[0],
				    "exactly one word is needed behind it; see smtpsnoop report "
				    "--help");
	if (late->by)
		return option_wrong("report", words[0], "--by does not go with it");
	if (words[0][0] == 'c') {
		options->connection = words[1];
		return -1;
	}
	options->kind = REPORT_ACTOR;
	options->selected = true;
	if (number_parse(words[1], 1, INT64_MAX, &number) == 0)
		options->query.actor = (int64_t)number;
	else
		options->query.who = words[1];
	return -1;
}

static int check(struct report_options *options, const struct late *late)
{
	struct query *query = &options->query;

	if (options->json && options->csv) {
		msg_error("--json and --csv do not go together");
		return EXIT_CANNOT;
	}
	if (options->csv && (options->connection || options->kind == REPORT_ACTOR)) {
		msg_error("--csv is for tables: leave it out, or use --by");
		return EXIT_CANNOT;
	}
	if (options->html && (options->json || options->csv)) {
		msg_error("--html does not go with --json or --csv");
		return EXIT_CANNOT;
	}
	if (options->html && (options->connection || late->by)) {
		msg_error("--html is an overview, or of an actor: leave %s out",
			  late->by ? "--by" : "connection");
		return EXIT_CANNOT;
	}
	/* A spreadsheet gets one table. */
	if (options->csv)
		options->kind = REPORT_TABLE;
	if (late->top && query->by == QUERY_BY_HOUR) {
		msg_error("--top does not go with --by hour: all hours are shown");
		return EXIT_CANNOT;
	}
	options->top = late->top		    ? (unsigned int)late->top
		       : query->by == QUERY_BY_HOUR ? LIMIT_REPORT_ROWS
						    : LIMIT_REPORT_SHOWN;
	options->top_values = late->top ? options->top : LIMIT_REPORT_SHOWN / 2;
	if (!late->since && !options->connection && options->kind != REPORT_ACTOR)
		query->since = (query->until < late->now ? query->until : late->now) - DAY;
	if (query->since >= query->until) {
		msg_error("--since is not before --until");
		return EXIT_CANNOT;
	}
	return -1;
}

int report_options_parse(struct report_options *options, int argc, char **argv, int64_t now)
{
	struct late late = {.now = now};
	int option, rc = -1;

	memset(options, 0, sizeof(*options));
	options->query.verdicts = (1u << VERDICT_CLASSES) - 1;
	options->query.until = INT64_MAX;
	options->query.ports = options->ports;
	optind = 1;
	opterr = 0;
	while (rc < 0 &&
	       (option = getopt_long(argc, argv, ":s:c:u:P:b:n:jh", long_options, NULL)) != -1)
		rc = parse_one(option, argv, options, &late);
	if (rc < 0)
		rc = parse_words(options, argc - optind, argv + optind, &late);
	if (rc < 0)
		rc = check(options, &late);
	if (rc >= 0 || options->directory)
		return rc;
	options->config = option_config(late.config, NULL);
	if (!options->config)
		return EXIT_CANNOT;
	options->directory = options->config->store_directory;
	return -1;
}

void report_options_free(struct report_options *options)
{
	config_free(options->config);
}
