/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * script.c - which script a process runs, decoded from one FRAME_SCRIPT
 */
#include "enrich/script.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHANGED_MAX (INT64_MAX / 1000000000) /* seconds that nanoseconds can count */
#define CODE_OF_EVAL ") : eval()'d code" /* Zend/zend.c, zend_make_compiled_string_description() */

/* Does the text lie in the record? */
const char *script_status_name(enum script_status status)
{
	static const char *const names[] = {
		[SCRIPT_NONE] = NULL,
		[SCRIPT_READ] = "read",
		[SCRIPT_THREADS] = "zts",
		[SCRIPT_VERSION] = "unknown-version",
		[SCRIPT_UNREADABLE] = "unreadable",
		[SCRIPT_ODD] = "odd",
	};

	return names[status];
}

static bool inside(uint32_t at, uint32_t length, size_t text)
{
	return at <= text && length <= text - at;
}

static bool sound(const struct event_script *script, size_t size)
{
	size_t text = size - offsetof(struct event_script, text);
	size_t at = script->frame_count ? script->frames_at : 0;

	if (script->head.size != size || script->head.kind != EVENT_SCRIPT ||
	    script->frame_count > SCRIPT_FRAMES || script->status > SCRIPT_ODD ||
	    script->origin < SCRIPT_OF_OPENER || script->origin > SCRIPT_OF_ANCESTOR)
		return false;
	for (int i = 0; i < SCRIPT_WORDS; i++)
		if (!inside(script->words[i].at, script->words[i].length, text))
			return false;
	for (int i = 0; i < script->frame_count; i++)
		at += (size_t)script->frames[i].file + script->frames[i].class_name +
		      script->frames[i].function;
	return at <= text;
}

static struct bytes take(const char **at, size_t length)
{
	struct bytes piece = {length ? *at : NULL, length};

	*at += length;
	return piece;
}

static void turn_directory(struct script *script, char *room)
{
	struct bytes *cwd = &script->words[SCRIPT_CWD];

	if (script->flags & SCRIPT_F_CWD_ROOT)
		*cwd = bytes_of("/");
	else if (cwd->length)
		*cwd = (struct bytes){
			room, process_turn_path(room, *cwd, script->flags & SCRIPT_F_CWD_CUT)};
}

static void fill(struct script *script, const struct event_script *record, const char *text,
		 char *room)
{
	const char *at = text + record->frames_at;

	script->status = (enum script_status)record->status;
	script->origin = (enum script_origin)record->origin;
	script->flags = record->flags;
	script->version = record->version;
	script->tgid = record->tgid;
	for (int i = 0; i < SCRIPT_WORDS; i++)
		if (record->words[i].length)
			script->words[i] =
				(struct bytes){text + record->words[i].at, record->words[i].length};
	turn_directory(script, room);
	script->call_count = record->frame_count;
	for (unsigned int i = 0; i < script->call_count; i++) {
		const struct script_frame *frame = &record->frames[i];
		struct script_call *call = &script->calls[i];

		call->file = take(&at, frame->file);
		call->class_name = take(&at, frame->class_name);
		call->function = take(&at, frame->function);
		call->line = frame->line;
	}
}

struct script *script_decode(const void *payload, size_t size)
{
	const size_t fixed = offsetof(struct event_script, text);
	struct event_script record; /* only the part before text[] is filled */
	struct script_facts facts;
	struct script *script;
	char *text;

	if (size < sizeof(facts) + fixed || size > sizeof(facts) + sizeof(record))
		goto bad;
	memcpy(&facts, payload, sizeof(facts));
	memcpy(&record, (const char *)payload + sizeof(facts), fixed);
	if (!sound(&record, size - sizeof(facts)) ||
	    !memchr(facts.owner, '\0', sizeof(facts.owner)))
		goto bad;
	script = calloc(1, sizeof(*script) + sizeof(record.sapi) + 2 * size + PROCESS_TURN_EXTRA);
	if (!script)
		return NULL;
	text = (char *)(script + 1);
	memcpy(text, record.sapi, sizeof(record.sapi));
	script->sapi = (struct bytes){text, strnlen(record.sapi, sizeof(record.sapi))};
	text += sizeof(record.sapi);
	memcpy(text, (const char *)payload + sizeof(facts) + fixed, size - sizeof(facts) - fixed);
	script->facts = facts;
	/* A file system may say any time. */
	if (facts.changed < 0 || facts.changed > CHANGED_MAX)
		script->facts.known = SCRIPT_FILE_UNKNOWN;
	fill(script, &record, text, text + size);
	return script;
bad:
	errno = EBADMSG;
	return NULL;
}

const struct script_call *script_caller(const struct script *script)
{
	for (unsigned int i = 0; i < script->call_count; i++)
		if (script->calls[i].file.length)
			return &script->calls[i];
	return NULL;
}

/* From the end, as long as it ends so: a directory may have such a name. */
struct bytes script_path(struct bytes file)
{
	const size_t length = sizeof(CODE_OF_EVAL) - 1;

	while (file.length > length &&
	       !memcmp(file.at + file.length - length, CODE_OF_EVAL, length)) {
		const char *bracket = memrchr(file.at, '(', file.length - length);

		if (!bracket)
			break;
		file.length = (size_t)(bracket - file.at);
	}
	return file;
}

struct bytes script_sender(const struct script *script)
{
	const struct script_call *caller = script_caller(script);

	if (!caller)
		return script->words[SCRIPT_ENTRY];
	return script->facts.whole ? caller->file : script_path(caller->file);
}

bool script_file_cut(const struct script *script)
{
	const struct script_call *caller = script_caller(script);

	return caller ? caller->file.length == SCRIPT_WORD_MAX - 1
		      : script->words[SCRIPT_ENTRY].length == SCRIPT_URL_MAX - 1;
}

struct process script_executed(const struct process *process, const struct script *script)
{
	struct process then = *process;

	if (!script)
		return then;
	if (script->words[SCRIPT_ARGV].length) {
		then.argv = script->words[SCRIPT_ARGV];
		then.id.flags &= ~(uint32_t)(IDENTITY_ARGV_CUT | IDENTITY_ARGV_UNREAD);
		if (script->flags & SCRIPT_F_ARGV_CUT)
			then.id.flags |= IDENTITY_ARGV_CUT;
	}
	if (script->words[SCRIPT_CWD].length)
		then.cwd = script->words[SCRIPT_CWD];
	return then;
}
