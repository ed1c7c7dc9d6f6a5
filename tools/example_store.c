/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * example_store.c - fills a store as the collector of a host leaves it on which some sites were hacked, to look at reports
 *
 *     example_store [--hostile] DIRECTORY [DAYS]
 *
 * A mail server by day and by night, three PHP sites, a user's bot that calls itself a mail server, and times in which nothing was
 * recorded. The last day is the most busy one. The same DAYS give the same rows, up to now. With --hostile the names are such that a careless page
 * would be taken over by them. Any failure is fatal.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/number.h"
#include "store/store.h"

#define SECOND INT64_C(1000000000)
#define HOUR (3600 * SECOND)
#define DAYS_MAX 365

struct sender {
	const char *user, *exe, *script, *service, *cgroup;
	uint32_t uid;
	enum verdict_class verdict;
	uint16_t port;
	unsigned int hourly; /* connections, at most */
	unsigned int from, to; /* hours before the end */
	unsigned int refused; /* of 100 */
	bool by_day; /* as people work */
	const char *helo;
};

#define FPM "/usr/sbin/php-fpm8.2"
#define SLICE "/system.slice/"

static const struct sender senders[] = {
	{"postfix", "/usr/lib/postfix/sbin/smtp", "", "postfix@-.service",
	 SLICE "system-postfix.slice/postfix@-.service", 101, VERDICT_MTA, 25, 90, 0, 0, 4, true,
	 "mail.web1.example"},
	{"www-data", FPM, "", "php8.2-fpm.service", SLICE "php8.2-fpm.service", 33, VERDICT_LOCAL,
	 25, 25, 0, 0, 0, true, "localhost"},
	{"backup", "/usr/bin/msmtp", "", "backup.service", SLICE "backup.service", 34,
	 VERDICT_RELAY, 587, 1, 0, 0, 0, false, "web1.example"},
	{"web12", FPM, "/var/www/web12/shop/wp-content/uploads/2026/.cache/mailer.php",
	 "php8.2-fpm.service", SLICE "php8.2-fpm.service", 1012, VERDICT_BYPASS, 25, 420, 19, 3, 62,
	 false, "[192.0.2.10]"},
	{"web27", FPM, "/var/www/web27/blog/wp-includes/class-wp-locale-cache.php",
	 "php8.2-fpm.service", SLICE "php8.2-fpm.service", 1027, VERDICT_BYPASS, 25, 130, 40, 0, 35,
	 false, "blog.example"},
	{"web31", "/usr/sbin/apache2", "/var/www/web31/forum/images/avatars/x.php",
	 "apache2.service", SLICE "apache2.service", 1031, VERDICT_BYPASS, 587, 18, 70, 20, 20,
	 false, "localhost.localdomain"},
	{"alice", "/usr/bin/perl", "/home/alice/.config/htop/defunct.pl", "",
	 "/user.slice/user-1003.slice/session-41.scope", 1003, VERDICT_IMPOSTOR, 25, 60, 13, 5, 80,
	 false, "mail.web1.example"},
	{"", "", "", "", "", STORE_NO_UID, VERDICT_UNKNOWN, 25, 4, 9, 7, 50, false, ""},
};

static const struct sender hostile[] = {
	{"<b>root</b>", "/tmp/\" onload=\"alert(1)",
	 "/var/www/<script>alert(document.domain)</script>.php",
	 "]]></svg><script>alert(2)</script>.service", SLICE "x", 1066, VERDICT_BYPASS, 25, 40, 20,
	 2, 50, false, "'><img src=https://evil.example/x onerror=alert(3)>"},
	{"a\xe2\x80\xae"
	 "b\xff\x01\n",
	 "/tmp/&amp;&lt;",
	 "/tmp/\xe2\x80\xaegnp.php \xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d https://evil.example/",
	 "javascript:alert(4)", SLICE "y", 1067, VERDICT_IMPOSTOR, 25, 30, 20, 2, 50, false,
	 "Z\xcc\x8d\xcc\x8e\xcc\x84\xcc\x85\xcc\xbf\xcc\x91\xcc\x86\xcc\x90\xcd\x92\xcd\x97\xcd\x91"
	 "\xcc\x87\xcc\x88\xcc\x8a\xcd\x82"},
};

static uint64_t state = 20261128;

/* Steele and others, "Fast splittable pseudorandom number generators": SplitMix64. */
static unsigned int below(unsigned int number)
{
	uint64_t z = state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (unsigned int)((z ^ z >> 31) % number);
}

static void answer(struct store_row *row, const struct sender *sender)
{
	static const char *const refusals[] = {"554 zen.spamhaus.org",
					       "554 zen.spamhaus.org",
					       "550 bl.spamcop.net",
					       "550",
					       "550",
					       "421",
					       "450"};
	const size_t count = sizeof(refusals) / sizeof(refusals[0]);
	bool bad = sender->verdict == VERDICT_BYPASS || sender->verdict == VERDICT_IMPOSTOR;

	row->messages = 1;
	row->recipients = bad ? 1 + below(12) : 1;
	if (bad && below(16) == 0) {
		row->attempt_only = true;
		row->messages = row->recipients = 0;
		return;
	}
	row->reply = bytes_of(sender->verdict == VERDICT_RELAY ? "tls" : "250");
	if (below(100) < sender->refused) {
		row->refusal = true;
		row->reply = bytes_of(refusals[bad ? below((unsigned int)count) : 3 + below(4)]);
		row->blocklisted = row->reply.length > 3;
		row->refused = row->recipients;
	} else {
		row->accepted = row->messages;
	}
}

static void add(struct store *store, const struct sender *sender, int64_t start)
{
	static const char record[] =
		"\"host\":{\"name\":\"web1.example\"},\"event\":{\"action\":\"connection\"}";
	static const uint8_t mapped[16] = {[10] = 0xff, 0xff};
	/* Few mail servers get most. */
	unsigned int host = below(1 + below(1 + below(800)));
	struct store_row row = {
		.start = start,
		.verdict = sender->verdict,
		.uid = sender->uid,
		.user = bytes_of(sender->user),
		.exe = bytes_of(sender->exe),
		.script = bytes_of(sender->script),
		.with = bytes_of(sender->uid == 1067 ? sender->script
				 : strstr(sender->script, "wp-includes")
					 ? "/var/www/web27/blog/xmlrpc.php"
					 : ""),
		.service = bytes_of(sender->service),
		.cgroup = bytes_of(sender->cgroup),
		.helo = bytes_of(sender->helo),
		.port = sender->port,
		.bytes_out = 900 + below(4000),
		.process_json = bytes_of("\"process\":{\"pid\":4711}"),
		.rest_json = bytes_of(record),
	};

	memcpy(row.address, mapped, sizeof(mapped));
	row.address[12] = sender->verdict == VERDICT_LOCAL ? 127 : 203;
	row.address[14] = (uint8_t)(sender->verdict == VERDICT_LOCAL ? 0 : 113 + host / 250);
	row.address[15] = (uint8_t)(sender->verdict == VERDICT_LOCAL ? 1 : 1 + host % 250);
	answer(&row, sender);
	store_add(store, &row, start);
}

static void drain(struct store *store, int64_t *clock)
{
	struct store_state now;

	do {
		*clock += 2 * SECOND;
		store_tick(store, *clock);
		store_state(store, &now);
	} while (now.queued && now.status == STORE_OK);
	if (now.status != STORE_OK) {
		fprintf(stderr, "example_store: %s\n", store_status_text(now.status));
		exit(1);
	}
}

/* Of its hour: people write by day. */
static unsigned int how_many(const struct sender *sender, int64_t hour, unsigned int left)
{
	static const uint8_t day[24] = {4,  2,	2,  2,	3,  6,	12, 30, 70, 95, 100, 92,
					60, 80, 90, 85, 75, 55, 35, 25, 20, 15, 10,  6};
	unsigned int most = sender->hourly;

	if (sender->from && (left > sender->from || left < sender->to))
		return 0;
	if (sender->by_day)
		most = most * day[hour / HOUR % 24] / 100;
	return most ? most / 2 + below(most / 2 + 1) + (most == 1 && below(4) == 0) : 0;
}

static void one_hour(struct store *store, const struct sender *all, size_t count, int64_t hour,
		     unsigned int left)
{
	for (size_t i = 0; i < count; i++) {
		unsigned int number = how_many(&all[i], hour, left);

		for (unsigned int one = 0; one < number; one++)
			add(store, &all[i], hour + (int64_t)below(3600) * SECOND);
	}
}

/* The collector was not running for a while twice, and once some were lost. False: not in this hour. */
static bool recorded(struct store *store, unsigned int left, int64_t hour)
{
	if (left == 15)
		store_event(store, STORE_EVENT_ENDED, 0, NULL, hour);
	if (left == 32)
		store_event(store, STORE_EVENT_UNCLEAN, 0, NULL, hour);
	if (left == 12 || left == 32) {
		store_event(store, STORE_EVENT_STARTED, 0, NULL, hour);
		store_event(store, STORE_EVENT_ADOPTED, 7, NULL, hour);
	}
	if (left == 6)
		store_event(store, STORE_EVENT_LOST_KERNEL, 212, "uid 1012, port 25", hour);
	return left > 34 || left <= 12 || (left > 15 && left <= 32);
}

static void fill(struct store *store, const struct sender *all, size_t count, int64_t begin,
		 unsigned int hours)
{
	int64_t clock = begin;

	store_event(store, STORE_EVENT_STARTED, 0, NULL, begin);
	for (unsigned int i = 0; i < hours; i++) {
		int64_t hour = begin + i * HOUR;

		if (clock < hour)
			clock = hour;
		if (recorded(store, hours - i, hour))
			one_hour(store, all, count, hour, hours - i);
		drain(store, &clock);
	}
	store_close(store, clock);
}

int main(int argc, char **argv)
{
	const bool bad = argc > 1 && strcmp(argv[1], "--hostile") == 0;
	int64_t now = (int64_t)clock_ns(CLOCK_REALTIME), begin;
	struct store_options options = {.days = 0};
	uint64_t days = 3;
	struct store *store;
	char path[4096];

	argv += bad;
	argc -= bad;
	if (argc < 2 || argc > 3 || (argc == 3 && number_parse(argv[2], 1, DAYS_MAX, &days))) {
		fputs("usage: example_store [--hostile] DIRECTORY [DAYS]\n", stderr);
		return 2;
	}
	snprintf(path, sizeof(path), "%s/" STORE_NAME, argv[1]);
	options.path = path;
	begin = now - now % HOUR - (int64_t)days * 24 * HOUR;
	store = store_open(&options, begin);
	if (!store)
		return 1;
	if (bad)
		fill(store, hostile, sizeof(hostile) / sizeof(hostile[0]), begin,
		     (unsigned int)days * 24);
	else
		fill(store, senders, sizeof(senders) / sizeof(senders[0]), begin,
		     (unsigned int)days * 24);
	return 0;
}
