/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * script_file.c - which script is an interpreter running, as far as its arguments tell?
 *
 * Walks the arguments as the interpreter did. What was cut is never taken for whole, and a path that is not sure is none. Pure;
 * nothing is fatal.
 */
#include "enrich/script_file.h"

#define MARK "[...]" /* as process_turn_path() writes it */
#define MARK_LENGTH (sizeof(MARK) - 1)

struct search {
	struct script_file *out;
	const struct process *process;
	const struct interpreter *interpreter;
	struct bytes rest; /* arguments that were not read yet */
	unsigned int taken; /* how many were */
	bool open; /* the last one has no end: it may have been longer */
	bool command, standard_input, server, jar, in_path; /* options of this meaning came */
	bool subcommand;
	unsigned int snippet;
};

/* ---- the path, written from its end on */

struct tail {
	char *out;
	size_t at; /* out[at] is where the path begins so far */
	unsigned int up; /* ".." that wait for their directory */
	bool full;
};

static void prepend(struct tail *tail, struct bytes component)
{
	size_t room = tail->at - MARK_LENGTH;

	if (tail->full)
		return;
	tail->full = component.length >= room;
	/* Of a name that has no room even alone the end is kept. */
	if (tail->full && tail->at < SCRIPT_PATH_MAX)
		return;
	if (tail->full)
		component = bytes_after(component, component.length - room);
	tail->at -= component.length;
	memcpy(tail->out + tail->at, component.at, component.length);
	if (!tail->full)
		tail->out[--tail->at] = '/';
}

static void prepend_all(struct tail *tail, struct bytes path)
{
	while (path.length) {
		struct bytes leaf = bytes_leaf(path);

		path.length -= leaf.length + (leaf.length < path.length);
		if (!leaf.length || bytes_are(leaf, "."))
			continue;
		if (bytes_are(leaf, ".."))
			tail->up++;
		else if (tail->up)
			tail->up--;
		else
			prepend(tail, leaf);
	}
}

/* `directory`: the name is one, and a slash says so. */
static void set_path(struct script_file *out, struct bytes cwd, struct bytes name, bool directory)
{
	struct tail tail = {.out = out->path, .at = SCRIPT_PATH_MAX};
	bool absolute = bytes_begin(name, "/");
	bool rooted = absolute || bytes_begin(cwd, "/");

	if (directory)
		out->path[--tail.at] = '/';
	prepend_all(&tail, name);
	if (!absolute)
		prepend_all(&tail, bytes_begin(cwd, MARK) ? bytes_after(cwd, MARK_LENGTH) : cwd);
	if (tail.full || !rooted) {
		tail.at -= MARK_LENGTH;
		memcpy(out->path + tail.at, MARK, MARK_LENGTH);
	} else if (tail.at == SCRIPT_PATH_MAX) {
		out->path[--tail.at] = '/';
	}
	out->length = SCRIPT_PATH_MAX - tail.at;
	memmove(out->path, out->path + tail.at, out->length);
}

static void set_name(struct script_file *out, struct bytes name)
{
	size_t mark = name.length > SCRIPT_PATH_MAX ? MARK_LENGTH : 0;
	size_t kept = mark ? SCRIPT_PATH_MAX - mark : name.length;

	memcpy(out->path, MARK, mark);
	memcpy(out->path + mark, name.at + name.length - kept, kept);
	out->length = mark + kept;
}

/* ---- what was found; each says true: the search is over */

static bool found(struct search *search, enum script_kind kind, bool by_argument)
{
	search->out->kind = kind;
	search->out->argument = by_argument ? search->taken - 1 : 0;
	return true;
}

static bool found_file(struct search *search, struct bytes name)
{
	const char *slash;

	if (!name.length)
		return found(search, SCRIPT_UNKNOWN, false);
	if (search->open) {
		slash = memrchr(name.at, '/', name.length);
		name.length = slash ? (size_t)(slash - name.at) + 1 : 0;
	}
	set_path(search->out, search->process->cwd, name, search->open);
	return found(search, search->open ? SCRIPT_UNKNOWN : SCRIPT_FILE, true);
}

static bool found_module(struct search *search, struct bytes name)
{
	if (!name.length || search->open)
		return found(search, SCRIPT_UNKNOWN, false);
	set_name(search->out, name);
	return found(search, SCRIPT_MODULE, true);
}

/* ---- the words */

static bool take(struct search *search, struct bytes *word)
{
	const char *nul;

	if (!search->rest.length)
		return false;
	nul = memchr(search->rest.at, '\0', search->rest.length);
	search->open = !nul;
	word->at = search->rest.at;
	word->length = nul ? (size_t)(nul - word->at) : search->rest.length;
	search->rest = bytes_after(search->rest, word->length + 1);
	search->taken++;
	return true;
}

/* value: what is attached to the option; at NULL when there is nothing, and the next word is it. */
static bool apply_value(struct search *search, enum option_effect effect, struct bytes value)
{
	if (!value.at && !take(search, &value)) {
		/* Without it the interpreter would have given up: it was cut, or written over. */
		return found(search, effect == OPTION_CODE ? SCRIPT_CODE : SCRIPT_UNKNOWN, false);
	}
	switch (effect) {
	case OPTION_SERVER:
		search->server = true;
		return false;
	case OPTION_SNIPPET:
		search->snippet = search->taken - 1;
		return false;
	case OPTION_CODE:
		return found(search, SCRIPT_CODE, true);
	case OPTION_FILE:
		return found_file(search, value);
	case OPTION_MODULE:
		return found_module(search, value);
	default:
		return false;
	}
}

static bool apply(struct search *search, enum option_effect effect, struct bytes value)
{
	search->standard_input |= effect == OPTION_STDIN;
	search->command |= effect == OPTION_COMMAND;
	search->jar |= effect == OPTION_JAR;
	search->in_path |= effect == OPTION_SEARCH;
	if (effect == OPTION_NEXT)
		take(search, &value);
	return effect >= OPTION_VALUE && apply_value(search, effect, value);
}

/* "-we": letters up to one that takes the rest, and then the value of that. Shells take "+c" for "-c". */
static bool read_letters(struct search *search, struct bytes word)
{
	for (size_t i = 1; i < word.length; i++) {
		enum option_effect effect = interpreter_letter(search->interpreter, word.at[i]);
		struct bytes value = bytes_after(word, i + 1);

		/* "perl -d:Trace": what is behind a colon are no letters. */
		if (effect == OPTION_ATTACHED || word.at[i] == ':' || word.at[i] == '=')
			return false;
		if (effect >= OPTION_VALUE && search->interpreter->habits & HABIT_EQUALS &&
		    bytes_begin(value, "="))
			value = (struct bytes){value.at + 1, value.length - 1};
		if (apply(search, effect, value))
			return true;
		if (effect >= OPTION_VALUE)
			return false;
	}
	return false;
}

/* An option that begins with a dash and is more than that. */
static bool read_option(struct search *search, struct bytes word)
{
	const struct interpreter *interpreter = search->interpreter;
	const char *equals = memchr(word.at, '=', word.length);
	struct bytes name = {word.at, equals ? (size_t)(equals - word.at) : word.length};
	struct bytes value = {NULL, 0};
	enum option_effect effect;

	/* "--eval" may have been more, and no word follows. */
	if (search->open && !equals && !(interpreter->habits & HABIT_LETTERS && word.at[1] != '-'))
		return false;
	if (interpreter_word(interpreter, name, &effect)) {
		if (equals)
			value = (struct bytes){equals + 1, word.length - name.length - 1};
		return apply(search, effect, value);
	}
	if (interpreter->habits & HABIT_STRICT)
		return found(search, search->open ? SCRIPT_UNKNOWN : SCRIPT_STDIN, false);
	if (interpreter->habits & HABIT_LETTERS && !bytes_begin(word, "--"))
		return read_letters(search, word);
	return false;
}

static bool read_class(struct search *search, struct bytes word)
{
	bool path = bytes_begin(word, "/") || bytes_begin(word, "./") || bytes_begin(word, "../");

	/* A file with more arguments */
	if (bytes_begin(word, "@"))
		return found(search, SCRIPT_UNKNOWN, false);
	if (search->jar || path || bytes_end(word, ".java"))
		return found_file(search, word);
	return found_module(search, word);
}

/* The first word that is no option, nor an option's. */
static bool read_operand(struct search *search, struct bytes word)
{
	unsigned int habits = search->interpreter->habits;
	enum option_effect effect;

	if (search->command || habits & HABIT_TEXT_FIRST)
		return found(search, SCRIPT_CODE, true);
	if (search->standard_input)
		return found(search, SCRIPT_STDIN, false);
	if (habits & HABIT_NO_OPERAND)
		return false;
	if (habits & HABIT_CLASS_FIRST)
		return read_class(search, word);
	if (!search->subcommand && interpreter_subcommand(search->interpreter, word, &effect)) {
		search->subcommand = true;
		search->command = effect == OPTION_EVAL;
		return false;
	}
	if (search->in_path && !bytes_hold(word, "/"))
		return found_module(search, word);
	if (habits & HABIT_BARE_IS_NO_FILE) {
		if (bytes_hold(word, "://"))
			return found_module(search, word);
		if (!bytes_hold(word, "/") && !bytes_hold(word, "."))
			return found(search, SCRIPT_UNKNOWN, false);
	}
	return found_file(search, word);
}

/* argv[0] as a shell or a login gave it, not a title that was written over it. */
static bool called_by_own_name(const struct search *search)
{
	struct bytes name = process_argument(search->process, 0);
	const struct interpreter *called;

	if (bytes_begin(name, "-"))
		name = bytes_after(name, 1);
	name = bytes_leaf(name);
	called = interpreter_named(name);
	return called && !bytes_hold(name, " ") && !bytes_hold(name, ":") &&
	       (called->habits & HABIT_MULTI_CALL ||
		called->language == search->interpreter->language);
}

/* No script among the arguments. */
static bool read_end(struct search *search)
{
	bool cut = search->open || search->process->id.flags & IDENTITY_ARGV_CUT;

	if (search->command)
		return found(search, SCRIPT_CODE, false);
	if (search->standard_input)
		return found(search, SCRIPT_STDIN, false);
	if (cut || search->server || search->interpreter->habits & HABIT_NO_STDIN)
		return found(search, SCRIPT_UNKNOWN, false);
	if (search->snippet) {
		search->out->argument = search->snippet;
		search->out->kind = SCRIPT_CODE;
		return true;
	}
	return found(search, called_by_own_name(search) ? SCRIPT_STDIN : SCRIPT_UNKNOWN, false);
}

static bool read_word(struct search *search, struct bytes word, bool *options)
{
	unsigned int habits = search->interpreter->habits;

	/* No interpreter runs with an empty name: it was written over. */
	if (!word.length)
		return false;
	if (!*options)
		return read_operand(search, word);
	if (search->open &&
	    (bytes_are(word, "-") || bytes_are(word, "--"))) /* may have been more */
		return found(search, SCRIPT_UNKNOWN, false);
	if (bytes_are(word, "--") || (habits & HABIT_DASH_ENDS && bytes_are(word, "-"))) {
		*options = false;
		return habits & HABIT_DASHES_STDIN && found(search, SCRIPT_STDIN, false);
	}
	if (bytes_are(word, "-") && !(habits & HABIT_TEXT_FIRST))
		return found(search, SCRIPT_STDIN, false);
	if (word.at[0] == '-' && word.length > 1)
		return read_option(search, word);
	if (word.at[0] == '+' && habits & HABIT_PLUS)
		return read_letters(search, word);
	return read_operand(search, word);
}

static void run(struct search *search)
{
	bool options = true;
	struct bytes word;

	while (take(search, &word))
		if (read_word(search, word, &options))
			return;
	read_end(search);
}

/* "busybox sh x", or "sh x" by a link: the program is called as argv says. NULL when that is no interpreter. */
static const struct interpreter *called_as(struct search *search, struct bytes name)
{
	const struct interpreter *interpreter;

	do {
		if (bytes_begin(name, "-"))
			name = bytes_after(name, 1);
		interpreter = interpreter_named(bytes_leaf(name));
	} while (interpreter && interpreter->habits & HABIT_MULTI_CALL && take(search, &name));
	return interpreter && !(interpreter->habits & HABIT_MULTI_CALL) ? interpreter : NULL;
}

bool script_file_find(const struct process *process, struct script_file *out)
{
	struct search search = {.out = out, .process = process, .rest = process->argv};
	struct bytes name = {NULL, 0};

	search.interpreter = interpreter_named(process_file_name(process));
	if (!search.interpreter)
		return false;
	if (!take(&search, &name))
		search.open = true; /* not read */
	if (search.interpreter->habits & HABIT_MULTI_CALL)
		search.interpreter = called_as(&search, name);
	if (!search.interpreter)
		return false;
	out->language = search.interpreter->language;
	out->length = 0;
	if (search.interpreter->habits & HABIT_POOL)
		found(&search, SCRIPT_UNKNOWN, false);
	else
		run(&search);
	return true;
}
