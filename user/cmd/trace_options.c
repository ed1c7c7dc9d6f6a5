/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * trace_options.c - the command line of `smtpsnoop trace`, `snapshot` and `collect`, checked before anything is touched
 *
 * Every mistake is one sentence and exit status 2.
 */
#include "cmd/trace_options.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/msg.h"
#include "cmd/evidence_list.h"
#include "cmd/options.h"
#include "judge/verdict.h"

#define RING_MIN 65536 /* 16 pages: some 20 connections */
#define RING_MAX (1u << 30)
#define WATCH_SECONDS 5 /* a dialogue that is not stuck says something in that time */
#define WATCH_MAX 86400

#define HELP_VERDICT                                                                               \
	"      --verdict LIST     show these verdicts only: mta, local, relay, bypass,\n"          \
	"                         impostor, unknown (the summary still counts all)\n"
#define HELP_ELSE                                                                                  \
	"Else:\n"                                                                                  \
	"      --config FILE      instead of " OPTION_CONFIG_PATH "\n"                             \
	"      --backend NAME     use this send hook: fentry, tracepoint or kprobe\n"              \
	"      --ring-size BYTES  of the kernel's buffer, a power of two (8388608)\n"              \
	"  -v, --verbose          tell what the program itself does\n"                             \
	"  -h, --help\n"

static const char help_trace[] =
	"usage: smtpsnoop trace [OPTION]...\n"
	"\n"
	"Shows every outbound SMTP connection of this host as it ends: who opened it,\n"
	"what was said, what was answered, and whether the host's own MTA did it.\n"
	"\n"
	"Which connections:\n"
	"  -c, --cgroup PATH      of this cgroup and below it only (cgroup v2)\n"
	"  -u, --uid USER         opened by this user (name or number) only\n"
	"  -p, --pid PID          opened by this process only\n"
	"  -P, --port LIST        further SMTP ports, beside 25, 465 and 587 "
	"(\"2525,26\")\n" HELP_VERDICT "How long:\n"
	"  -d, --duration SECONDS end after so many seconds\n"
	"  -n, --count N          end after N connections were shown\n"
	"What is shown:\n"
	"  -j, --json             NDJSON, one object a line\n"
	"  -e, --events           also every step: open, commands, replies, close\n"
	"      --recipients       keep recipients' full addresses, not just domains\n"
	"  -x, --exit-code        exit status 3 if a bypass or an impostor was seen\n" HELP_ELSE;

static const char help_snapshot[] =
	"usage: smtpsnoop snapshot [OPTION]...\n"
	"\n"
	"Shows every outbound SMTP connection that is open at this moment, in every\n"
	"network namespace: who holds it, what is said on it meanwhile, how it stands\n"
	"with TCP, and what would stop it. Nothing on the host is changed.\n"
	"\n"
	"Which connections:\n"
	"  -c, --cgroup PATH      of this cgroup and below it only (cgroup v2)\n"
	"  -u, --uid USER         of this user (name or number) only\n"
	"  -p, --pid PID          held by this process only\n"
	"  -P, --port LIST        further SMTP ports, beside 25, 465 and 587 "
	"(\"2525,26\")\n" HELP_VERDICT
	"  -w, --watch SECONDS    look at what is said for so long (5), so that other\n"
	"                         ports prove to be SMTP; 0 = only what is there\n"
	"What is shown:\n"
	"  -j, --json             NDJSON, one object a line\n"
	"      --recipients       keep recipients' full addresses, not just domains\n"
	"      --environ          the processes' environment with its values, which may\n"
	"                         be passwords\n"
	"  -x, --exit-code        exit status 3 if a bypass or an impostor was seen\n"
	"What is kept:\n"
	"      --evidence DIR     a new directory with executables, scripts and what /proc\n"
	"                         says of suspects, our records, and SHA-256 of all of it;\n"
	"                         an archive where the name ends in .tar.zst\n"
	"      --verify DIR       compare such a directory or archive with its list\n" HELP_ELSE;

static const char help_collect[] =
	"usage: smtpsnoop collect [OPTION]...\n"
	"\n"
	"Runs as a service and keeps every outbound SMTP connection of this host in a\n"
	"store, for weeks. Runs in the foreground; SIGHUP reads the configuration again,\n"
	"SIGTERM writes what waits and ends it.\n"
	"\n"
	"Which connections:\n"
	"  -c, --cgroup PATH      of this cgroup and below it only (cgroup v2)\n"
	"  -P, --port LIST        further SMTP ports, beside 25, 465 and 587 "
	"(\"2525,26\")\n"
	"Where to:\n"
	"      --store DIR        instead of the configuration's (" CONFIG_STORE ")\n"
	"      --metrics WHERE    tell Prometheus at 127.0.0.1:9925, [::1]:9925, or a "
	"path\n" HELP_ELSE;

enum {
	OPTION_VERDICT = 256,
	OPTION_RECIPIENTS,
	OPTION_CONFIG,
	OPTION_BACKEND,
	OPTION_RING_SIZE,
	OPTION_EVIDENCE,
	OPTION_VERIFY,
	OPTION_ENVIRON,
	OPTION_STORE,
	OPTION_METRICS,
};

#define KERNEL_OPTIONS                                                                             \
	{"cgroup", required_argument, NULL, 'c'}, {"port", required_argument, NULL, 'P'},          \
		{"config", required_argument, NULL, OPTION_CONFIG},                                \
		{"backend", required_argument, NULL, OPTION_BACKEND},                              \
		{"ring-size", required_argument, NULL, OPTION_RING_SIZE},                          \
		{"verbose", no_argument, NULL, 'v'},                                               \
	{                                                                                          \
		"help", no_argument, NULL, 'h'                                                     \
	}

#define SHOW_OPTIONS                                                                               \
	{"uid", required_argument, NULL, 'u'}, {"pid", required_argument, NULL, 'p'},              \
		{"verdict", required_argument, NULL, OPTION_VERDICT},                              \
		{"json", no_argument, NULL, 'j'},                                                  \
		{"recipients", no_argument, NULL, OPTION_RECIPIENTS},                              \
	{                                                                                          \
		"exit-code", no_argument, NULL, 'x'                                                \
	}

#define OPTIONS_END                                                                                \
	{                                                                                          \
		NULL, 0, NULL, 0                                                                   \
	}

static const struct option options_trace[] = {KERNEL_OPTIONS,
					      SHOW_OPTIONS,
					      {"duration", required_argument, NULL, 'd'},
					      {"count", required_argument, NULL, 'n'},
					      {"events", no_argument, NULL, 'e'},
					      OPTIONS_END};

static const struct option options_snapshot[] = {
	KERNEL_OPTIONS,
	SHOW_OPTIONS,
	{"watch", required_argument, NULL, 'w'},
	{"evidence", required_argument, NULL, OPTION_EVIDENCE},
	{"verify", required_argument, NULL, OPTION_VERIFY},
	{"environ", no_argument, NULL, OPTION_ENVIRON},
	OPTIONS_END};

static const struct option options_collect[] = {
	KERNEL_OPTIONS,
	{"store", required_argument, NULL, OPTION_STORE},
	{"metrics", required_argument, NULL, OPTION_METRICS},
	OPTIONS_END};

/* By enum live_mode. */
static const struct mode {
	const char *name, *help, *letters;
	const struct option *options;
} modes[] = {
	[LIVE_TRACE] = {"trace", help_trace, ":c:u:p:P:d:n:jexvh", options_trace},
	[LIVE_SNAPSHOT] = {"snapshot", help_snapshot, ":c:u:p:P:w:jxvh", options_snapshot},
	[LIVE_COLLECT] = {"collect", help_collect, ":c:P:vh", options_collect},
};

static int parse_backend(const char *value, struct trace_options *options)
{
	for (int hook = HOOK_SEND_FENTRY; hook <= HOOK_SEND_KPROBE; hook++) {
		if (strcmp(value, hook_backend(hook)) != 0)
			continue;
		options->tracer.backend = hook_backend(hook);
		return -1;
	}
	return option_wrong("--backend", value, "known are fentry, tracepoint, kprobe");
}

static int parse_ring(const char *value, struct trace_options *options)
{
	uint64_t bytes;
	int rc = option_number("--ring-size", value, RING_MIN, RING_MAX, &bytes);

	if (rc >= 0)
		return rc;
	if (bytes & (bytes - 1))
		return option_wrong("--ring-size", value, "a power of two is needed");
	options->tracer.ring_bytes = bytes;
	return -1;
}

/* A directory of such a name would surprise. */
static bool is_other_archive(const char *path)
{
	static const char *const ends[] = {".tar",     ".tgz", ".tar.gz", ".tar.xz",
					   ".tar.bz2", ".zip", ".zst"};

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (bytes_end(bytes_of(path), ends[i]) && !evidence_is_archive(path))
			return true;
	return false;
}

static int parse_one(int option, char **argv, const struct mode *mode,
		     struct trace_options *options)
{
	uint64_t number = 0;
	int rc = -1;

	switch (option) {
	case 'c':
		options->tracer.cgroup = optarg;
		break;
	case 'u':
		options->tracer.has_uid = true;
		return option_uid(optarg, &options->tracer.uid);
	case 'p':
		rc = option_number("--pid", optarg, 1, 1 << 22, &number);
		options->tracer.has_pid = true;
		options->tracer.pid = number;
		if (rc < 0 && kill((pid_t)number, 0) && errno == ESRCH)
			return option_wrong("--pid", optarg, "there is no such process");
		break;
	case 'P':
		options->ports = optarg;
		break;
	case 'd':
		return option_number("--duration", optarg, 1, 100 * 365 * 86400ULL,
				     &options->duration);
	case 'w':
		return option_number("--watch", optarg, 0, WATCH_MAX, &options->duration);
	case 'n':
		return option_number("--count", optarg, 1, UINT64_MAX, &options->count);
	case 'j':
		options->json = true;
		break;
	case 'e':
		options->events = true;
		break;
	case 'x':
		options->exit_code = true;
		break;
	case 'v':
		msg_verbose(true);
		break;
	case 'h':
		fputs(mode->help, stdout);
		return option_flushed();
	case OPTION_VERDICT:
		return option_verdicts(optarg, &options->verdicts);
	case OPTION_EVIDENCE:
		if (is_other_archive(optarg))
			return option_wrong("--evidence", optarg,
					    "the name of an archive ends in " EVIDENCE_ARCHIVE);
		options->evidence = optarg;
		break;
	case OPTION_VERIFY:
		options->verify = optarg;
		break;
	case OPTION_ENVIRON:
		options->environ = true;
		break;
	case OPTION_STORE:
		options->store = optarg;
		break;
	case OPTION_METRICS:
		options->metrics = optarg;
		break;
	case OPTION_RECIPIENTS:
		options->recipients = true;
		break;
	case OPTION_CONFIG:
		options->config_path = optarg;
		break;
	case OPTION_BACKEND:
		return parse_backend(optarg, options);
	case OPTION_RING_SIZE:
		return parse_ring(optarg, options);
	default:
		return option_refused(option, argv, mode->options, mode->name);
	}
	return rc;
}

int trace_options_parse(struct trace_options *options, enum live_mode which, int argc, char **argv)
{
	const struct mode *mode = &modes[which];
	int option, rc;

	memset(options, 0, sizeof(*options));
	options->snapshot = which == LIVE_SNAPSHOT;
	options->duration = options->snapshot ? WATCH_SECONDS : 0;
	options->verdicts = (1u << VERDICT_CLASSES) - 1;
	optind = 1;
	opterr = 0;
	while ((option = getopt_long(argc, argv, mode->letters, mode->options, NULL)) != -1) {
		rc = parse_one(option, argv, mode, options);
		if (rc >= 0)
			return rc;
	}
	if (optind < argc) {
		char words[80];

		snprintf(words, sizeof(words), "no arguments are taken; see smtpsnoop %s --help",
			 mode->name);
		return option_wrong(mode->name, argv[optind], words);
	}
	if (options->verify && (options->evidence || options->json))
		return option_wrong("--verify", options->verify, "no other option goes with it");
	options->config = option_config(options->config_path, options->ports);
	if (!options->config ||
	    (which == LIVE_COLLECT && !option_alerts(options->config, options->config_path)))
		return EXIT_CANNOT;
	if (which == LIVE_COLLECT && !options->store)
		options->store = options->config->store_directory;
	options->tracer.ports = options->config->ports;
	options->tracer.port_count = options->config->port_count;
	options->tracer.adopt_all = options->snapshot;
	options->tracer.only_existing = options->snapshot && !options->duration;
	return -1;
}

void trace_options_free(struct trace_options *options)
{
	config_free(options->config);
}
