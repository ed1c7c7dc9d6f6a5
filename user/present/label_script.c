/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * label_script.c - the words for the script that sent a connection
 *
 * All of it is the script's own claim but for what the file system says of its file. Nothing is fatal.
 */
#include <stdio.h>
#include <string.h>

#include "base/escape.h"
#include "present/label_script.h"

#define ELLIPSIS "\xe2\x80\xa6"
#define NAME_BYTES 96 /* of a class or function: the rest tells nothing more */

static void escaped_name(char *out, size_t size, struct bytes name)
{
	escape_text(out, size, name.at, name.length < NAME_BYTES ? name.length : NAME_BYTES, NULL);
}

/* ":41 Mailer::send()" */
static void call_words(char *out, size_t size, const struct script_call *call)
{
	char class_name[4 * NAME_BYTES + 1] = "", function[4 * NAME_BYTES + 1] = "";
	size_t used = 0;

	out[0] = '\0';
	if (call->line)
		used = (size_t)snprintf(out, size, ":%u", call->line);
	if (!call->function.length)
		return;
	escaped_name(function, sizeof(function), call->function);
	if (call->class_name.length)
		escaped_name(class_name, sizeof(class_name), call->class_name);
	snprintf(out + used, size - used, " %s%s%s()", class_name, class_name[0] ? "::" : "",
		 function);
}

bool label_script(struct label *label, const struct connection *connection)
{
	const struct script *script = connection_script(connection);
	struct bytes file = script ? script_sender(script) : (struct bytes){NULL, 0};
	const struct script_call *caller;

	if (!file.length || !script->version)
		return false;
	memset(label, 0, sizeof(*label));
	label->script = true;
	label->path = file.at[0] == '/';
	if (script_file_cut(script))
		strcpy(label->text, ELLIPSIS);
	escape_text(label->text + strlen(label->text), sizeof(label->text) - strlen(label->text),
		    file.at, file.length, NULL);
	caller = script_caller(script);
	if (caller)
		call_words(label->suffix, sizeof(label->suffix), caller);
	else
		strcpy(label->suffix, " (what was asked for)");
	return true;
}

/* Appends `before` and the word, if there is one; an ellipsis stands for what has no room. */
static void append(char *out, size_t size, struct bytes word, const char *before)
{
	const size_t room = size - sizeof(ELLIPSIS);
	size_t used = strlen(out), taken;

	if (!word.length || used + strlen(before) + 5 >= room)
		return;
	strcat(out, before);
	used = strlen(out);
	escape_text(out + used, room - used, word.at, word.length, &taken);
	if (taken < word.length)
		strcat(out, ELLIPSIS);
}

void label_request(char *out, size_t size, const struct script *script)
{
	const struct bytes *words = script->words;
	const char *gap;
	bool url = words[SCRIPT_URL].length;

	out[0] = '\0';
	if (!words[SCRIPT_METHOD].length && !url)
		return;
	/* Who asks chooses how long the rest is. */
	append(out, size, words[SCRIPT_CLIENT], "from ");
	if (out[0])
		strcat(out, ":");
	gap = out[0] ? " " : "";
	append(out, size, words[SCRIPT_METHOD], gap);
	gap = out[0] ? " " : "";
	append(out, size, words[SCRIPT_HOST], gap);
	append(out, size, words[SCRIPT_URL], words[SCRIPT_HOST].length ? "" : gap);
	if (url && !memchr(words[SCRIPT_URL].at, '?', words[SCRIPT_URL].length))
		append(out, size, words[SCRIPT_QUERY], "?");
}

void label_called_from(char *out, size_t size, const struct script *script)
{
	const struct script_call *caller = script_caller(script);
	struct bytes entry = script->words[SCRIPT_ENTRY];

	out[0] = '\0';
	if (!caller)
		return;
	for (const struct script_call *call = caller; call < script->calls + script->call_count;
	     call++) {
		if (!call->file.length || bytes_equal(call->file, caller->file))
			continue;
		append(out, size, call->file, "");
		if (call->line)
			snprintf(out + strlen(out), size - strlen(out), ":%u", call->line);
		return;
	}
	if (bytes_begin(entry, "/") && !bytes_equal(entry, caller->file))
		append(out, size, entry, "");
}

void label_started_by(char *out, size_t size, const struct script *script)
{
	char name[4 * NAME_BYTES + 1];

	out[0] = '\0';
	if (script->origin != SCRIPT_OF_ANCESTOR || !script->call_count ||
	    script->calls[0].file.length)
		return;
	escaped_name(name, sizeof(name), script->calls[0].function);
	snprintf(out, size, "%s()", name);
}

void label_script_note(char *out, size_t size, const struct script *script)
{
	static const char *const unknown[] = {
		[SCRIPT_THREADS] = "script unknown: a PHP with threads",
		[SCRIPT_VERSION] = "script unknown: a version of PHP that is not known",
		[SCRIPT_UNREADABLE] = "script unknown: PHP's memory was not resident",
		[SCRIPT_ODD] = "script unknown: what PHP's memory holds makes no sense",
	};

	out[0] = '\0';
	if (script->status > SCRIPT_READ && script->status <= SCRIPT_ODD)
		snprintf(out, size, "%s", unknown[script->status]);
	if (script->facts.known == SCRIPT_FILE_GONE)
		snprintf(out + strlen(out), size - strlen(out), "%sits file is deleted",
			 out[0] ? ", " : "");
}
