/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * record_script.c - which script it was, as members of the record
 *
 * What the process has in its memory: a claim. Who controls the process can name another file. Nothing is fatal.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "present/record_script.h"

static void bytes(struct json *json, const char *key, struct bytes text)
{
	if (text.length)
		json_bytes(json, key, text.at, text.length);
}

/* "Mailer::send", "send" */
static void function(struct json *json, const struct script_call *call)
{
	char name[2 * SCRIPT_WORD_MAX + 2];
	size_t used = 0;

	if (call->class_name.length) {
		memcpy(name, call->class_name.at, call->class_name.length);
		used = call->class_name.length;
		memcpy(name + used, "::", 2);
		used += 2;
	}
	if (call->function.length) {
		memcpy(name + used, call->function.at, call->function.length);
		used += call->function.length;
	}
	if (used)
		json_bytes(json, "function", name, used);
}

static void call_members(struct json *json, const struct script_call *call)
{
	bytes(json, "file", call->file);
	if (call->file.length && call->line)
		json_number(json, "line", call->line);
	function(json, call);
}

static void backtrace(struct json *json, const struct script *script)
{
	json_open_array(json, "backtrace");
	for (unsigned int i = 0; i < script->call_count; i++) {
		json_open_object(json, NULL);
		call_members(json, &script->calls[i]);
		json_close(json);
	}
	json_close(json);
	if (script->flags & SCRIPT_F_FRAMES_CUT)
		json_bool(json, "backtrace_cut", true);
}

/* Path and query. PHP's own field lacks the query, and has it beside. */
static void url(struct json *json, const struct script *script)
{
	struct bytes path = script->words[SCRIPT_URL], query = script->words[SCRIPT_QUERY];
	char whole[2 * SCRIPT_URL_MAX + 1];

	if (!query.length || (path.length && memchr(path.at, '?', path.length)) ||
	    path.length + query.length + 1 > sizeof(whole)) {
		bytes(json, "url", path);
		return;
	}
	if (path.length)
		memcpy(whole, path.at, path.length);
	whole[path.length] = '?';
	memcpy(whole + path.length + 1, query.at, query.length);
	json_bytes(json, "url", whole, path.length + 1 + query.length);
}

/* Consumers index it as an address: other text of the server's, or the attacker's, is left out. */
static void client_address(struct json *json, struct bytes text)
{
	char address[INET6_ADDRSTRLEN];
	uint8_t bytes[16];

	if (!text.length || text.length >= sizeof(address))
		return;
	memcpy(address, text.at, text.length);
	address[text.length] = '\0';
	if (strlen(address) == text.length &&
	    (inet_pton(AF_INET, address, bytes) == 1 || inet_pton(AF_INET6, address, bytes) == 1))
		json_text(json, "ip", address);
}

/* PHP calls what it runs without a file "Standard input code", whatever it is: `php -r` is no standard input. */
static bool is_made_up(const struct script *script)
{
	return script->call_count && script->words[SCRIPT_ENTRY].length &&
	       !bytes_begin(script->words[SCRIPT_ENTRY], "/") &&
	       !bytes_equal(script->words[SCRIPT_ENTRY],
			    script->calls[script->call_count - 1].file);
}

static void request(struct json *json, const struct script *script)
{
	if (!is_made_up(script))
		bytes(json, "entry", script->words[SCRIPT_ENTRY]);
	bytes(json, "method", script->words[SCRIPT_METHOD]);
	url(json, script);
	bytes(json, "host", script->words[SCRIPT_HOST]);
	bytes(json, "docroot", script->words[SCRIPT_DOCROOT]);
	json_open_object(json, "client");
	client_address(json, script->words[SCRIPT_CLIENT]);
	json_close(json);
	if (script->flags & SCRIPT_F_WORDS_CUT)
		json_bool(json, "request_cut", true);
}

static void file_facts(struct json *json, const struct script_facts *facts)
{
	if (facts->known == SCRIPT_FILE_GONE)
		json_bool(json, "deleted", true);
	if (facts->known != SCRIPT_FILE_THERE)
		return;
	json_time(json, "changed", facts->changed * INT64_C(1000000000));
	json_open_object(json, "owner");
	json_number(json, "id", facts->uid);
	if (facts->owner[0])
		json_text(json, "name", facts->owner);
	json_close(json);
}

static const char *status(const struct script *script)
{
	if (script->status == SCRIPT_READ && script->origin == SCRIPT_OF_ANCESTOR)
		return "inherited";
	return script_status_name(script->status);
}

/* A script that the interpreter was started with. */
static void started_members(struct json *json, const struct script_file *file)
{
	static const char *const kinds[] = {
		[SCRIPT_MODULE] = "module",
		[SCRIPT_CODE] = "code",
		[SCRIPT_STDIN] = "stdin",
	};

	json_text(json, "language", script_language_name(file->language));
	if (file->kind == SCRIPT_FILE)
		bytes(json, "file", script_file_path(file));
	else if (file->kind == SCRIPT_MODULE)
		bytes(json, "module", script_file_path(file));
	if (file->kind != SCRIPT_FILE && file->kind != SCRIPT_UNKNOWN)
		json_text(json, "kind", kinds[file->kind]);
}

bool record_script_started(const struct connection *connection, struct script_file *file)
{
	const struct process *process =
		connection->sender ? connection->sender : connection->opener;
	const struct script *known =
		connection->scripts[connection->sender ? SCRIPT_OF_SENDER : SCRIPT_OF_OPENER];
	struct process then;

	if (!process)
		return false;
	then = script_executed(process, known);
	return script_file_find(&then, file);
}

static void php_members(struct json *json, const struct script *script)
{
	const struct script_call *caller = script_caller(script);
	char version[16];

	json_text(json, "language", script_language_name(SCRIPT_PHP));
	snprintf(version, sizeof(version), "%u.%u", script->version / 100, script->version % 100);
	json_text(json, "version", version);
	bytes(json, "sapi", script->sapi);
	if (status(script))
		json_text(json, "status", status(script));
	bytes(json, "file", script_sender(script));
	if (!caller && script_sender(script).length)
		json_text(json, "file_from", "entry");
	if (script_file_cut(script))
		json_bool(json, "file_cut", true);
	if (caller && caller->line)
		json_number(json, "line", caller->line);
	if (caller)
		function(json, caller);
	backtrace(json, script);
}

/* SSH_CONNECTION, ssh(1): "client port server port", of who has started it from a login. */
void record_login(struct json *json, const struct connection *connection)
{
	const struct script *own = connection->scripts[SCRIPT_OF_OPENER];

	json_open_object(json, "session");
	if (own)
		bytes(json, "ssh", own->words[SCRIPT_SSH]);
	json_close(json);
}

struct bytes record_script_file(const struct connection *connection, struct script_file *room)
{
	const struct script *script = connection_script(connection);

	if (script && script->version)
		return script_sender(script);
	if (record_script_started(connection, room) && room->kind == SCRIPT_FILE)
		return script_file_path(room);
	return (struct bytes){NULL, 0};
}

struct bytes record_script_other(const struct connection *connection, struct script_file *room)
{
	const struct script *script = connection_script(connection);
	struct bytes entry;

	if (!script || !script->version)
		return (struct bytes){NULL, 0};
	if (script->origin == SCRIPT_OF_ANCESTOR && record_script_started(connection, room) &&
	    room->kind == SCRIPT_FILE)
		return script_file_path(room);
	entry = script->words[SCRIPT_ENTRY];
	if (is_made_up(script) || bytes_equal(entry, script_sender(script)))
		return (struct bytes){NULL, 0};
	return entry;
}

void record_script(struct json *json, const struct connection *connection)
{
	const struct script *script = connection_script(connection);
	bool php = script && script->version;
	struct script_file file;
	bool started = record_script_started(connection, &file);

	json_open_object(json, "script");
	if (php)
		php_members(json, script);
	else if (started)
		started_members(json, &file);
	if (script) {
		request(json, script);
		if (php || (started && file.kind == SCRIPT_FILE &&
			    bytes_equal(script_file_path(&file), script->words[SCRIPT_ENTRY])))
			file_facts(json, &script->facts);
	}
	if (php && started && script->origin == SCRIPT_OF_ANCESTOR) {
		json_open_object(json, "run");
		started_members(json, &file);
		json_close(json);
	}
	json_close(json);
}
