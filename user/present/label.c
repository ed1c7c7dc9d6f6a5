/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * label.c - the short words for who sent a connection, and to whom
 *
 * Words only, never a judgement: everything here but the executable is the process's own claim. Nothing is fatal.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/escape.h"
#include "enrich/script_file.h"
#include "present/layout.h"
#include "present/label.h"
#include "present/label_script.h"

#define ELLIPSIS "\xe2\x80\xa6"

static bool starts_with(struct bytes text, const char *start)
{
	size_t length = strlen(start);

	return text.length >= length && memcmp(text.at, start, length) == 0;
}

/* The end of a long text, from a component's beginning on. */
static void set_path(struct label *label, struct bytes path)
{
	label->path = true;
	if (path.length > LIMIT_LABEL) {
		const char *slash;

		path.at += path.length - LIMIT_LABEL;
		path.length = LIMIT_LABEL;
		slash = memchr(path.at, '/', path.length);
		if (slash) {
			path.length -= (size_t)(slash - path.at);
			path.at = slash;
		}
		strcpy(label->text, ELLIPSIS);
	}
	escape_text(label->text + strlen(label->text), sizeof(label->text) - strlen(label->text),
		    path.at, path.length, NULL);
}

static void set_text(struct label *label, struct bytes text)
{
	escape_text(label->text, sizeof(label->text), text.at,
		    text.length < LIMIT_LABEL ? text.length : LIMIT_LABEL, NULL);
}

static void set_suffix(struct label *label, const char *before, struct bytes name,
		       const char *after)
{
	char escaped[LABEL_SUFFIX / 2];

	escape_text(escaped, sizeof(escaped), name.at, name.length, NULL);
	snprintf(label->suffix, sizeof(label->suffix), "%s%s%s", before, escaped, after);
}

/* "perl -we print 1": the program's text with the option that it is for. */
static void set_code(struct label *label, const struct process *process, unsigned int argument,
		     struct bytes interpreter)
{
	struct bytes code = process_argument(process, argument), option = {"", 0};
	char text[LIMIT_LABEL + 1];

	if (!bytes_begin(code, "-") && argument > 1)
		option = process_argument(process, argument - 1);
	snprintf(text, sizeof(text), "%.*s%s%.*s %.*s", (int)interpreter.length, interpreter.at,
		 option.length ? " " : "", (int)option.length, option.at, (int)code.length,
		 code.at);
	set_text(label, bytes_of(text));
}

/* False: nothing is known but the interpreter. */
static bool label_arguments(struct label *label, const struct process *now,
			    const struct script *known, struct bytes name)
{
	const struct process then = script_executed(now, known), *process = &then;
	struct script_file script;

	if (!script_file_find(process, &script))
		return false;
	/* Code that was written over since may hold what was to be hidden: it is not shown. */
	if (script.kind == SCRIPT_CODE && known && known->words[SCRIPT_ARGV].length)
		return false;
	if (script.kind == SCRIPT_CODE && script.argument) {
		set_code(label, process, script.argument, name);
		return true;
	}
	if (!script.length)
		return false;
	if (script.kind == SCRIPT_MODULE)
		set_text(label, script_file_path(&script));
	else
		set_path(label, script_file_path(&script));
	if (script.kind == SCRIPT_UNKNOWN) /* the directories are known, the name is not */
		strncat(label->text, ELLIPSIS, sizeof(label->text) - strlen(label->text) - 1);
	set_suffix(label, " (", name, script.kind == SCRIPT_UNKNOWN ? ", script not known)" : ")");
	return true;
}

struct bytes label_pool(const struct process *process)
{
	static const char title[] = "php-fpm: ";
	const struct bytes none = {NULL, 0};
	struct bytes argument = process_argument(process, 0);

	if (!starts_with(process_name(process), "php-fpm") || !argument.at ||
	    !starts_with(argument, title))
		return none;
	argument.at += sizeof(title) - 1;
	argument.length -= sizeof(title) - 1;
	while (argument.length && argument.at[argument.length - 1] == ' ')
		argument.length--;
	return argument;
}

/* Where the distribution's programs are, the name alone says it all. */
static bool is_ordinary(struct bytes exe, size_t name_length)
{
	static const char *const places[] = {"/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/",
					     "/usr/libexec/"};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (starts_with(exe, places[i]) && exe.length - name_length == strlen(places[i]))
			return true;
	return false;
}

static bool label_mta(struct label *label, const struct process *process, struct bytes name)
{
	size_t length = strnlen(process->extra.mta, sizeof(process->extra.mta));
	char text[2 * ENRICHMENT_NAME_MAX + 8];

	if (!length || starts_with(name, process->extra.mta))
		return false;
	snprintf(text, sizeof(text), "%.*s/%.*s", (int)length, process->extra.mta,
		 (int)(name.length < ENRICHMENT_NAME_MAX ? name.length : ENRICHMENT_NAME_MAX),
		 name.at);
	set_text(label, (struct bytes){text, strlen(text)});
	return true;
}

static void label_executable(struct label *label, const struct process *process, struct bytes name)
{
	static const struct bytes nothing = {"", 0};

	if (!process->exe.length) {
		set_text(label, name);
		if (process->id.flags & IDENTITY_KTHREAD)
			strcpy(label->suffix, " (kernel)");
		return;
	}
	if (is_ordinary(process->exe, name.length))
		set_text(label, name);
	else
		set_path(label, process->exe);
	if (process->id.flags & IDENTITY_EXE_MEMFD)
		set_suffix(label, " (memory only)", nothing, "");
	else if (process->id.flags & IDENTITY_EXE_DELETED)
		set_suffix(label, " (deleted)", nothing, "");
}

void label_of(struct label *label, const struct process *process, const struct script *known,
	      enum verdict_class class)
{
	struct bytes name;

	memset(label, 0, sizeof(*label)); /* it is hashed as bytes */
	if (!process) {
		strcpy(label->text, "?");
		return;
	}
	name = process_name(process);
	if (class == VERDICT_MTA && label_mta(label, process, name))
		return;
	if (label_pool(process).length) {
		set_text(label, label_pool(process));
		set_suffix(label, " (", name, ")");
		return;
	}
	if (!(process->id.flags & IDENTITY_EXE_MEMFD) &&
	    label_arguments(label, process, known, name))
		return;
	label_executable(label, process, name);
}

void label_source(struct label *label, const struct connection *connection)
{
	char address[LABEL_ADDRESS];

	if (label_script(label, connection))
		return;
	label_of(label, connection->opener, connection->scripts[SCRIPT_OF_OPENER],
		 connection->verdict.class);
	if (connection->opener)
		return;
	label_address(address, sizeof(address), connection->ends.local);
	memset(label->text, 0, sizeof(label->text));
	strcpy(label->text, address);
}

bool label_run(struct label *label, const struct connection *connection)
{
	const struct script *script = connection_script(connection);
	const struct process *writer = connection->sender ? connection->sender : connection->opener;
	unsigned int whose = connection->sender ? SCRIPT_OF_SENDER : SCRIPT_OF_OPENER;

	if (!script || !script->version || script->origin != SCRIPT_OF_ANCESTOR || !writer)
		return false;
	label_of(label, writer, connection->scripts[whose], connection->verdict.class);
	return true;
}

void label_fit(char *out, size_t size, const struct label *label, unsigned int width)
{
	size_t length = strlen(label->suffix);
	unsigned int suffix = (unsigned int)escape_columns(label->suffix, length);
	const char *slash = strrchr(label->text, '/');
	const char *leaf = label->path && slash ? slash + 1 : label->text;
	unsigned int least = (unsigned int)escape_columns(leaf, strlen(leaf));
	char text[LINE_BYTES];

	/* The suffix goes where it would cost the name itself; of ":41 send()" the line stays longest. */
	if (label->script && least + suffix > width)
		suffix = (unsigned int)(length = strcspn(label->suffix, " "));
	if (suffix >= width || least + suffix > width)
		suffix = 0;
	if (label->path)
		columns_fit_path(text, sizeof(text), label->text, width - suffix);
	else
		columns_fit(text, sizeof(text), label->text, width - suffix);
	snprintf(out, size, "%s%.*s", text, suffix ? (int)length : 0, label->suffix);
}

void label_owner(char *out, size_t size, const char *name, uint32_t uid)
{
	if (name[0])
		escape_text(out, size, name, strnlen(name, ENRICHMENT_NAME_MAX), NULL);
	else if (uid == UINT32_MAX)
		snprintf(out, size, "?");
	else
		snprintf(out, size, "uid %u", uid);
}

void label_user(char *out, size_t size, const struct process *process)
{
	if (process)
		label_owner(out, size, process->extra.user, process->id.uid);
	else
		snprintf(out, size, "?");
}

void label_named(char *out, size_t size, const char comm[EVENT_COMM_LEN], uint32_t pid)
{
	size_t used = escape_text(out, size, comm, strnlen(comm, EVENT_COMM_LEN), NULL);

	snprintf(out + used, size - used, "[%u]", pid);
}

bool label_address(char *out, size_t size, const uint8_t address[16])
{
	bool v4 = address_is_v4(address);

	inet_ntop(v4 ? AF_INET : AF_INET6, address + (v4 ? 12 : 0), out, (socklen_t)size);
	return v4;
}

void label_endpoint(char *out, size_t size, const uint8_t address[16], uint16_t port,
		    unsigned int width)
{
	char text[LABEL_ADDRESS + sizeof(ELLIPSIS)];
	char number[8];
	bool v4 = label_address(text, LABEL_ADDRESS, address);
	size_t room, around;

	snprintf(number, sizeof(number), "%u", port);
	around = strlen(number) + (v4 ? 1 : 3);
	room = width > around + 1 ? width - around : 2;
	if (strlen(text) > room)
		strcpy(text + room - 1, ELLIPSIS);
	snprintf(out, size, v4 ? "%s:%s" : "[%s]:%s", text, number);
}

void label_destination(char *out, size_t size, const struct connection *connection,
		       unsigned int width)
{
	char proxy[LABEL_ENDPOINT];
	struct label label = {.path = false};
	size_t columns;

	label_endpoint(proxy, sizeof(proxy), connection->ends.remote, connection->ends.remote_port,
		       connection->target_length ? LABEL_ENDPOINT : width);
	if (!connection->target_length) {
		snprintf(out, size, "%s", proxy);
		return;
	}
	escape_text(label.text, sizeof(label.text), connection->target, connection->target_length,
		    NULL);
	columns = escape_columns(label.text, strlen(label.text)) + strlen(" via ") + strlen(proxy);
	if (columns <= width)
		snprintf(label.suffix, sizeof(label.suffix), " via %s", proxy);
	else
		snprintf(label.suffix, sizeof(label.suffix), " (proxy)");
	label_fit(out, size, &label, width);
}

void label_ports(char *out, size_t size, const uint16_t *ports, unsigned int count)
{
	size_t used = 0;

	out[0] = '\0';
	for (unsigned int i = 0; i < count && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%s%u", i ? ", " : "", ports[i]);
}
