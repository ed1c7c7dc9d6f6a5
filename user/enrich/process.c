/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * process.c - a process as a record tells it
 *
 * Turns the kernel's leaf-first components into paths and finds unit and container in the cgroup path. Every length in the
 * record is checked before it is used, although our own kernel program wrote it. Pure but for one malloc; nothing is fatal.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "enrich/cgroup.h"
#include "enrich/process.h"

#define CUT "[...]" /* stands for the beginning of a path that was too long */
#define MEMFD "memfd:"

/* One byte more for a last component without its NUL; an empty path's "/" has room there too. */
_Static_assert(sizeof(CUT) <= PROCESS_TURN_EXTRA && sizeof(MEMFD) <= PROCESS_TURN_EXTRA,
	       "marks fit");

size_t process_turn_path(char *out, struct bytes raw, bool cut)
{
	size_t used = 0, end = raw.length;

	if (cut) {
		memcpy(out, CUT, sizeof(CUT) - 1);
		used = sizeof(CUT) - 1;
	}
	while (end > 0) {
		const char *before;
		size_t start, stop = end;

		if (raw.at[stop - 1] == '\0')
			stop--;
		before = stop ? memrchr(raw.at, '\0', stop) : NULL;
		start = before ? (size_t)(before - raw.at) + 1 : 0;
		if (stop > start) {
			out[used++] = '/';
			memcpy(out + used, raw.at + start, stop - start);
			used += stop - start;
		}
		end = start;
	}
	return used;
}

/* A memfd has no path, only the name that its maker gave it: "memfd:" keeps that apart from every real path. */
static size_t turn_memfd(char *out, struct bytes raw)
{
	const char *nul = raw.length ? memchr(raw.at, '\0', raw.length) : NULL;
	struct bytes leaf = {raw.at, nul ? (size_t)(nul - raw.at) : raw.length};
	size_t used = 0;

	if (!bytes_begin(leaf, MEMFD)) {
		memcpy(out, MEMFD, sizeof(MEMFD) - 1);
		used = sizeof(MEMFD) - 1;
	}
	if (leaf.length)
		memcpy(out + used, leaf.at, leaf.length);
	return used + leaf.length;
}

/* Takes the next `length` bytes of the record's text. */
static struct bytes take(const char **text, size_t length)
{
	struct bytes piece = {*text, length};

	*text += length;
	return piece;
}

static struct bytes path_of(char **room, struct bytes raw, bool cut, bool root_if_empty)
{
	struct bytes path = {*room, process_turn_path(*room, raw, cut)};

	if (path.length == 0 && root_if_empty) {
		**room = '/';
		path.length = 1;
	}
	*room += path.length;
	return path;
}

static bool terminated(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

/* The fixed part of the record and the sizes of its texts hold together. */
static bool sound(const struct enrichment *extra, const struct event_open *open, size_t size)
{
	size_t texts = (size_t)open->exe_len + open->cwd_len + open->cgroup_len + open->argv_len;

	return open->head.size == size && size <= sizeof(*open) &&
	       (open->head.kind == EVENT_OPEN || open->head.kind == EVENT_SENDER) &&
	       texts <= size - offsetof(struct event_open, text) &&
	       open->who.ancestor_count <= EVENT_ANCESTORS &&
	       terminated(extra->user, sizeof(extra->user)) &&
	       terminated(extra->login, sizeof(extra->login)) &&
	       terminated(extra->mta, sizeof(extra->mta));
}

static void fill_texts(struct process *process, const struct event_open *open, const char *text,
		       char *room)
{
	uint32_t flags = process->id.flags;
	struct bytes exe = take(&text, open->exe_len), cwd = take(&text, open->cwd_len);
	struct bytes cgroup = take(&text, open->cgroup_len), argv = take(&text, open->argv_len);
	bool known = !process->small;

	if (exe.length && flags & IDENTITY_EXE_MEMFD) {
		process->exe = (struct bytes){room, turn_memfd(room, exe)};
		room += process->exe.length;
	} else if (exe.length) {
		process->exe = path_of(&room, exe, flags & IDENTITY_EXE_CUT, false);
	}
	process->cwd = path_of(&room, cwd, flags & IDENTITY_CWD_CUT, known);
	process->cgroup = path_of(&room, cgroup, flags & IDENTITY_CGROUP_CUT, known);
	process->argv = (struct bytes){room, argv.length};
	if (argv.length)
		memcpy(room, argv.at, argv.length);
}

static void fill_place(struct process *process)
{
	struct cgroup_facts facts;

	cgroup_read(process->cgroup, &facts);
	process->unit = facts.unit;
	process->container = facts.container;
	process->runtime = facts.runtime;
	process->pod = facts.pod;
	/* Where the beginning is missing nobody can say whose names these are. */
	process->unit_claimed = facts.unit_claimed || process->id.flags & IDENTITY_CGROUP_CUT;
	process->container_claimed =
		facts.container_claimed || process->id.flags & IDENTITY_CGROUP_CUT;
}

struct process *process_decode(const void *payload, size_t size)
{
	const char *bytes = payload;
	struct enrichment extra;
	struct event_open open; /* only the part before text[] is filled */
	struct process *process;

	if (size < sizeof(extra) + offsetof(struct event_open, text))
		goto bad;
	memcpy(&extra, bytes, sizeof(extra));
	memcpy(&open, bytes + sizeof(extra), offsetof(struct event_open, text));
	if (!sound(&extra, &open, size - sizeof(extra)))
		goto bad;
	process = calloc(1, sizeof(*process) + size + 3 * PROCESS_TURN_EXTRA);
	if (!process)
		return NULL;
	process->id = open.who;
	process->extra = extra;
	process->small = open.head.flags & EVENT_F_SMALL;
	fill_texts(process, &open, bytes + sizeof(extra) + offsetof(struct event_open, text),
		   (char *)(process + 1));
	fill_place(process);
	return process;
bad:
	errno = EBADMSG;
	return NULL;
}

void process_free(struct process *process)
{
	free(process);
}

struct bytes process_argument(const struct process *process, unsigned int n)
{
	struct bytes rest = process->argv;

	while (rest.length) {
		const char *nul = memchr(rest.at, '\0', rest.length);
		size_t length = nul ? (size_t)(nul - rest.at) : rest.length;

		if (n-- == 0)
			return (struct bytes){rest.at, length};
		rest = bytes_after(rest, length + 1);
	}
	return (struct bytes){NULL, 0};
}

struct bytes process_file_name(const struct process *process)
{
	if (bytes_begin(process->exe, MEMFD))
		return bytes_leaf(bytes_after(process->exe, strlen(MEMFD)));
	return bytes_leaf(process->exe);
}

struct bytes process_name(const struct process *process)
{
	struct bytes name = bytes_leaf(process->exe);

	if (process->exe.length && process->id.flags & IDENTITY_EXE_MEMFD)
		return process->exe;
	if (name.length)
		return name;
	return (struct bytes){process->id.comm, strnlen(process->id.comm, EVENT_COMM_LEN)};
}
