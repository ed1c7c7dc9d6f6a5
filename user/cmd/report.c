/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report.c - `smtpsnoop report`: what the store knows
 *
 * The store belongs to the half that parses what attackers write, and is not trusted. Its directory is looked at and becomes the root
 * directory, the file's owner becomes the user, all other rights go; only then the file is opened, for reading. Somebody who is not root
 * but may read the store, as a member of its group, does so as himself. A page is written by a child that does the same (cmd/replace.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/escape.h"
#include "base/limits.h"
#include "base/msg.h"
#include "base/number.h"
#include "cmd/cmd.h"
#include "cmd/output.h"
#include "cmd/replace.h"
#include "cmd/report_ask.h"
#include "cmd/report_options.h"
#include "pass/rights.h"
#include "store/store.h"

#define SECOND UINT64_C(1000000000)
#define SHOWN 256 /* columns of a directory's name in a message */

struct reporting {
	const struct report_options *options;
	char shown[SHOWN]; /* the directory, escaped */
	char where[SHOWN]; /* what is written to */
	int64_t now; /* Unix ns */
	uint64_t deadline; /* CLOCK_BOOTTIME ns */
	FILE *out;
	struct text text;
};

static int cannot(const struct reporting *reporting, const char *why)
{
	msg_error("cannot read the store in %s: %s", reporting->shown, why);
	return EXIT_CANNOT;
}

/* What is in a directory that others may write to is not what the collector left there. *directory is open. -1 = go on. */
static int look(struct reporting *reporting, int *directory, struct stat *file)
{
	/* SQLite opens these too, and would wait for a FIFO's other end. */
	static const char *const beside[] = {STORE_NAME "-wal", STORE_NAME "-shm",
					     STORE_NAME "-journal"};
	struct stat folder, other;
	char why[64];

	*directory = open(reporting->options->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*directory < 0 && errno == ENOENT)
		return cannot(reporting, "there is none; smtpsnoop collect makes one");
	if (*directory < 0 && errno == ENOTDIR)
		return cannot(reporting,
			      "that is no directory; --store takes the one that has " STORE_NAME
			      " in it");
	if (*directory < 0 || fstat(*directory, &folder))
		return cannot(reporting, strerror(errno));
	if (folder.st_mode & (S_IWGRP | S_IWOTH))
		return cannot(reporting, "others than its owner may write to the directory");
	if (fstatat(*directory, STORE_NAME, file, AT_SYMLINK_NOFOLLOW))
		return cannot(reporting, errno == ENOENT
						 ? "there is none; \"smtpsnoop collect\" makes it"
						 : strerror(errno));
	if (!S_ISREG(file->st_mode))
		return cannot(reporting, STORE_NAME " is no regular file");
	for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]); i++)
		if (!fstatat(*directory, beside[i], &other, AT_SYMLINK_NOFOLLOW) &&
		    !S_ISREG(other.st_mode)) {
			snprintf(why, sizeof(why), "%s is no regular file", beside[i]);
			return cannot(reporting, why);
		}
	if (folder.st_uid && file->st_uid != folder.st_uid)
		return cannot(reporting, "directory and file belong to different users");
	return -1;
}

/* Root becomes the file's owner. Where that is root, or we are somebody else, the user stays. */
static int give_up_rights(struct reporting *reporting, int directory, const struct stat *file)
{
	const struct rights_user owner = {.uid = file->st_uid, .gid = file->st_gid};
	char error[256];
	int rc;

	setrlimit(RLIMIT_CPU, &(struct rlimit){LIMIT_REPORT_CPU, LIMIT_REPORT_CPU});
	tzset();
	rights_close_others(&directory, 1);
	if (geteuid() == 0 && owner.uid)
		rc = rights_confine(&owner, directory, -1, error, sizeof(error));
	else
		rc = rights_stay(directory, error, sizeof(error));
	if (rc) {
		msg_error("%s", error);
		return EXIT_FAILED;
	}
	if (geteuid() == 0)
		msg_warn("the store in %s is root's: it is read with root's user id, but without "
			 "any other right",
			 reporting->shown);
	return -1;
}

static void question(void *context)
{
	struct reporting *reporting = context;

	reporting->deadline = clock_ns(CLOCK_BOOTTIME) + LIMIT_REPORT_SECONDS * SECOND;
}

static bool enough(void *context)
{
	const struct reporting *reporting = context;

	return clock_ns(CLOCK_BOOTTIME) > reporting->deadline;
}

/* Spreadsheets have no place for it. */
static void warn_missing(const struct reporting *reporting, const struct report *report)
{
	struct text text = reporting->text;

	msg_warn("what is not known of this time:");
	text.out = stderr;
	text.colour = false;
	if (!report_missing(&text, report))
		fputs("  Nothing is known to be missing.\n", stderr);
}

static int show(struct reporting *reporting, const struct report *report, const char *failed)
{
	const struct report_options *options = reporting->options;

	if (options->kind == REPORT_ACTOR && !failed &&
	    !report->parts[REPORT_ROWS].table.all.connections) {
		msg_error("no connection of such an actor is in the store, in this time");
		return EXIT_FAILED;
	}
	if (options->json)
		report_json(reporting->out, report);
	else if (options->csv)
		report_csv(reporting->out, report);
	else if (options->html)
		report_html(reporting->out, report);
	else
		report_text(&reporting->text, report);
	if (!output_flush_to(reporting->out, reporting->where))
		return EXIT_FAILED;
	if (options->csv)
		warn_missing(reporting, report);
	if (!failed)
		return EXIT_DONE;
	msg_error("%s", failed);
	return EXIT_FAILED;
}

static int one_connection(struct reporting *reporting, struct query_store *store)
{
	const struct report_options *options = reporting->options;
	struct bytes record;
	uint64_t number;
	int64_t seq;
	int rc;

	if (number_parse(options->connection, 1, INT64_MAX, &number) == 0) {
		seq = (int64_t)number;
		rc = query_record(store, seq, &record);
	} else {
		rc = query_record_by_id(store, options->connection, &options->query, &seq, &record);
	}
	if (rc) {
		msg_error("%s", query_error(store));
		return EXIT_FAILED;
	}
	rc = options->json ? report_record_json(reporting->out, record)
			   : report_record_text(&reporting->text, seq, record);
	if (rc) {
		msg_error("the store is damaged: the record is no JSON");
		return EXIT_FAILED;
	}
	return output_flush(reporting->out) ? EXIT_DONE : EXIT_FAILED;
}

static int run(struct reporting *reporting)
{
	const struct query_options how = {
		.path = STORE_NAME, .begin = question, .enough = enough, .context = reporting};
	struct query_store *store;
	struct report report;
	const char *failed;
	char error[512];
	int status;

	question(reporting);
	store = query_open(&how, error, sizeof(error));
	if (!store)
		return cannot(reporting, error);
	if (reporting->options->connection) {
		status = one_connection(reporting, store);
	} else {
		failed = report_ask(&report, store, reporting->options, reporting->now);
		status = show(reporting, &report, failed);
		report_free(&report);
	}
	query_close(store);
	return status;
}

static int prepare(struct reporting *reporting)
{
	struct present_options how = {.json = reporting->options->json};
	const char *directory = reporting->options->directory;

	signal(SIGPIPE, SIG_IGN);
	escape_text(reporting->shown, sizeof(reporting->shown), directory, strlen(directory), NULL);
	if (!output_describe(&how)) {
		msg_error("out of memory");
		return EXIT_FAILED;
	}
	reporting->out = how.out;
	reporting->text.out = how.out;
	reporting->text.colour = how.colour;
	reporting->text.layout = layout_for(how.width);
	return -1;
}

/* From here on it may be a child that goes on, with the new file for standard output. */
static int begin_file(struct reporting *reporting)
{
	const char *file = reporting->options->html;

	if (!file || strcmp(file, "-") == 0) {
		snprintf(reporting->where, sizeof(reporting->where), "standard output");
		return -1;
	}
	escape_text(reporting->where, sizeof(reporting->where), file, strlen(file), NULL);
	return replace_file(file, reporting->where);
}

int cmd_report(int argc, char **argv)
{
	struct report_options options;
	struct reporting reporting = {.options = &options,
				      .now = (int64_t)clock_ns(CLOCK_REALTIME)};
	struct stat file;
	int directory = -1;
	int status = report_options_parse(&options, argc, argv, reporting.now);

	if (status < 0)
		status = begin_file(&reporting);
	if (status < 0)
		status = prepare(&reporting);
	if (status < 0)
		status = look(&reporting, &directory, &file);
	if (status < 0)
		status = give_up_rights(&reporting, directory, &file);
	if (status < 0)
		status = run(&reporting);
	if (reporting.out)
		fclose(reporting.out);
	report_options_free(&options);
	return status;
}
