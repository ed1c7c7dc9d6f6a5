/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * make_frame.h - kernel records and frames built by hand, for the unit tests
 *
 * Every builder zeroes its record first and fills in one ordinary connection: php-fpm as www-data in php8.2-fpm.service,
 * from 192.0.2.10:40000 to 203.0.113.7:25. A test changes what it is about; members may be written directly. After the texts of
 * a made_who have been changed by make_texts(), its payload for FRAME_WHO is `made.size` bytes from &made on.
 */
#ifndef SMTPSNOOP_MAKE_FRAME_H
#define SMTPSNOOP_MAKE_FRAME_H

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "base/frame.h"

#define MAKE_UNUSED __attribute__((unused))

/* The payload of a FRAME_WHO: `size` bytes from `extra` on. */
struct made_who {
	struct enrichment extra;
	struct event_open open;
	size_t size;
};

/* "192.0.2.1" or "2001:db8::1" as 16 bytes, IPv4 mapped. Aborts on anything else. */
static MAKE_UNUSED void make_address(uint8_t out[16], const char *text)
{
	memset(out, 0, 16);
	if (inet_pton(AF_INET6, text, out) == 1)
		return;
	out[10] = out[11] = 0xff;
	if (inet_pton(AF_INET, text, out + 12) != 1)
		abort();
}

/* Appends `path` leaf first, as the kernel programs do, and returns its bytes. "/" and NULL give none. */
static MAKE_UNUSED size_t make_path(char *out, size_t room, const char *path)
{
	size_t used = 0;
	size_t end = path ? strlen(path) : 0;

	while (end > 0) {
		size_t start = end;

		while (start > 0 && path[start - 1] != '/')
			start--;
		if (end > start) {
			if (used + end - start + 1 > room)
				abort();
			memcpy(out + used, path + start, end - start);
			used += end - start;
			out[used++] = '\0';
		}
		end = start ? start - 1 : 0;
	}
	return used;
}

/* Sets the four texts. argv: `argv_len` bytes as in /proc/PID/cmdline ("sh\0-c\0true\0"). */
static MAKE_UNUSED void make_texts(struct made_who *made, const char *exe, const char *cwd,
				   const char *cgroup, const char *argv, size_t argv_len)
{
	struct event_open *open = &made->open;
	char *at = open->text;
	char *end = open->text + sizeof(open->text);

	memset(open->text, 0, sizeof(open->text));
	open->exe_len = (uint16_t)make_path(at, (size_t)(end - at), exe);
	at += open->exe_len;
	open->cwd_len = (uint16_t)make_path(at, (size_t)(end - at), cwd);
	at += open->cwd_len;
	open->cgroup_len = (uint16_t)make_path(at, (size_t)(end - at), cgroup);
	at += open->cgroup_len;
	if (argv_len > (size_t)(end - at))
		abort();
	if (argv_len)
		memcpy(at, argv, argv_len);
	open->argv_len = (uint16_t)argv_len;
	at += argv_len;
	open->head.size = (uint32_t)(at - (char *)open);
	made->size = sizeof(made->extra) + open->head.size;
}

/* argv from a string literal with embedded NULs; the literal's own last NUL ends the last argument. */
#define MAKE_TEXTS(made, exe, cwd, cgroup, argv)                                                   \
	make_texts((made), (exe), (cwd), (cgroup), (argv), sizeof(argv))

static MAKE_UNUSED void make_ends(struct event_endpoints *ends, const char *local,
				  uint16_t local_port, const char *remote, uint16_t remote_port)
{
	memset(ends, 0, sizeof(*ends));
	make_address(ends->local, local);
	make_address(ends->remote, remote);
	ends->local_port = local_port;
	ends->remote_port = remote_port;
	ends->family = strchr(remote, ':') ? AF_INET6 : AF_INET;
	ends->netns = 4026531840;
}

static MAKE_UNUSED void make_head(struct event_head *head, uint16_t kind, uint64_t cookie,
				  uint64_t time)
{
	memset(head, 0, sizeof(*head));
	head->kind = kind;
	head->flags = EVENT_F_LISTED;
	head->cookie = cookie;
	head->time = time;
}

static MAKE_UNUSED void make_comm(char comm[EVENT_COMM_LEN], const char *name)
{
	size_t length = strlen(name);

	memset(comm, 0, EVENT_COMM_LEN);
	memcpy(comm, name, length < EVENT_COMM_LEN ? length : EVENT_COMM_LEN);
}

/* kind: EVENT_OPEN or EVENT_SENDER. */
static MAKE_UNUSED void make_who(struct made_who *made, uint16_t kind, uint64_t cookie,
				 uint64_t time)
{
	struct event_identity *who = &made->open.who;

	memset(made, 0, sizeof(*made));
	make_head(&made->open.head, kind, cookie, time);
	make_ends(&made->open.ends, "192.0.2.10", 40000, "203.0.113.7", 25);
	made->open.found = FOUND_PORT;
	who->tgid = who->tid = who->ns_tgid = 4711;
	who->ppid = 4700;
	who->start = 1000000000;
	who->uid = who->gid = who->euid = who->egid = 33;
	who->loginuid = 0xffffffff;
	who->cgroup_id = 2222;
	who->exe_inode = 654321;
	who->exe_device = 8 << 20 | 1;
	who->exe_links = 1;
	who->exe_mode = 0100755;
	who->ns_pid = 4026531836;
	who->ns_mnt = 4026531841;
	make_comm(who->comm, "php-fpm8.2");
	who->ancestor_count = 2;
	who->ancestors[0].tgid = 4700;
	make_comm(who->ancestors[0].comm, "php-fpm8.2");
	who->ancestors[1].tgid = 1;
	make_comm(who->ancestors[1].comm, "systemd");
	strcpy(made->extra.user, "www-data");
	made->extra.host_netns = 1;
	MAKE_TEXTS(made, "/usr/sbin/php-fpm8.2", "/var/www/shop",
		   "/system.slice/php8.2-fpm.service", "php-fpm: pool www");
}

/* transition: enum event_transition; error: errno, 0 = in order. Same endpoints as make_who(). */
static MAKE_UNUSED void make_state(struct event_state *state, uint64_t cookie, uint64_t time,
				   uint32_t transition, int error)
{
	memset(state, 0, sizeof(*state));
	make_head(&state->head, EVENT_STATE, cookie, time);
	state->head.size = sizeof(*state);
	make_ends(&state->ends, "192.0.2.10", 40000, "203.0.113.7", 25);
	state->transition = transition;
	state->error = error;
	state->senders = 1;
	state->found = FOUND_PORT;
}

/* `length` bytes at `offset`, then `withheld` left out because of `why`. Returns head.size: the bytes of the record. */
static MAKE_UNUSED size_t make_data(struct event_data *data, uint64_t cookie, uint64_t time,
				    enum event_direction from, uint64_t offset, const char *bytes,
				    size_t length, uint64_t withheld, enum withheld why)
{
	memset(data, 0, sizeof(*data));
	if (length > sizeof(data->bytes))
		abort();
	make_head(&data->head, EVENT_DATA, cookie, time);
	data->head.size = (uint32_t)(offsetof(struct event_data, bytes) + length);
	data->offset = offset;
	data->withheld = withheld;
	data->length = (uint32_t)length;
	data->direction = (uint8_t)from;
	data->why = (uint8_t)why;
	if (length)
		memcpy(data->bytes, bytes, length);
	return data->head.size;
}

#endif
