/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * interpreter.h - the programs that run scripts, and what their options do to the words behind them
 *
 * The one table of them: who asks "is this an interpreter?" asks here. Pure. A name proves nothing about what the file is.
 */
#ifndef SMTPSNOOP_INTERPRETER_H
#define SMTPSNOOP_INTERPRETER_H

#include "base/bytes.h"

enum script_language {
	SCRIPT_PHP,
	SCRIPT_PYTHON,
	SCRIPT_PERL,
	SCRIPT_RUBY,
	SCRIPT_NODE, /* JavaScript, whichever program runs it */
	SCRIPT_SHELL,
	SCRIPT_LUA,
	SCRIPT_JAVA,
	SCRIPT_TCL,
	SCRIPT_AWK,
	SCRIPT_R,
	SCRIPT_DOTNET,
	SCRIPT_LANGUAGES,
};

/* "php", "python", "perl", "ruby", "node", "shell", "lua", "java", "tcl", "awk", "r", "dotnet" */
const char *script_language_name(enum script_language language);

/* What an option means. Those that are not in a table are flags. */
enum option_effect {
	OPTION_FLAG, /* nothing; named only where its letters would be taken for others */
	OPTION_ATTACHED, /* the rest of the word belongs to it, if there is any: perl -i.bak */
	OPTION_NEXT, /* the next word belongs to it, and the letters go on: bash -eo pipefail */
	OPTION_STDIN, /* what runs comes from standard input, whatever the operands are: sh -s */
	OPTION_COMMAND, /* the first operand is the program's text: sh -c */
	OPTION_JAR, /* the first operand is a file, not a class */
	OPTION_SEARCH, /* a script without a slash is looked for in PATH */
	OPTION_SUBCOMMAND, /* not an option: a first operand that goes before the script, as in "deno run" */
	OPTION_EVAL, /* the same, with the program's text behind it */
	/* From here on the rest of the word, or else the next word, is the option's value. */
	OPTION_VALUE,
	OPTION_SERVER, /* runs what requests ask for, if no script is given */
	OPTION_SNIPPET, /* the program's text, unless a script follows */
	OPTION_CODE, /* the program's text */
	OPTION_FILE, /* the script */
	OPTION_MODULE, /* a name that the interpreter looks up itself */
};

/* Words by their whole names with blanks between ("--rcfile --init-file"), letters ("eE"), or subcommands. */
struct interpreter_option {
	const char *names; /* NULL ends a table */
	enum option_effect effect;
};

enum interpreter_habit {
	HABIT_LETTERS = 1 << 0, /* options of one letter may stand together */
	HABIT_DASH_ENDS =
		1 << 1, /* "-" ends the options, as "--" does, and is not standard input */
	HABIT_PLUS = 1 << 2, /* "+o x" is an option too */
	HABIT_DASHES_STDIN = 1 << 3, /* no script is looked for behind "--" */
	HABIT_EQUALS = 1 << 4, /* "-f=x" is "-f x" */
	HABIT_STRICT = 1 << 5, /* an option that it does not know makes it read standard input */
	HABIT_TEXT_FIRST = 1 << 6, /* the first operand is the program's text: awk */
	HABIT_CLASS_FIRST = 1 << 7, /* the first operand is a class: java */
	HABIT_BARE_IS_NO_FILE = 1 << 8, /* an operand without dot and slash is a subcommand */
	HABIT_NO_STDIN = 1 << 9, /* without a script it does not read standard input */
	HABIT_POOL = 1 << 10, /* never runs what its arguments name */
	HABIT_MULTI_CALL = 1 << 11, /* argv says which program it is */
	HABIT_NO_OPERAND = 1 << 12, /* an operand is never the script */
};

struct interpreter {
	const char *name; /* of the executable; a version or a flavour may follow */
	enum script_language language; /* of no meaning with HABIT_MULTI_CALL */
	unsigned int habits;
	const struct interpreter_option *options;
};

/* By a file's name: "php8.2" and "perl5.36-x86_64-linux-gnu", but not "shutdown" for "sh". NULL when it is none. */
const struct interpreter *interpreter_named(struct bytes name);

/* By letter, by a whole word without its "=value", and by subcommand; OPTION_FLAG, or false, when the table has none such. */
enum option_effect interpreter_letter(const struct interpreter *interpreter, char letter);
bool interpreter_word(const struct interpreter *interpreter, struct bytes word,
		      enum option_effect *effect);
bool interpreter_subcommand(const struct interpreter *interpreter, struct bytes word,
			    enum option_effect *effect);

#endif
