/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * record_now.c - a process as it is now in the JSON record
 *
 * What is not known is absent; so is a limit that there is none of. Nothing is fatal.
 */
#include <cap-ng.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "present/record_now.h"

#define CAPABILITIES 64

static const char *const namespaces[PROCESS_NAMESPACES] = {
	[NAMESPACE_NET] = "net",
	[NAMESPACE_PID] = "pid",
	[NAMESPACE_MNT] = "mnt",
	[NAMESPACE_USER] = "user",
};

static void bytes(struct json *json, const char *key, struct bytes text)
{
	if (text.length)
		json_bytes(json, key, text.at, text.length);
}

static void comm(struct json *json, const char name[EVENT_COMM_LEN])
{
	bytes(json, "name", (struct bytes){name, strnlen(name, EVENT_COMM_LEN)});
}

static void arguments(struct json *json, const struct process_now *now)
{
	char line[PROCESS_CMDLINE_MAX];
	struct bytes rest = now->cmdline, argument;

	bytes(json, "command_line", (struct bytes){line, process_now_cmdline(now, line)});
	json_open_array(json, "args");
	while ((argument = process_now_next(&rest)).at)
		json_bytes(json, NULL, argument.at, argument.length);
	json_close(json);
	if (now->is.flags & PROCESS_CMDLINE_CUT)
		json_bool(json, "args_cut", true);
}

static void environment(struct json *json, const struct process_now *now, bool values)
{
	struct bytes rest = now->environment, entry;

	json_open_array(json, "env_vars");
	while ((entry = process_now_next(&rest)).at) {
		const char *name_ends = memchr(entry.at, '=', entry.length);

		if (!values && now->is.flags & PROCESS_VALUES)
			entry.length = name_ends ? (size_t)(name_ends - entry.at) : 0;
		bytes(json, NULL, entry);
	}
	json_close(json);
	if (now->is.left_out)
		json_number(json, "env_vars_left_out", now->is.left_out);
	if (now->is.flags & PROCESS_ENVIRON_CUT)
		json_bool(json, "env_vars_cut", true);
}

static void ancestors(struct json *json, const struct frame_process *is)
{
	if (is->ancestor_count) {
		json_open_object(json, "parent");
		json_number(json, "pid", is->ancestors[0].tgid);
		comm(json, is->ancestors[0].comm);
		json_close(json);
	}
	json_open_array(json, "ancestors");
	for (unsigned int i = 0; i < is->ancestor_count; i++) {
		json_open_object(json, NULL);
		json_number(json, "pid", is->ancestors[i].tgid);
		comm(json, is->ancestors[i].comm);
		json_close(json);
	}
	json_close(json);
	if (is->flags & PROCESS_ANCESTORS_CUT)
		json_bool(json, "ancestors_cut", true);
}

static void leaders(struct json *json, const struct frame_process *is)
{
	char name[PROCESS_TTY];

	if (is->tty) {
		process_now_tty(name, is->tty);
		json_open_object(json, "tty");
		json_open_object(json, "char_device");
		json_number(json, "major", process_now_tty_major(is->tty));
		json_number(json, "minor", process_now_tty_minor(is->tty));
		json_close(json);
		if (name[0])
			json_text(json, "name", name);
		json_close(json);
	}
	json_open_object(json, "session_leader");
	if (is->session)
		json_number(json, "pid", is->session);
	json_close(json);
	json_open_object(json, "group_leader");
	if (is->group)
		json_number(json, "pid", is->group);
	json_close(json);
}

/* "CAP_NET_RAW", as ECS has it; a number where there is no name. */
static void capabilities(struct json *json, const char *key, uint64_t set)
{
	json_open_array(json, key);
	json_keep(json);
	for (unsigned int i = 0; i < CAPABILITIES; i++) {
		const char *name = capng_capability_to_name(i);
		char word[48];

		if (!(set & UINT64_C(1) << i))
			continue;
		if (name)
			snprintf(word, sizeof(word), "CAP_%s", name);
		else
			snprintf(word, sizeof(word), "%u", i);
		for (char *at = word; *at; at++)
			*at = (char)toupper((unsigned char)*at);
		json_text(json, NULL, word);
	}
	json_close(json);
}

static void rights(struct json *json, const struct process_now *now)
{
	static const char *const modes[] = {"none", "strict", "filter"};

	json_open_object(json, "thread");
	if (now->is.threads)
		json_number(json, "count", now->is.threads);
	if (now->status) {
		json_open_object(json, "capabilities");
		capabilities(json, "effective", now->effective);
		capabilities(json, "permitted", now->permitted);
		json_close(json);
	}
	json_close(json);
	if (!now->status)
		return;
	json_bool(json, "no_new_privs", now->no_new_privs);
	if (now->seccomp < sizeof(modes) / sizeof(modes[0]))
		json_text(json, "seccomp", modes[now->seccomp]);
}

static void limit(struct json *json, const char *key, const struct process_limit *limit)
{
	json_open_object(json, key);
	if (limit->known && limit->soft != PROCESS_UNLIMITED)
		json_number(json, "soft", limit->soft);
	if (limit->known && limit->hard != PROCESS_UNLIMITED)
		json_number(json, "hard", limit->hard);
	json_close(json);
}

static void files(struct json *json, const struct process_now *now)
{
	json_open_object(json, "open_files");
	if (now->is.files) {
		json_number(json, "count", now->is.files);
		json_number(json, "sockets", now->is.sockets);
		json_number(json, "deleted", now->is.deleted);
	}
	if (now->is.flags & PROCESS_FILES_CUT)
		json_bool(json, "cut", true);
	json_close(json);
	json_open_array(json, "deleted_files");
	for (unsigned int i = 0; i < now->deleted_count; i++) {
		json_open_object(json, NULL);
		json_number(json, "fd", now->deleted[i].fd);
		json_number(json, "size", now->deleted[i].bytes);
		bytes(json, "path", now->deleted[i].path);
		json_close(json);
	}
	json_close(json);
}

static void code(struct json *json, const struct process_now *now)
{
	uint64_t told = 0;

	json_open_array(json, "executable_memory");
	for (unsigned int i = 0; i < now->code_count; i++) {
		const struct process_code *code = &now->code[i];

		json_open_object(json, NULL);
		json_text(json, "permissions", code->permissions);
		json_number(json, "size", code->bytes);
		json_number(json, "pieces", code->pieces);
		bytes(json, "path", code->path);
		if (code->path.length)
			json_bool(json, "deleted", code->deleted);
		json_close(json);
		told += code->pieces;
	}
	json_close(json);
	if (told < now->is.code)
		json_number(json, "executable_memory_total", now->is.code);
}

static void places(struct json *json, const struct process_now *now)
{
	bytes(json, "working_directory", now->cwd);
	if (!bytes_are(now->root, "/"))
		bytes(json, "root", now->root);
	json_open_object(json, "namespaces");
	for (unsigned int i = 0; i < PROCESS_NAMESPACES; i++)
		if (now->is.namespaces[i])
			json_number(json, namespaces[i], now->is.namespaces[i]);
	json_close(json);
}

void record_now(struct json *json, const struct record_origin *origin,
		const struct process_now *now, bool values, int64_t unix_ns,
		int64_t wall_minus_boot)
{
	const struct frame_process *is = &now->is;

	record_begin(json, origin, "process", unix_ns);
	json_close(json);
	json_open_object(json, "process");
	json_number(json, "pid", is->tgid);
	comm(json, is->comm);
	json_time(json, "start", (int64_t)is->start + wall_minus_boot);
	bytes(json, "executable", now->exe);
	if (now->exe.length) {
		json_open_object(json, "exe");
		json_bool(json, "deleted", now->exe_deleted);
		json_close(json);
	}
	arguments(json, now);
	environment(json, now, values);
	ancestors(json, is);
	leaders(json, is);
	rights(json, now);
	json_open_object(json, "limits");
	limit(json, "open_files", &now->open_files);
	limit(json, "processes", &now->processes);
	json_close(json);
	files(json, now);
	code(json, now);
	places(json, now);
	if (is->flags & PROCESS_UNFINISHED)
		json_bool(json, "unfinished", true);
	json_close(json);
	if (!now->status)
		return;
	json_open_object(json, "user");
	json_number(json, "id", now->uid);
	json_open_object(json, "effective");
	json_number(json, "id", now->euid);
	json_close(json);
	json_close(json);
}

void record_processes(struct json *json, const struct frame_processes *sum)
{
	json_open_object(json, "processes");
	json_number(json, "told", sum->looked);
	json_number(json, "over", sum->gone);
	json_number(json, "no_time", sum->late);
	json_number(json, "no_room", sum->over);
	json_close(json);
}
