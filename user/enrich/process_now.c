/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * process_now.c - a process as it is now: decoded from a FRAME_PROCESS
 *
 * The texts are lines of /proc as proc(5) has them, made of numbers, and of paths that somebody chose. A line that is not as expected is
 * left out. Pure but for one calloc; nothing is fatal.
 */
#include "enrich/process_now.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DELETED " (deleted)"

/* Takes the next line off; false: there is none. */
static bool next_line(struct bytes *rest, struct bytes *line)
{
	const char *end = rest->length ? memchr(rest->at, '\n', rest->length) : NULL;

	if (!rest->length)
		return false;
	*line = *rest;
	if (end)
		line->length = (size_t)(end - rest->at);
	*rest = bytes_after(*rest, line->length + 1);
	return true;
}

struct bytes process_now_next(struct bytes *rest)
{
	const char *end = rest->length ? memchr(rest->at, '\0', rest->length) : NULL;
	struct bytes piece = *rest;

	if (!rest->length)
		return (struct bytes){NULL, 0};
	if (end)
		piece.length = (size_t)(end - rest->at);
	*rest = bytes_after(*rest, piece.length + 1);
	return piece;
}

size_t process_now_cmdline(const struct process_now *now, char out[PROCESS_CMDLINE_MAX])
{
	size_t length = now->cmdline.length < PROCESS_CMDLINE_MAX ? now->cmdline.length
								  : PROCESS_CMDLINE_MAX;

	memcpy(out, now->cmdline.at, length);
	while (length && (out[length - 1] == '\0' || out[length - 1] == ' '))
		length--;
	for (size_t i = 0; i < length; i++)
		if (out[i] == '\0')
			out[i] = ' ';
	return length;
}

/* What stands behind `key` in its line, as text; "" = there is no such line. */
static void value_of(struct bytes text, const char *key, char *out, size_t size)
{
	struct bytes line;

	out[0] = '\0';
	while (next_line(&text, &line))
		if (bytes_begin(line, key)) {
			line = bytes_after(line, strlen(key));
			if (line.length < size)
				snprintf(out, size, "%.*s", (int)line.length, line.at);
			return;
		}
}

static void read_status(struct process_now *now, struct bytes text)
{
	char ids[128], permitted[64], effective[64], privileges[32], seccomp[32];

	value_of(text, "Uid:", ids, sizeof(ids));
	value_of(text, "CapPrm:", permitted, sizeof(permitted));
	value_of(text, "CapEff:", effective, sizeof(effective));
	value_of(text, "NoNewPrivs:", privileges, sizeof(privileges));
	value_of(text, "Seccomp:", seccomp, sizeof(seccomp));
	now->status = sscanf(ids, "%" SCNu32 " %" SCNu32, &now->uid, &now->euid) == 2 &&
		      sscanf(permitted, "%" SCNx64, &now->permitted) == 1 &&
		      sscanf(effective, "%" SCNx64, &now->effective) == 1;
	now->no_new_privs = strtoul(privileges, NULL, 10) != 0;
	now->seccomp = (uint32_t)strtoul(seccomp, NULL, 10);
}

static bool read_number(const char *word, uint64_t *out)
{
	char *end;

	*out = PROCESS_UNLIMITED;
	if (!strcmp(word, "unlimited"))
		return true;
	*out = strtoull(word, &end, 10);
	return *word && !*end;
}

static void read_limit(struct process_limit *limit, struct bytes text, const char *key)
{
	char value[128], soft[32], hard[32];

	value_of(text, key, value, sizeof(value));
	limit->known = sscanf(value, "%31s %31s", soft, hard) == 2 &&
		       read_number(soft, &limit->soft) && read_number(hard, &limit->hard);
}

/* True: there was one. */
static bool cut_mark(struct bytes *path)
{
	if (!bytes_end(*path, DELETED))
		return false;
	path->length -= strlen(DELETED);
	return true;
}

/* What has no room is only counted, in is.code. */
static void add_code(struct process_now *now, const struct process_code *found)
{
	struct process_code *code = now->code;

	for (; code < now->code + now->code_count; code++)
		if (bytes_equal(code->path, found->path) && code->deleted == found->deleted &&
		    !strcmp(code->permissions, found->permissions))
			break;
	if (code == now->code + LIMIT_PROCESS_CODE)
		return;
	if (code == now->code + now->code_count) {
		*code = *found;
		now->code_count++;
		return;
	}
	code->bytes += found->bytes;
	code->pieces++;
}

/* "7f12-7f34 rwxp 00000000 00:00 0   /a path (deleted)": the path begins where its line does plus so many bytes. */
static void read_code_line(struct process_now *now, struct bytes line)
{
	struct process_code found = {.pieces = 1};
	char head[128];
	uint64_t from, to;
	int at = 0;

	snprintf(head, sizeof(head), "%.*s", (int)line.length, line.at);
	if (sscanf(head, "%" SCNx64 "-%" SCNx64 " %4s %*s %*s %*u%n", &from, &to, found.permissions,
		   &at) != 3 ||
	    !at || to < from)
		return;
	found.bytes = to - from;
	found.path = bytes_after(line, (size_t)at);
	while (found.path.length && found.path.at[0] == ' ')
		found.path = bytes_after(found.path, 1);
	found.deleted = cut_mark(&found.path);
	add_code(now, &found);
}

static void read_code(struct process_now *now, struct bytes text)
{
	struct bytes line;

	while (next_line(&text, &line))
		read_code_line(now, line);
}

/* "FD BYTES PATH" */
static void read_deleted(struct process_now *now, struct bytes text)
{
	struct bytes entry;

	while (now->deleted_count < LIMIT_PROCESS_DELETED && (entry = process_now_next(&text)).at) {
		struct process_deleted *deleted = &now->deleted[now->deleted_count];
		char head[64];
		int at = 0;

		snprintf(head, sizeof(head), "%.*s", (int)entry.length, entry.at);
		if (sscanf(head, "%" SCNu32 " %" SCNu64 "%n", &deleted->fd, &deleted->bytes, &at) !=
			    2 ||
		    !at)
			continue;
		deleted->path = bytes_after(entry, (size_t)at + 1);
		now->deleted_count++;
	}
}

/* False: the lengths do not hold together. */
static bool find_texts(const struct frame_process *is, const char *at, size_t size,
		       struct bytes texts[PROCESS_TEXTS])
{
	for (unsigned int i = 0; i < PROCESS_TEXTS; i++) {
		if (is->lengths[i] > size)
			return false;
		texts[i] = (struct bytes){at, is->lengths[i]};
		at += is->lengths[i];
		size -= is->lengths[i];
	}
	return size == 0 && is->ancestor_count <= PROCESS_ANCESTORS;
}

struct process_now *process_now_decode(const void *payload, size_t size)
{
	struct bytes texts[PROCESS_TEXTS];
	struct process_now *now;

	if (size < sizeof(now->is) || size - sizeof(now->is) > PROCESS_TEXT_MAX) {
		errno = EBADMSG;
		return NULL;
	}
	size -= sizeof(now->is);
	now = calloc(1, sizeof(*now) + size);
	if (!now)
		return NULL;
	memcpy(&now->is, payload, sizeof(now->is));
	memcpy(now + 1, (const char *)payload + sizeof(now->is), size);
	if (!find_texts(&now->is, (const char *)(now + 1), size, texts)) {
		free(now);
		errno = EBADMSG;
		return NULL;
	}
	now->exe = texts[PROCESS_EXE];
	now->exe_deleted = cut_mark(&now->exe);
	now->cwd = texts[PROCESS_CWD];
	now->root = texts[PROCESS_ROOT];
	now->cmdline = texts[PROCESS_CMDLINE];
	now->environment = texts[PROCESS_ENVIRON];
	read_status(now, texts[PROCESS_STATUS]);
	read_limit(&now->open_files, texts[PROCESS_LIMITS], "Max open files ");
	read_limit(&now->processes, texts[PROCESS_LIMITS], "Max processes ");
	read_code(now, texts[PROCESS_CODE]);
	read_deleted(now, texts[PROCESS_DELETED]);
	return now;
}

/* As the kernel's new_encode_dev() has put them together. */
unsigned int process_now_tty_major(uint32_t tty)
{
	return tty >> 8 & 0xfff;
}

unsigned int process_now_tty_minor(uint32_t tty)
{
	return (tty & 0xff) | (tty >> 12 & 0xfff00);
}

/* Documentation/admin-guide/devices.txt */
void process_now_tty(char out[PROCESS_TTY], uint32_t tty)
{
	unsigned int major = process_now_tty_major(tty), minor = process_now_tty_minor(tty);

	out[0] = '\0';
	if (major == 4)
		snprintf(out, PROCESS_TTY, minor < 64 ? "tty%u" : "ttyS%u",
			 minor < 64 ? minor : minor - 64);
	else if (major >= 136 && major <= 143)
		snprintf(out, PROCESS_TTY, "pts/%u", (major - 136) * 256 + minor);
	else if (major == 5 && minor == 1)
		snprintf(out, PROCESS_TTY, "console");
}
