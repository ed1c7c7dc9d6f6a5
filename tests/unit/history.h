/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * history.h - a store with some days of random connections, and the same connections in memory to count again
 */
#ifndef SMTPSNOOP_TEST_HISTORY_H
#define SMTPSNOOP_TEST_HISTORY_H

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "store/query_internal.h"
#include "store/store.h"

#define H_SECOND INT64_C(1000000000)
#define H_HOUR (3600 * H_SECOND)
#define H_DAY (24 * H_HOUR)
#define H_BEGIN (INT64_C(20640) * H_DAY) /* a midnight in UTC */
#define H_DAYS 6
#define H_ROWS 4000
#define H_NOW (H_BEGIN + H_DAYS * H_DAY + 7 * H_HOUR + 41)

struct past {
	struct store_row row;
	char address[48], json[96];
};

static struct past past[H_ROWS];
static char h_directory[64], h_path[96];

static const char *const h_users[] = {"www-data", "postfix", "", "root", "bob\xff\n"};
static const char *const h_exes[] = {"/usr/sbin/php-fpm8.2", "/usr/lib/postfix/sbin/smtp",
				     "/usr/bin/python3.11", ""};
static const char *const h_scripts[] = {"", "/var/www/shop/mailer.php", "/home/bob/=cmd.py"};
static const char *const h_services[] = {"", "php8.2-fpm.service", "postfix@-.service"};
static const char *const h_containers[] = {"", "0123456789abcdef"};
static const char *const h_cgroups[] = {"/system.slice/php8.2-fpm.service", "/system.slice",
					"/user.slice/user-1000.slice/session-1.scope", ""};
static const char *const h_helos[] = {"", "localhost", "mail.example.org", "[192.0.2.1]"};
static const char *const h_replies[] = {"", "250", "554 zen.spamhaus.org", "tls"};

#define H_PICK(list) bytes_of(list[(unsigned int)rand() % (sizeof(list) / sizeof(list[0]))])

static inline void h_make(struct past *one, int64_t start)
{
	struct store_row *row = &one->row;
	unsigned int host = (unsigned int)rand() % 12;
	bool v6 = host % 3 == 0;

	memset(one, 0, sizeof(*one));
	row->start = start;
	row->verdict = (enum verdict_class)(rand() % VERDICT_CLASSES);
	row->user = H_PICK(h_users);
	row->uid = row->user.length ? (uint32_t)(row->user.at[0])
		   : rand() % 2	    ? 4242
				    : STORE_NO_UID;
	row->exe = H_PICK(h_exes);
	row->script = H_PICK(h_scripts);
	if (row->script.length && rand() % 2)
		row->with = bytes_of("/var/www/shop/evil.php");
	row->service = H_PICK(h_services);
	row->container = H_PICK(h_containers);
	row->cgroup = H_PICK(h_cgroups);
	row->helo = H_PICK(h_helos);
	row->reply = H_PICK(h_replies);
	row->port = rand() % 5 ? 25 : 587;
	memcpy(row->address,
	       v6 ? "\x20\x01\x0d\xb8\0\0\0\0\0\0\0" : "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc6\x33\x64",
	       v6 ? 11 : 15);
	row->address[15] = (uint8_t)host;
	if (v6)
		snprintf(one->address, sizeof(one->address),
			 host ? "2001:db8::%x" : "2001:db8::", host);
	else
		snprintf(one->address, sizeof(one->address), "198.51.100.%u", host);
	row->messages = (uint32_t)rand() % 4;
	row->accepted = row->messages / 2;
	row->recipients = (uint32_t)rand() % 9;
	row->refused = row->recipients / 3;
	row->attempt_only = rand() % 5 == 0;
	row->refusal = row->refused > 0;
	row->blocklisted = bytes_begin(row->reply, "554");
	row->reasons = (uint64_t)row->attempt_only << REASON_ATTEMPT_ONLY |
		       (uint64_t)row->refusal << REASON_REFUSED |
		       (uint64_t)row->blocklisted << REASON_BLOCKLISTED;
	snprintf(one->json, sizeof(one->json),
		 "\"host\":{\"name\":\"web1\"},\"event\":{\"id\":\"ab-%x\"}",
		 (unsigned int)(one - past));
	row->cookie = (uint64_t)(one - past);
	row->rest_json = bytes_of(one->json);
	row->process_json = bytes_of("\"process\":{\"pid\":7}");
}

static inline void h_write(struct store *store, int64_t *clock)
{
	struct store_state state;

	do {
		*clock += 2 * H_SECOND;
		store_tick(store, *clock);
		store_state(store, &state);
	} while (state.queued);
}

/* Connections come at any time of the days; some hours have many. */
static inline void h_fill(const struct store_options *options)
{
	int64_t clock = H_BEGIN;
	struct store *store = store_open(options, clock);

	assert_non_null(store);
	srand(7);
	store_event(store, STORE_EVENT_STARTED, 0, NULL, clock);
	for (int i = 0; i < H_ROWS; i++) {
		int64_t start = H_BEGIN + (int64_t)rand() % (H_DAYS * 24) * H_HOUR +
				(int64_t)rand() % 3600 * H_SECOND + rand() % 1000000000;

		if (rand() % 3 == 0)
			start = H_BEGIN + 50 * H_HOUR + (int64_t)rand() % 5000 * H_SECOND;
		h_make(&past[i], start);
		store_add(store, &past[i].row, clock);
	}
	h_write(store, &clock);
	store_event(store, STORE_EVENT_ENDED, 0, NULL, H_NOW - 60 * H_SECOND);
	store_close(store, H_NOW);
}

static inline void h_directory_make(void)
{
	strcpy(h_directory, "/tmp/smtpsnoop-report-XXXXXX");
	assert_non_null(mkdtemp(h_directory));
	snprintf(h_path, sizeof(h_path), "%s/" STORE_NAME, h_directory);
}

static inline void h_directory_remove(void)
{
	DIR *files = opendir(h_directory);
	struct dirent *file;
	char name[512];

	while (files && (file = readdir(files))) {
		snprintf(name, sizeof(name), "%s/%s", h_directory, file->d_name);
		unlink(name);
	}
	if (files)
		closedir(files);
	rmdir(h_directory);
}

static inline struct query_store *h_open(void)
{
	const struct query_options options = {.path = h_path};
	char error[256];
	struct query_store *store = query_open(&options, error, sizeof(error));

	if (!store)
		fail_msg("%s", error);
	return store;
}

/* The table of query->by, alone. */
static inline int h_table(struct query_store *store, const struct query *query, unsigned int top,
			  struct query_table *table)
{
	return query_tables(store, query,
			    &(struct query_want){query->by, query->verdicts, top, table}, 1);
}

/* One filter at a time. */
static inline struct query h_filtered(unsigned int filter)
{
	static const uint16_t ports[] = {587, 2525};
	struct query query = {.verdicts = (1u << VERDICT_CLASSES) - 1};

	switch (filter) {
	case 1:
		query.verdicts = 1u << VERDICT_BYPASS | 1u << VERDICT_UNKNOWN;
		break;
	case 2:
		query.has_uid = true;
		query.uid = 'w';
		break;
	case 3:
		query.cgroup = "/system.slice";
		break;
	case 4:
		query.script = "mailer";
		query.exe = "php";
		break;
	case 5:
		query.service = "postfix@";
		break;
	case 6:
		query.helo = "example";
		break;
	case 7:
		query.ports = ports;
		query.port_count = 2;
		break;
	case 8:
		query.has_net = true;
		query.prefix = 120;
		memcpy(query.net, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc6\x33\x64\0", 16);
		break;
	case 9:
		query.has_net = true;
		query.prefix = 32;
		memcpy(query.net, "\x20\x01\x0d\xb8", 4);
		break;
	case 10:
		query.who = "bob";
		break;
	default:
		break;
	}
	return query;
}

static inline int h_make_store(void **state)
{
	(void)state;
	h_directory_make();
	h_fill(&(struct store_options){.path = h_path});
	return 0;
}

static inline int h_remove_store(void **state)
{
	(void)state;
	h_directory_remove();
	return 0;
}

#endif
