/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * store.h - the history on disk: every connection in full for some months, roll-ups by the hour and the day for longer
 *
 * For one writer, who never waits: a row is copied into a bounded queue and leaves it when its commit has returned. What
 * cannot be written now (disk full, locked, gone) is tried again every second; what the queue has no room for is counted and
 * an event row says so. Pure of clocks: `now` is Unix time in ns, and may step either way. What the tables mean is in
 * store/schema.c; store/reader.h is for those who read.
 */
#ifndef SMTPSNOOP_STORE_H
#define SMTPSNOOP_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "judge/verdict.h"

#define STORE_NAME "store.db"
#define STORE_NO_UID UINT32_MAX
/* The executable of an actor that stands for all that came after LIMIT_STORE_ACTORS of its user on a day: no path. */
#define STORE_OTHER_ACTORS "(others)"

struct store_options {
	const char *path; /* absolute and without symbolic links; its directory exists. Copied. */
	uint32_t days,
		rollup_days; /* whole UTC days kept before today's; 0 = LIMIT_STORE_DAYS, LIMIT_STORE_ROLLUP_DAYS */
	uint64_t bytes; /* the file's size; 0 = LIMIT_STORE_BYTES */
};

/* Texts with length 0 are not known. The JSON texts have no braces around them and no comma at their ends. */
struct store_row {
	int64_t start; /* Unix ns; of a connection that was there before, when it was first seen */
	uint64_t cookie; /* the socket's, by which event.id ends */
	enum verdict_class verdict;
	uint64_t reasons; /* as in struct verdict */
	uint32_t uid; /* STORE_NO_UID = not known */
	struct bytes user, exe, script, with, service, container,
		cgroup; /* with: the script's other file (present/record_script.h) */
	uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
	uint16_t port;
	struct bytes helo;
	struct bytes reply; /* "250", "550", "554 zen.spamhaus.org", "tls"; none was heard: empty */
	uint32_t messages, accepted, recipients, refused;
	bool attempt_only, refusal, blocklisted;
	uint64_t bytes_out;
	struct bytes process_json; /* members that are the same for all connections of a process */
	struct bytes rest_json; /* all others */
};

/* Kinds of the event table. Never renumbered. */
enum store_event {
	STORE_EVENT_STARTED = 1,
	STORE_EVENT_ENDED = 2,
	STORE_EVENT_LOST_KERNEL = 3, /* number = connections counted only */
	STORE_EVENT_LOST_STORE =
		4, /* number = rows; by the store itself, once it can write again */
	STORE_EVENT_CLOCK = 5, /* number = ns of the step, as two's complement */
	STORE_EVENT_ADOPTED = 6, /* number = connections that were open before the start */
	STORE_EVENT_UNCLEAN =
		7, /* the last STARTED has no ENDED; by the store itself, when it is first opened */
	STORE_EVENT_DAMAGED =
		8, /* a damaged store was put aside, this is a new one; by the store itself */
};

enum store_status {
	STORE_OK = 0,
	STORE_FULL, /* the disk is */
	STORE_LOCKED, /* another program writes to it */
	STORE_DAMAGED, /* and putting it aside failed */
	STORE_GONE, /* the file or its directory was deleted or replaced */
	STORE_READONLY, /* read-only, or not ours to write */
	STORE_FAILED, /* any other error of the file system */
	STORE_NEWER, /* made by a newer smtpsnoop */
	STORE_FOREIGN, /* another program's database */
};

struct store_state {
	enum store_status status; /* of the last try */
	uint64_t queued, queued_bytes; /* rows that wait, and the memory that they take */
	uint64_t written, lost; /* rows since store_open() */
	uint64_t bytes; /* of the file and its write-ahead log */
	int64_t last_commit; /* Unix ns of the last that returned; 0 = none yet */
	int64_t oldest; /* Unix ns: when the row that waits longest was added; 0 = none waits */
};

struct store;

/*
 * Never fails for want of a file: a store that can't be opened is tried again every second, and store_state() says why.
 * NULL = out of memory.
 */
struct store *store_open(const struct store_options *options, int64_t now);

/* Copies the row; one that the queue has no room for is lost and counted. */
void store_add(struct store *store, const struct store_row *row, int64_t now);

/* `words` may be NULL; at most LIMIT_STORE_WORDS bytes of them are kept, and they must be printable. Events are never lost while
 * the store is open: over LIMIT_STORE_EVENTS those that wait are added up by kind. */
void store_event(struct store *store, enum store_event event, uint64_t number, const char *words,
		 int64_t now);

/*
 * Commits what has waited for a second, or LIMIT_STORE_BATCH rows; opens again what could not be opened; one small step of
 * retention. At most one batch and one step a call. Returns ns until it wants to be called again, 0 = at once.
 */
int64_t store_tick(struct store *store, int64_t now);

/* Writes what waits, as far as that is possible at once. NULL is fine. */
void store_close(struct store *store, int64_t now);

void store_state(const struct store *store, struct store_state *state);

/* "the disk is full": the rest of a sentence that begins with "the store cannot be written: ". */
const char *store_status_text(enum store_status status);

#endif
