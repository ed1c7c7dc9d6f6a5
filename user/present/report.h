/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report.h - what a store answered, and its forms: text, JSON, CSV, HTML
 *
 * Pure: the time is in the report, the output a FILE. Write errors stay in the FILE.
 */
#ifndef SMTPSNOOP_REPORT_H
#define SMTPSNOOP_REPORT_H

#include "base/limits.h"
#include "present/text.h"
#include "store/query.h"

enum report_kind {
	REPORT_OVERVIEW,
	REPORT_TABLE, /* by one thing */
	REPORT_ACTOR, /* a time line of one */
};

enum report_what {
	REPORT_VERDICTS,
	REPORT_ROWS, /* who; of REPORT_TABLE whatever was asked for */
	REPORT_DESTINATIONS,
	REPORT_REPLIES,
	REPORT_HOURS,
	/* A page has these as well: */
	REPORT_USERS,
	REPORT_SERVICES,
	REPORT_OWN, /* who did not go round the MTA */
	REPORT_OWN_HOURS,
	REPORT_PARTS
};

struct report_part {
	bool asked;
	int failed; /* -errno: there is no answer */
	char error[QUERY_ERROR];
	struct query_table table;
};

/* Texts escaped, and cut. */
struct report_connection {
	int64_t seq, start;
	enum verdict_class verdict;
	char destination[64]; /* with the port */
	uint32_t messages, accepted, recipients, refused;
	char helo[128], reply[128];
};

struct report {
	enum report_kind kind;
	char host[65]; /* escaped; "" = not known */
	int64_t now; /* Unix ns */
	const struct query *query; /* as it was asked; query->by counts for REPORT_TABLE */
	bool selected; /* not all of the host was asked for */
	bool verdicts; /* only some were asked for by name */
	struct query_extent extent;
	struct report_part parts[REPORT_PARTS];
	struct query_known known;
	int known_failed;
	struct report_connection first[LIMIT_REPORT_FIRST],
		last[LIMIT_REPORT_FIRST]; /* none is in both */
	unsigned int first_count, last_count;
};

/* Filled by the parts in turn; this frees what they hold. */
void report_free(struct report *report);

void report_text(const struct text *text, const struct report *report);
void report_json(FILE *out, const struct report *report);
void report_csv(FILE *out, const struct report *report);
/* A page that needs nothing else; of an overview or an actor. */
void report_html(FILE *out, const struct report *report);

/* What is not known of the time that was asked for, in sentences; false: nothing is known to be missing, and nothing was written. */
bool report_missing(const struct text *text, const struct report *report);
/* The same, each sentence given to `say`; it is escaped as text. */
bool report_missing_each(const struct report *report, void (*say)(void *context, const char *words),
			 void *context);
/* When the last connection that is stored was opened, and that open ones are not stored yet. */
#define REPORT_LAST 192
void report_last(char out[REPORT_LAST], const struct report *report);

/* One connection in full. The record is JSON as query_record() gives it. 0, or -EBADMSG: it is none; nothing has been written. */
int report_record_text(const struct text *text, int64_t seq, struct bytes record);
int report_record_json(FILE *out, struct bytes record);

/* What a row of a table is of, for people: "www-data", "no script"; not escaped. `room` is used where it is made up. */
#define REPORT_NAME 64
struct bytes report_name(enum query_by by, const struct query_row *row, char room[REPORT_NAME]);

/*
 * What was selected, each given to `say`: "a script with" and a value that is not escaped, quoted where it is a part of a name that
 * somebody wrote. Nothing is said of a report of the whole host.
 */
typedef void report_selected_fn(void *context, const char *name, struct bytes value, bool quoted);
void report_selected_each(const struct report *report, report_selected_fn *say, void *context);

/* What the report is of, as far as there is anything known: Unix ns, [since, until). */
void report_period(const struct report *report, int64_t *since, int64_t *until);

/* "2 h 10 min", "3 days". */
#define REPORT_SPAN 32
void report_span(char out[REPORT_SPAN], int64_t ns);
/* "2026-11-22 03:12", "11-22 03:12"; local. */
#define REPORT_DATE 24
void report_date(char out[REPORT_DATE], int64_t unix_ns);
/* Both; with seconds where they are of the same minute. */
void report_dates(char since[REPORT_DATE], char until[REPORT_DATE], int64_t begin, int64_t end);
void report_date_short(char out[REPORT_DATE], int64_t unix_ns);

#endif
