/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * make_script.h - a SCRIPT record built by hand: text is appended as the kernel programs do it
 */
#ifndef SMTPSNOOP_MAKE_SCRIPT_H
#define SMTPSNOOP_MAKE_SCRIPT_H

#include <stddef.h>
#include <string.h>

#include "base/frame.h"
#include "event_script.h"

#define MAKE_SCRIPT_UNUSED __attribute__((unused))

/* The payload of a FRAME_SCRIPT: `size` bytes from `facts` on. */
struct made_script {
	struct script_facts facts;
	struct event_script record;
	size_t size;
};

static MAKE_SCRIPT_UNUSED size_t made_text(struct made_script *made, const char *text)
{
	size_t at = made->record.head.size - offsetof(struct event_script, text);

	memcpy(made->record.text + at, text, strlen(text));
	made->record.head.size += (uint32_t)strlen(text);
	made->size = sizeof(made->facts) + made->record.head.size;
	return at;
}

static MAKE_SCRIPT_UNUSED void make_script(struct made_script *made, enum script_origin origin)
{
	memset(made, 0, sizeof(*made));
	made->record.head.kind = EVENT_SCRIPT;
	made->record.head.size = offsetof(struct event_script, text);
	made->record.status = SCRIPT_READ;
	made->record.origin = (uint8_t)origin;
	made->record.version = 802;
	memcpy(made->record.sapi, "fpm-fcgi", 8);
	made->size = sizeof(made->facts) + made->record.head.size;
}

static MAKE_SCRIPT_UNUSED void make_word(struct made_script *made, enum script_word word,
					 const char *text)
{
	made->record.words[word].at = (uint16_t)made_text(made, text);
	made->record.words[word].length = (uint16_t)strlen(text);
}

/* After all the words. NULL = has none. */
static MAKE_SCRIPT_UNUSED void make_call(struct made_script *made, const char *file, uint32_t line,
					 const char *class_name, const char *function)
{
	struct script_frame *frame = &made->record.frames[made->record.frame_count];
	size_t at = made->record.head.size - offsetof(struct event_script, text);

	if (made->record.frame_count++ == 0)
		made->record.frames_at = (uint16_t)at;
	frame->line = line;
	if (file) {
		frame->file = (uint16_t)strlen(file);
		made_text(made, file);
	}
	if (class_name) {
		frame->class_name = (uint8_t)strlen(class_name);
		made_text(made, class_name);
	}
	if (function) {
		frame->function = (uint8_t)strlen(function);
		made_text(made, function);
	}
}

#endif
