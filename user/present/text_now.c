/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * text_now.c - the processes of an actor as they are now, as text
 *
 * What the process chose stands in lines of its own that begin with our words and are cut and never wrapped, so that none can look like
 * another line, a command to be copied for example. Nothing is fatal.
 */
#include <cap-ng.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/escape.h"
#include "base/number.h"
#include "present/label.h"
#include "present/text_now.h"
#include "present/text_socket.h"

#define CAPABILITIES 64
#define CAPABILITIES_SHOWN 6 /* of more, how many */
#define PIECES_SHOWN 4 /* deleted files, executable memory */
#define VARIABLES_SHOWN 32 /* with their values, a line each */

/* Words for one line. What is over its room is cut with it. */
struct words {
	size_t used;
	char text[LINE_BYTES];
};

static void say(struct words *words, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct words *words, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(words->text + words->used, sizeof(words->text) - words->used, format,
			   arguments);
	va_end(arguments);
	if (length > 0)
		words->used += (size_t)length;
	if (words->used >= sizeof(words->text))
		words->used = sizeof(words->text) - 1;
}

static void say_bytes(struct words *words, struct bytes bytes)
{
	words->used += escape_text(words->text + words->used, sizeof(words->text) - words->used,
				   bytes.at, bytes.length, NULL);
}

static void say_size(struct words *words, uint64_t bytes)
{
	char size[TEXT_BYTES];

	text_bytes(size, bytes);
	say(words, "%s", size);
}

static void put(const struct text *text, struct words *words, unsigned int indent)
{
	char fitted[LINE_BYTES];
	struct line line;

	columns_fit(fitted, sizeof(fitted), words->text, text->layout.width - indent);
	line_clear(&line);
	line_pad(&line, indent);
	line_add(&line, fitted);
	text_put(text, &line);
	words->used = 0;
	words->text[0] = '\0';
}

/* "4711: php-fpm: pool www" */
static void put_command(const struct text *text, const struct process_now *now, unsigned int indent)
{
	char line[PROCESS_CMDLINE_MAX];
	size_t length = process_now_cmdline(now, line);
	struct words words = {.used = 0};

	say(&words, "%" PRIu32 ": ", now->is.tgid);
	if (length) {
		say_bytes(&words, (struct bytes){line, length});
	} else {
		say_bytes(&words,
			  (struct bytes){now->is.comm, strnlen(now->is.comm, EVENT_COMM_LEN)});
		say(&words, " (no command line)");
	}
	put(text, &words, indent);
}

/* What it has or can take. */
static void say_capabilities(struct words *words, const struct process_now *now)
{
	unsigned int count = (unsigned int)__builtin_popcountll(now->permitted);

	if (!now->status)
		return;
	if (!count)
		say(words, ", no capabilities");
	else if (count > CAPABILITIES_SHOWN)
		say(words, ", %u capabilities", count);
	for (unsigned int i = 0; i < CAPABILITIES && count <= CAPABILITIES_SHOWN; i++) {
		const char *name = capng_capability_to_name(i);

		if (!(now->permitted & UINT64_C(1) << i))
			continue;
		if (name)
			say(words, ", cap_%s", name);
		else
			say(words, ", capability %u", i);
	}
}

static void say_namespaces(struct words *words, const struct frame_process *is)
{
	static const char *const names[PROCESS_NAMESPACES] = {"net", "pid", "mnt", "user"};
	bool any = false;

	for (unsigned int i = 0; i < PROCESS_NAMESPACES; i++)
		if (is->namespaces[i]) {
			say(words, "%s %s", any ? "" : ", own namespaces", names[i]);
			any = true;
		}
}

static void put_numbers(const struct text *text, const struct process_now *now,
			int64_t wall_minus_boot, unsigned int indent)
{
	struct words words = {.used = 0};
	char date[TEXT_DATE], tty[PROCESS_TTY];

	text_date(date, sizeof(date), (int64_t)now->is.start + wall_minus_boot);
	process_now_tty(tty, now->is.tty);
	say(&words, "since %s, %s%s", date, !now->is.tty ? "no terminal" : "terminal ",
	    now->is.tty && !tty[0] ? "?" : tty);
	if (now->is.session)
		say(&words, ", session %" PRIu32, now->is.session);
	if (now->is.threads > 1)
		say(&words, ", %" PRIu32 " threads", now->is.threads);
	say_capabilities(&words, now);
	say_namespaces(&words, &now->is);
	put(text, &words, indent);
}

/* "from php-fpm8.2[812] <- systemd[1]" */
static void put_ancestors(const struct text *text, const struct frame_process *is,
			  unsigned int indent)
{
	struct words words = {.used = 0};
	char name[LABEL_NAMED];

	if (!is->ancestor_count)
		return;
	for (unsigned int i = 0; i < is->ancestor_count; i++) {
		label_named(name, sizeof(name), is->ancestors[i].comm, is->ancestors[i].tgid);
		say(&words, "%s%s", i ? " <- " : "from ", name);
	}
	if (is->flags & PROCESS_ANCESTORS_CUT)
		say(&words, " <- ?");
	put(text, &words, indent);
}

static void put_deleted(const struct text *text, const struct process_now *now, unsigned int indent)
{
	struct words words = {.used = 0};

	for (unsigned int i = 0; i < now->deleted_count && i < PIECES_SHOWN; i++) {
		say(&words, "deleted and still open: ");
		say_bytes(&words, now->deleted[i].path);
		say(&words, " (");
		say_size(&words, now->deleted[i].bytes);
		say(&words, ")");
		put(text, &words, indent);
	}
	if (now->is.deleted > PIECES_SHOWN) {
		say(&words, "and %" PRIu32 " more deleted files", now->is.deleted - PIECES_SHOWN);
		put(text, &words, indent);
	}
}

static void put_code(const struct text *text, const struct process_now *now, unsigned int indent)
{
	struct words words = {.used = 0};

	for (unsigned int i = 0; i < now->code_count && i < PIECES_SHOWN; i++) {
		const struct process_code *code = &now->code[i];

		say(&words, "executable memory: ");
		say_size(&words, code->bytes);
		say(&words, " %.3s %s", code->permissions,
		    !code->path.length ? "without a file"
		    : code->deleted    ? "of the deleted "
				       : "of ");
		say_bytes(&words, code->path);
		put(text, &words, indent);
	}
	if (now->code_count > PIECES_SHOWN) {
		say(&words, "and %u more kinds of executable memory",
		    now->code_count - PIECES_SHOWN);
		put(text, &words, indent);
	}
}

/* A line for each, where they have their values. */
static void put_values(const struct text *text, const struct process_now *now, unsigned int indent)
{
	struct bytes rest = now->environment, entry;
	struct words words = {.used = 0};
	unsigned int count = 0;

	while ((entry = process_now_next(&rest)).at && count++ < VARIABLES_SHOWN) {
		say(&words, "environment: ");
		say_bytes(&words, entry);
		put(text, &words, indent);
	}
	if (entry.at) {
		say(&words, "and more variables: --json has them");
		put(text, &words, indent);
	}
}

static void say_names(struct words *words, const struct process_now *now)
{
	struct bytes rest = now->environment, entry;

	say(words, "%senvironment:", words->used ? "; " : "");
	while ((entry = process_now_next(&rest)).at) {
		say(words, " ");
		say_bytes(words, entry);
	}
}

static void put_files(const struct text *text, const struct process_now *now, unsigned int indent)
{
	char cwd[LINE_BYTES], fitted[LINE_BYTES];
	struct words words = {.used = 0};

	if (now->is.files)
		say(&words, "%s%" PRIu32 " file%s open",
		    now->is.flags & PROCESS_FILES_CUT ? "over " : "", now->is.files,
		    plural(now->is.files));
	if (now->cwd.length) {
		escape_text(cwd, sizeof(cwd), now->cwd.at, now->cwd.length, NULL);
		columns_fit_path(fitted, sizeof(fitted), cwd, text->layout.width / 4);
		say(&words, "%sin %s", words.used ? ", " : "", fitted);
	}
	if (now->environment.length && !(now->is.flags & PROCESS_VALUES))
		say_names(&words, now);
	if (words.used)
		put(text, &words, indent);
	if (now->is.flags & PROCESS_VALUES)
		put_values(text, now, indent);
}

static void put_process(const struct text *text, const struct process_now *now,
			int64_t wall_minus_boot, unsigned int indent)
{
	struct words words = {.used = 0};

	put_command(text, now, indent);
	indent += 2;
	put_numbers(text, now, wall_minus_boot, indent);
	put_ancestors(text, &now->is, indent);
	put_deleted(text, now, indent);
	put_code(text, now, indent);
	put_files(text, now, indent);
	if (now->is.flags & PROCESS_UNFINISHED) {
		say(&words, "it took too long to read: there may be more of all this");
		put(text, &words, indent);
	}
}

static bool is_telling(const struct process_now *now)
{
	return now->is.deleted || now->is.code || now->is.flags & PROCESS_UNFINISHED;
}

void text_processes(const struct text *text, const uint32_t *pids, unsigned int pid_count,
		    enum verdict_class class, int64_t wall_minus_boot, unsigned int indent)
{
	unsigned int shown = 0, hidden = 0;

	if (!text->processes)
		return;
	for (int telling = 1; telling >= 0; telling--)
		for (unsigned int i = 0; i < pid_count; i++) {
			struct process_seen *seen = processes_find(text->processes, pids[i], class);

			if (!seen || seen->shown || is_telling(seen->now) != telling)
				continue;
			if (shown == LIMIT_PROCESSES_SHOWN_ACTOR ||
			    processes_shown(text->processes) == LIMIT_PROCESSES_SHOWN) {
				hidden++;
				continue;
			}
			put_process(text, seen->now, wall_minus_boot, indent);
			seen->shown = true;
			shown++;
		}
	if (hidden) {
		struct words words = {.used = 0};

		say(&words, "and %u more process%s: --json has %s", hidden, hidden == 1 ? "" : "es",
		    hidden == 1 ? "it" : "them");
		put(text, &words, indent);
	}
}

void text_processes_sum(const struct text *text)
{
	const struct frame_processes *sum = text->processes ? processes_sum(text->processes) : NULL;
	char words[256];

	if (!sum || (!sum->late && !sum->over))
		return;
	snprintf(words, sizeof(words),
		 "Of %" PRIu32 " processes no more is known than their connections tell: there was "
		 "no %s left.",
		 sum->late + sum->over,
		 !sum->over   ? "time"
		 : !sum->late ? "room"
			      : "time or room");
	text_paragraph(text, words, 0);
}
