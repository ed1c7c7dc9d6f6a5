/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * main.c - smtpsnoop's subcommands
 *
 * Wrong usage is one sentence on standard error and exit status 2.
 */
#include <errno.h>
#include <fcntl.h>
#ifdef LINKED_STATICALLY
#include <nss.h>
#endif
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/msg.h"
#include "cmd/cmd.h"
#include "cmd/options.h"

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
};

static const struct command commands[] = {
	{"trace", cmd_trace, "what is happening now: a line a connection, a summary at the end"},
	{"snapshot", cmd_snapshot, "what is open at this moment, and what would stop it"},
	{"collect", cmd_collect, "keeps what happens in a store, as a service"},
	{"report", cmd_report, "what the collector's store knows: who sent what, since when"},
	{"read", cmd_read, "the same analysis of a capture file"},
	{"features", cmd_features, "what this kernel offers and which hooks are used"},
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void usage(FILE *out)
{
	fprintf(out,
		"smtpsnoop " SMTPSNOOP_VERSION " - who on this machine is really sending mail?\n\n"
		"usage: smtpsnoop COMMAND [OPTION]...\n\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fprintf(out, "\n\"smtpsnoop COMMAND --help\" tells the options; smtpsnoop(8) the rest.\n");
}

/* What is opened next must not become a standard stream. False = there is no standard output to write to. */
static bool open_standard(void)
{
	bool out = true;

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
			continue;
		if (open("/dev/null", O_RDWR) != fd || fd == STDOUT_FILENO)
			out = false;
	}
	return out;
}

#ifdef LINKED_STATICALLY
/* What glibc loads for names is built for a program that loads all of glibc: in this one it crashes (systemd's, in Debian 12). */
static void names_from_files(void)
{
	__nss_configure_lookup("passwd", "files");
	__nss_configure_lookup("group", "files");
	__nss_configure_lookup("hosts", "files");
}
#else
static void names_from_files(void)
{
}
#endif

int main(int argc, char **argv)
{
	char shown[80];

	names_from_files();
	signal(SIGXFSZ, SIG_IGN); /* a file at its limit is an error to report, not our death */
	if (!open_standard()) {
		msg_error("standard output is closed");
		return EXIT_FAILED;
	}
	if (argc < 2) {
		usage(stderr);
		return EXIT_CANNOT;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		usage(stdout);
		return option_flushed();
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		printf("smtpsnoop " SMTPSNOOP_VERSION "\n");
		return option_flushed();
	}
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	escape_text(shown, sizeof(shown), argv[1], strlen(argv[1]), NULL);
	if (argv[1][0] == '-') {
		msg_error("a command is missing before \"%s\"; \"smtpsnoop --help\" names them",
			  shown);
		return EXIT_CANNOT;
	}
	msg_error("unknown command \"%s\"; \"smtpsnoop --help\" names them", shown);
	return EXIT_CANNOT;
}
