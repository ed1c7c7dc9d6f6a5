/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * make_rows.h - rows for the store, as a host has them: an MTA, some bots, few destinations that get most, many that get little
 *
 * From a seed: the same numbers give the same rows. Shared by the unit tests and tools/store_fill.
 */
#ifndef SMTPSNOOP_MAKE_ROWS_H
#define SMTPSNOOP_MAKE_ROWS_H

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "store/store.h"

struct made_rows {
	uint64_t state; /* the seed at first */
	uint32_t actors, destinations, helos; /* different ones */
};

struct made_row {
	struct store_row row; /* its texts are below */
	int64_t duration; /* ns; 0 = not known */
	char user[32], exe[64], script[96], service[48], cgroup[96], helo[48], reply[48];
	char process[1024], rest[2048];
};

/* Steele and others, "Fast splittable pseudorandom number generators": SplitMix64. */
static inline uint64_t made_number(struct made_rows *made, uint64_t below)
{
	uint64_t z = made->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (z ^ z >> 31) % below;
}

/* Small numbers often, large ones seldom. */
static inline uint32_t made_skewed(struct made_rows *made, uint32_t below)
{
	uint64_t high = made_number(made, below) + 1;

	return (uint32_t)made_number(made, made_number(made, high) + 1);
}

static inline struct bytes made_text(char *at, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static inline struct bytes made_text(char *at, size_t size, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(at, size, format, arguments);
	va_end(arguments);
	return (struct bytes){at, (size_t)length < size ? (size_t)length : size - 1};
}

/* The first actors are MTAs, each third of the others has no script, each fourth lives in a container. */
static inline void made_actor(struct made_row *out, uint32_t actor)
{
	static const char id[] = "3f4e5d6c7b8a99881122334455667788aabbccddeeff00112233445566778899";
	struct store_row *row = &out->row;
	const bool mta = actor < 2;

	row->uid = mta ? 101 : 1000 + actor % 50;
	row->verdict = mta ? VERDICT_MTA : actor % 7 ? VERDICT_BYPASS : VERDICT_IMPOSTOR;
	row->reasons = mta ? 0 : 1ull << REASON_DIRECT_MX | 1ull << REASON_SCRIPT_IN_UPLOADS;
	row->user = mta ? bytes_of("postfix")
			: made_text(out->user, sizeof(out->user), "web%u", actor % 50);
	row->exe = mta ? bytes_of("/usr/lib/postfix/sbin/smtp")
		       : made_text(out->exe, sizeof(out->exe), "/usr/sbin/php-fpm8.%u", actor % 3);
	if (!mta && actor % 3)
		row->script = made_text(out->script, sizeof(out->script),
					"/var/www/site%u/wp-content/uploads/.x/mailer%u.php",
					actor % 50, actor);
	row->service = made_text(out->service, sizeof(out->service), "%s%u.service",
				 mta ? "postfix@" : "php-fpm-", actor % 50);
	if (!mta && actor % 4 == 0)
		row->container = bytes_of(id);
	row->cgroup = made_text(out->cgroup, sizeof(out->cgroup), "/system.slice/%.*s",
				(int)row->service.length, row->service.at);
}

static inline void made_outcome(struct made_rows *made, struct made_row *out)
{
	static const char *const replies[] = {"250", "250", "250", "550", "554 zen.spamhaus.org",
					      "421", "tls"};
	struct store_row *row = &out->row;
	unsigned int kind = (unsigned int)made_number(made, 8);

	out->duration = (int64_t)made_number(made, 5000000000);
	row->bytes_out = 200 + made_number(made, 3000);
	if (kind == 7) {
		row->attempt_only = true;
		out->duration = 0;
		row->bytes_out = 0;
		return;
	}
	row->reply = bytes_of(replies[kind]);
	row->messages = 1 + (uint32_t)made_number(made, 2);
	row->recipients = row->messages + (uint32_t)made_number(made, 9);
	row->refusal = kind >= 3 && kind <= 5;
	row->blocklisted = kind == 4;
	row->accepted = row->refusal ? 0 : row->messages;
	row->refused = row->refusal ? row->recipients : 0;
	row->helo = made_text(out->helo, sizeof(out->helo), "host%u.example.net",
			      made_skewed(made, made->helos));
}

/* A process makes some hundred connections within an hour. */
static inline void made_process(struct made_row *out, uint32_t actor)
{
	const struct store_row *row = &out->row;
	unsigned int pid =
		1000 + (unsigned int)(row->start / 3600000000000 * 31 + actor * 7) % 60000;

	out->row.process_json = made_text(
		out->process, sizeof(out->process),
		"\"process\":{\"pid\":%u,\"name\":\"php-fpm8.2\",\"executable\":\"%.*s\",\"args\":["
		"\"php-fpm: pool "
		"www\"],\"working_directory\":\"/var/www/"
		"site%u\",\"start\":\"2026-11-%02uT03:12:11.%06uZ\","
		"\"parent\":{\"pid\":812,\"name\":\"php-fpm8.2\"},\"ancestors\":[{\"pid\":812,"
		"\"name\":\"php-fpm8.2\"},"
		"{\"pid\":1,\"name\":\"systemd\"}],\"exe\":{\"device\":65024,\"inode\":%u,"
		"\"deleted\":false,"
		"\"memfd\":false}},\"user\":{\"id\":%u,\"name\":\"%.*s\",\"effective\":{\"id\":%u}}"
		",\"group\":{\"id\":%u},"
		"\"cgroup\":{\"id\":%u,\"path\":\"%.*s\"},\"service\":{\"name\":\"%.*s\"}",
		pid, (int)row->exe.length, row->exe.at, actor % 50, 1 + pid % 28, pid * 13,
		247862 + actor, row->uid, (int)row->user.length, row->user.at, row->uid, row->uid,
		4000 + actor, (int)row->cgroup.length, row->cgroup.at, (int)row->service.length,
		row->service.at);
}

static inline void made_rest(struct made_rows *made, struct made_row *out, uint32_t to)
{
	const struct store_row *row = &out->row;
	uint64_t id = made_number(made, UINT64_C(1) << 40);

	out->row.cookie = (uint64_t)out->row.start >> 10; /* they grow with time */
	out->row.rest_json = made_text(
		out->rest, sizeof(out->rest),
		"\"@timestamp\":\"2026-11-28T15:01:35.%06uZ\",\"v\":1,\"host\":{\"name\":\"www1\"},"
		"\"event\":{\"kind\":\"event\","
		"\"action\":\"connection\",\"id\":\"7f437b9fb8fe42a5be6d9563f12f73bc-%" PRIx64
		"\",\"start\":\"2026-11-28T15:01:35.%06uZ\","
		"\"end\":\"2026-11-28T15:01:36.%06uZ\",\"duration\":%" PRId64
		",\"outcome\":\"%s\",\"reason\":\"closed\"},"
		"\"source\":{\"ip\":\"192.0.2.10\",\"port\":%u,\"bytes\":%" PRIu64
		"},\"destination\":{\"ip\":\"203.0.%u.%u\",\"port\":25,"
		"\"bytes\":%u},\"script\":{\"language\":\"php\",\"version\":\"8.2\",\"sapi\":\"fpm-"
		"fcgi\",\"status\":\"read\",\"file\":\"%.*s\","
		"\"line\":41,\"function\":\"evil_send\",\"backtrace\":[{\"function\":\"fsockopen\"}"
		",{\"file\":\"%.*s\",\"line\":41}],"
		"\"method\":\"POST\",\"url\":\"/"
		"?p=%u\",\"host\":\"shop%u.example\",\"client\":{\"ip\":\"198.51.100.%u\"}},"
		"\"tls\":{\"mode\":\"none\"},\"smtp\":{\"found_by\":\"port\",\"greeting\":\"220 "
		"mx%u.example.net ESMTP Postfix\","
		"\"helo\":\"%.*s\",\"from\":[\"info%u@shop.example\"],\"messages\":%u,\"accepted\":"
		"%u,\"recipients\":%u,\"refused\":%u,"
		"\"domains\":[\"example%u.net\"],\"replies\":{\"2xx\":5,\"3xx\":1,\"4xx\":0,"
		"\"5xx\":0},\"last_reply\":\"%.*s 2.0.0 Ok: queued "
		"as %" PRIX64 "\",\"gaps\":0},\"verdict\":{\"class\":\"%s\",\"reasons\":[\"direct-"
		"mx\",\"script-in-uploads\"]}",
		(unsigned int)(id % 1000000), row->cookie, (unsigned int)(id / 7 % 1000000),
		(unsigned int)(id / 11 % 1000000), out->duration,
		row->accepted ? "success" : "failure", (unsigned int)(32768 + id % 28000),
		row->bytes_out, to >> 8 & 255, to & 255, (unsigned int)(300 + id % 400),
		(int)row->script.length, row->script.at, (int)row->script.length, row->script.at,
		(unsigned int)(id % 97), row->uid % 50, (unsigned int)(id % 250), to,
		(int)row->helo.length, row->helo.at, (unsigned int)(id % 1000), row->messages,
		row->accepted, row->recipients, row->refused, to % 500, (int)row->reply.length,
		row->reply.at, id * 3, verdict_name(row->verdict));
}

static inline void make_row(struct made_rows *made, int64_t start, struct made_row *out)
{
	static const uint8_t v6[16] = {0x20, 1, 0xd, 0xb8};
	static const uint8_t v4[16] = {[10] = 0xff, 0xff, 203, 0};
	uint32_t actor = made_skewed(made, made->actors),
		 to = made_skewed(made, made->destinations);

	memset(&out->row, 0, sizeof(out->row));
	out->row.start = start;
	out->row.port = 25;
	memcpy(out->row.address, to % 5 ? v4 : v6, 16);
	out->row.address[13] = (uint8_t)(to >> 16);
	out->row.address[14] = (uint8_t)(to >> 8);
	out->row.address[15] = (uint8_t)to;
	made_actor(out, actor);
	made_outcome(made, out);
	made_process(out, actor);
	made_rest(made, out, to);
}

#endif
