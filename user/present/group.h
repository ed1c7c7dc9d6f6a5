/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * group.h - one actor of the summary: what all of its connections have in common, and what they came to
 */
#ifndef SMTPSNOOP_GROUP_H
#define SMTPSNOOP_GROUP_H

#include "base/hash.h"
#include "present/advice.h"
#include "present/label_script.h"
#include "present/text.h"

#define GROUP_PROCESS 256
#define GROUP_REQUEST 200 /* whoever asks chooses how long it is */
#define GROUP_REPLY 256

/* Different destinations, exact up to LIMIT_SUMMARY_HOSTS. Grows by doubling. */
struct hosts {
	uint8_t (*slots)[16];
	unsigned int room, count; /* room is a power of two */
	bool over; /* there are more */
};

struct sums {
	uint64_t connections, messages, recipients, refused;
	uint64_t unanswered; /* never established */
	uint64_t reasons;
	uint64_t first, last; /* CLOCK_BOOTTIME ns */
};

/* Different words, the first of them by their text; escaped. Without memory one is only counted. */
#define GROUP_WORDS 4
struct word_list {
	char *words[GROUP_WORDS];
	unsigned int kept;
	bool more;
};

/* Hashed as bytes: zeroed before it is filled. */
struct group_key {
	uint32_t class; /* enum verdict_class */
	uint32_t uid;
	struct label label;
};

struct group {
	struct group_key key;
	struct sums sums;
	char user[4 * ENRICHMENT_NAME_MAX];
	char where[LABEL_SUFFIX]; /* in the script, of all; "" = not known, or in several places */
	/* Of the last connection, escaped; "" = none. */
	char request[GROUP_REQUEST];
	char process[GROUP_PROCESS]; /* words to find it */
	struct word_list callers,
		programs; /* where the script was called from; what it had started */
	struct advice advice; /* on those that are open */
	uint64_t
		running; /* since when the oldest of the processes has been, CLOCK_BOOTTIME ns; 0 = not known */
	struct hosts hosts;
	uint16_t worst_code; /* 0 = nobody refused */
	const char *blocklist;
	uint64_t worst_times; /* connections whose worst reply had this code */
	char worst[GROUP_REPLY]; /* escaped */
	UT_hash_handle hh;
};

void sums_add(struct sums *sums, const struct connection *connection);
void hosts_add(struct hosts *hosts, const uint8_t address[16]);
/* where: in the script. recipients: their names may be shown. */
void group_add(struct group *group, const struct connection *connection,
	       const struct socket_seen *socket, const char *where, bool recipients);
void group_print(const struct group *group, const struct text *text, int64_t wall_minus_boot);
void group_free(struct group *group);

/*
 * "412 connections to 388 hosts, 12 messages accepted, 1204 recipients refused". hosts may be NULL. unheard: of messages nobody
 * knows. */
void sums_words(char *out, size_t size, const struct sums *sums, const struct hosts *hosts,
		bool unheard);

#endif
