/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * query.h - questions to a store, for those who read
 *
 * The file belongs to the half that parses what attackers write, and is not trusted: it is opened for reading only, its schema
 * runs nothing, and no answer takes longer than the reader allows. Texts of answers are any bytes. One reader is one transaction:
 * all answers are of one moment. Functions return 0 or -errno; query_error() has the sentence.
 */
#ifndef SMTPSNOOP_QUERY_H
#define SMTPSNOOP_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "judge/verdict.h"

#define QUERY_NO_UID UINT32_MAX
#define QUERY_ERROR 256

enum query_by {
	QUERY_BY_WHO, /* script with its other file, or else executable, user, service, container: all cgroups of it together */
	QUERY_BY_USER,
	QUERY_BY_EXE,
	QUERY_BY_SCRIPT,
	QUERY_BY_SERVICE,
	QUERY_BY_CONTAINER,
	QUERY_BY_CGROUP,
	QUERY_BY_DESTINATION,
	QUERY_BY_HELO,
	QUERY_BY_REPLY,
	QUERY_BY_VERDICT,
	QUERY_BY_HOUR,
	QUERY_BYS
};

const char *query_by_name(enum query_by by); /* "who" */
int query_by_named(const char *name); /* enum query_by, or -1 */
static inline bool query_by_actor(enum query_by by)
{
	return by <= QUERY_BY_CGROUP;
}
/* Counted by the day: when the first and the last one was is not known. */
static inline bool query_by_value(enum query_by by)
{
	return by >= QUERY_BY_DESTINATION && by <= QUERY_BY_REPLY;
}

/* What is asked. Texts are borrowed; NULL = any. */
struct query {
	enum query_by by; /* of a table that is asked for alone; wants have their own */
	int64_t since, until; /* Unix ns, [since, until); INT64_MAX = no end */
	uint32_t verdicts; /* 1 << enum verdict_class */
	bool has_uid;
	uint32_t uid;
	const char *cgroup; /* this one and below it */
	const char *exe, *script, *service, *helo; /* a part of each */
	const char *
		who; /* a part of the script, its other file, the executable, the user, the service, the container or the cgroup */
	int64_t actor; /* an actor's id: all that QUERY_BY_WHO puts together with it; 0 = any */
	bool has_net;
	uint8_t net[16], prefix; /* the destination's, as address_parse() gives them */
	const uint16_t *ports;
	unsigned int port_count;
};

/* Which of it comes from where: roll-ups of whole hours or days, connections at their ends. */
struct query_plan {
	int64_t unit; /* ns of one roll-up; 0 = connections only */
	int64_t from, to; /* roll-ups [from, to), in units; from >= to: none */
	struct query_span {
		int64_t since, until; /* Unix ns; since >= until: none */
	} details[2];
	int64_t since, until; /* what the answer is of */
	bool since_moved,
		until_moved; /* as connections in full are not kept that long: the answer has a broader, or a shorter, span */
};

struct query_sums {
	uint64_t connections, messages, accepted, recipients, refused;
	uint64_t attempts_only, refusals, blocklisted; /* connections; not known by value */
	uint64_t verdicts[VERDICT_CLASSES]; /* connections */
	int64_t first, last; /* Unix ns; 0 = not known */
};

/* Connections that went round the MTA. */
uint64_t query_round(const struct query_sums *sums);

struct query_actor {
	int64_t id;
	uint32_t uid; /* QUERY_NO_UID = not known */
	struct bytes user, exe, script, with, service, container,
		cgroup; /* as in struct store_row */
};

struct query_row {
	struct query_sums sums;
	uint64_t actors; /* that this row puts together */
	struct query_actor actor; /* the latest of them */
	int64_t hour; /* by hour: Unix ns of its beginning */
	enum verdict_class verdict; /* by verdict */
	struct bytes value; /* by destination, helo, reply; length 0 = none was said or heard */
	char *texts; /* what all of these lie in */
};

struct query_table {
	enum query_by by;
	struct query_plan plan;
	struct query_row
		*rows; /* those that went round the MTA most come first; hours in their order */
	unsigned int count;
	uint64_t groups; /* all rows that there would be */
	struct query_sums all; /* of all of them */
	struct query_sums rest; /* of those that are not among `rows` */
	struct query_sums
		others; /* values that the store had no room to keep apart; part of all, not of rest */
};

/* What the store has. */
struct query_extent {
	int64_t created; /* Unix ns; 0 = not known */
	int64_t details_since; /* connections in full are complete from then on; 0 = from the beginning */
	int64_t days_since; /* destinations, HELOs and answers are known from that day on; 0 = none is */
	int64_t first, last; /* connections: the first known, the latest opened; 0 = none */
};

struct query_event {
	int64_t time;
	int kind; /* enum store_event */
	int64_t number; /* above INT64_MIN */
	struct bytes words;
};

/* When the collector did not run, or is not known to have. */
struct query_gap {
	int64_t since, until; /* until INT64_MAX: and does not run now */
	bool unclean; /* it did not end by itself: since is when it was last heard of */
};

struct query_known {
	struct query_event *events; /* but for those that the gaps tell; texts lie in `texts` */
	unsigned int count;
	struct query_gap *gaps;
	unsigned int gap_count;
	char *texts;
};

struct query_connection {
	int64_t seq, start;
	enum verdict_class verdict;
	uint64_t reasons;
	char destination[48];
	uint16_t port;
	uint32_t messages, accepted, recipients, refused;
	struct bytes helo, reply; /* until the callback returns */
	struct query_actor actor;
};

struct query_store;

struct query_options {
	const char *path;
	void (*begin)(
		void *context); /* a question that may take long begins; NULL = nobody wants to know */
	/* Asked now and then while an answer is worked on: true = it takes too long. NULL = never. */
	bool (*enough)(void *context);
	void *context;
};

/* NULL: it is no store that can be read; `error` has the sentence. */
struct query_store *query_open(const struct query_options *options, char *error, size_t error_size);
void query_close(struct query_store *store); /* NULL is fine */
const char *query_error(
	const struct query_store *store); /* of the last call that failed; for people, printable */

const struct query_extent *query_extent(const struct query_store *store);

/* Pure. unit: ns of the roll-ups that the question can be answered from; 0 = there are none. */
struct query_plan query_plan(int64_t since, int64_t until, int64_t unit, int64_t details_since);

/* One table of several that are made in one go. */
struct query_want {
	enum query_by by;
	uint32_t verdicts; /* 1 << enum verdict_class */
	unsigned int top; /* rows; the sums are of all */
	struct query_table *table; /* free it with query_table_free(), also after an error */
};

/* All of them by values, or none; query->by and query->verdicts do not count. `count` is not 0. */
int query_tables(struct query_store *store, const struct query *query,
		 const struct query_want *wants, unsigned int count);
void query_table_free(struct query_table *table);

/* Events and gaps of [since, until), in order. Free with query_known_free(), also after an error. */
int query_known(struct query_store *store, int64_t since, int64_t until, struct query_known *known);
void query_known_free(struct query_known *known);

/* Connections in full, the first or the last `count` of them, in that order. */
int query_connections(struct query_store *store, const struct query *query, bool last,
		      unsigned int count,
		      void (*take)(void *context, const struct query_connection *connection),
		      void *context);

/*
 * A connection's record, the JSON of `trace --json`, until the next one. -ENOENT: there is none. By event.id all connections between
 * since and until are looked at, the latest first.
 */
int query_record(struct query_store *store, int64_t seq, struct bytes *json);
int query_record_by_id(struct query_store *store, const char *id, const struct query *query,
		       int64_t *seq, struct bytes *json);

#endif
