/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * record_process.c - who it was, as members of the record
 *
 * process.name is what the process calls itself (comm), process.executable what it is. Nothing is fatal.
 */
#include <string.h>
#include <sys/sysmacros.h>

#include "present/record_process.h"

#define NO_LOGIN 0xffffffffu

uint64_t record_device(uint32_t kernel_device)
{
	return makedev(kernel_device >> 20, kernel_device & 0xfffff);
}

static void bytes(struct json *json, const char *key, struct bytes text)
{
	if (text.length)
		json_bytes(json, key, text.at, text.length);
}

static void comm(struct json *json, const char name[EVENT_COMM_LEN])
{
	size_t length = strnlen(name, EVENT_COMM_LEN);

	if (length)
		json_bytes(json, "name", name, length);
}

static void arguments(struct json *json, const struct process *process)
{
	struct bytes argument;

	json_open_array(json, "args");
	for (unsigned int i = 0; (argument = process_argument(process, i)).at; i++)
		json_bytes(json, NULL, argument.at, argument.length);
	json_close(json);
	if (process->id.flags & IDENTITY_ARGV_CUT)
		json_bool(json, "args_cut", true);
}

static void ancestors(struct json *json, const struct event_identity *id)
{
	unsigned int count =
		id->ancestor_count < EVENT_ANCESTORS ? id->ancestor_count : EVENT_ANCESTORS;

	if (id->ppid) {
		json_open_object(json, "parent");
		json_number(json, "pid", id->ppid);
		if (count && id->ancestors[0].tgid == id->ppid)
			comm(json, id->ancestors[0].comm);
		json_close(json);
	}
	json_open_array(json, "ancestors");
	for (unsigned int i = 0; i < count; i++) {
		json_open_object(json, NULL);
		json_number(json, "pid", id->ancestors[i].tgid);
		comm(json, id->ancestors[i].comm);
		json_close(json);
	}
	json_close(json);
	if (id->flags & IDENTITY_ANCESTORS_CUT)
		json_bool(json, "ancestors_cut", true);
}

static void executable(struct json *json, const struct event_identity *id)
{
	if (id->flags & IDENTITY_NO_EXE || !id->exe_inode)
		return;
	json_open_object(json, "exe");
	json_number(json, "device", record_device(id->exe_device));
	json_number(json, "inode", id->exe_inode);
	json_bool(json, "deleted", id->flags & IDENTITY_EXE_DELETED);
	json_bool(json, "memfd", id->flags & IDENTITY_EXE_MEMFD);
	json_close(json);
}

static void user(struct json *json, const struct process *process)
{
	const struct event_identity *id = &process->id;

	json_open_object(json, "user");
	json_number(json, "id", id->uid);
	if (process->extra.user[0])
		json_bytes(json, "name", process->extra.user,
			   strnlen(process->extra.user, ENRICHMENT_NAME_MAX));
	json_open_object(json, "effective");
	json_number(json, "id", id->euid);
	json_close(json);
	if (id->loginuid != NO_LOGIN) {
		json_open_object(json, "login");
		json_number(json, "id", id->loginuid);
		if (process->extra.login[0])
			json_bytes(json, "name", process->extra.login,
				   strnlen(process->extra.login, ENRICHMENT_NAME_MAX));
		json_close(json);
	}
	json_close(json);
}

void record_process(struct json *json, const char *key, const struct process *process,
		    int64_t wall_minus_boot, bool with_user)
{
	const struct event_identity *id = &process->id;

	json_open_object(json, key);
	json_number(json, "pid", id->tgid);
	if (id->ns_tgid && id->ns_tgid != id->tgid)
		json_number(json, "namespace_pid", id->ns_tgid);
	comm(json, id->comm);
	bytes(json, "executable", process->exe);
	arguments(json, process);
	bytes(json, "working_directory", process->cwd);
	if (id->start)
		json_time(json, "start", (int64_t)id->start + wall_minus_boot);
	ancestors(json, id);
	executable(json, id);
	if (with_user)
		user(json, process);
	json_close(json);
}

void record_owner(struct json *json, const struct process *process)
{
	const struct event_identity *id = &process->id;

	user(json, process);
	json_open_object(json, "group");
	json_number(json, "id", id->gid);
	json_close(json);

	json_open_object(json, "cgroup");
	if (id->cgroup_id)
		json_number(json, "id", id->cgroup_id);
	bytes(json, "path", process->cgroup);
	json_close(json);

	json_open_object(json, "service");
	bytes(json, "name", process->unit);
	json_close(json);

	json_open_object(json, "container");
	bytes(json, "id", process->container);
	if (process->runtime)
		json_text(json, "runtime", process->runtime);
	json_close(json);

	if (process->pod.length) {
		json_open_object(json, "orchestrator");
		json_text(json, "type", "kubernetes");
		json_open_object(json, "resource");
		json_text(json, "type", "pod");
		bytes(json, "id", process->pod);
		json_close(json);
		json_close(json);
	}
}
