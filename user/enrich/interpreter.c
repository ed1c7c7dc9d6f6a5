/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * interpreter.c - the programs that run scripts, and what their options do to the words behind them
 *
 * From the manual pages and, where these are silent, from the programs' own parsers. Only what changes the meaning of other words
 * is here: an option that is missing is taken for a flag. Nothing is fatal.
 */
#include "enrich/interpreter.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

typedef struct interpreter_option options[];

static const options php = {
	{"rBRE", OPTION_CODE},
	{"--run --process-code --process-begin --process-end", OPTION_CODE},
	{"fF", OPTION_FILE},
	{"--file --process-file", OPTION_FILE},
	{"cdtz", OPTION_VALUE},
	{"--php-ini --define --docroot --zend-extension --rf --rfunction --rc --rclass --re "
	 "--rextension --rz --rzendextension --ri --rextinfo",
	 OPTION_VALUE},
	{"S", OPTION_SERVER},
	{"--server", OPTION_SERVER},
	{NULL, OPTION_FLAG},
};

static const options php_cgi = {
	{"f", OPTION_FILE},	{"--file", OPTION_FILE},
	{"cdzT", OPTION_VALUE}, {"--php-ini --define --zend-extension --timing", OPTION_VALUE},
	{"b", OPTION_SERVER},	{"--bindpath", OPTION_SERVER},
	{NULL, OPTION_FLAG},
};

static const options python = {
	{"c", OPTION_CODE},    {"m", OPTION_MODULE},
	{"WXQ", OPTION_VALUE}, {"--check-hash-based-pycs --jit", OPTION_VALUE},
	{NULL, OPTION_FLAG},
};

static const options perl = {
	{"eE", OPTION_CODE},  {"I", OPTION_VALUE}, {"CDFMimx", OPTION_ATTACHED},
	{"S", OPTION_SEARCH}, {NULL, OPTION_FLAG},
};

static const options ruby = {
	{"e", OPTION_CODE},
	{"IrCXE", OPTION_VALUE},
	{"FiKx", OPTION_ATTACHED},
	{"S", OPTION_SEARCH},
	{"--encoding --external-encoding --internal-encoding --enable --disable --dump "
	 "--backtrace-limit --crash-report --parser",
	 OPTION_VALUE},
	{NULL, OPTION_FLAG},
};

static const options node = {
	{"-e --eval -p -pe --print", OPTION_CODE},
	{"--run", OPTION_MODULE},
	{"-r --require --import --loader --experimental-loader -C --conditions --env-file "
	 "--env-file-if-exists --input-type --experimental-default-type "
	 "--experimental-specifier-resolution --es-module-specifier-resolution --title "
	 "--icu-data-dir --openssl-config --redirect-warnings --disable-warning "
	 "--unhandled-rejections --trace-event-categories --trace-event-file-pattern "
	 "--trace-require-module --diagnostic-dir --report-dir --report-directory "
	 "--report-filename --report-signal --heapsnapshot-signal --heapsnapshot-near-heap-limit "
	 "--cpu-prof-dir --cpu-prof-name --cpu-prof-interval --heap-prof-dir --heap-prof-name "
	 "--heap-prof-interval --dns-result-order --inspect-port --debug-port "
	 "--inspect-publish-uid --max-http-header-size --secure-heap --secure-heap-min "
	 "--tls-cipher-list --tls-keylog --test-name-pattern --test-skip-pattern --test-reporter "
	 "--test-reporter-destination --test-concurrency --test-shard --test-timeout "
	 "--localstorage-file --watch-path --v8-pool-size --experimental-policy "
	 "--policy-integrity --network-family-autoselection-attempt-timeout --allow-fs-read "
	 "--allow-fs-write --experimental-sea-config --snapshot-blob",
	 OPTION_VALUE},
	{"inspect debug", OPTION_SUBCOMMAND},
	{NULL, OPTION_FLAG},
};

static const options deno = {
	{"run serve test bench check", OPTION_SUBCOMMAND},
	{"eval", OPTION_EVAL},
	{"-c --config --import-map --location --seed --cert --lock -L --log-level --ext --preload "
	 "--port --host --env-file",
	 OPTION_VALUE},
	{NULL, OPTION_FLAG},
};

static const options bun = {
	{"run test", OPTION_SUBCOMMAND},
	{"-e --eval -p --print", OPTION_CODE},
	{"-r --require --preload --import --cwd -c --config --env-file --tsconfig-override -d "
	 "--define -l --loader -F --filter --port --conditions --main-fields --extension-order "
	 "--install --backend -u --origin",
	 OPTION_VALUE},
	{NULL, OPTION_FLAG},
};

static const options sh = {
	{"c", OPTION_COMMAND},
	{"s", OPTION_STDIN},
	{"o", OPTION_NEXT},
	{NULL, OPTION_FLAG},
};

/* bash takes its long options with one dash as well. */
static const options bash = {
	{"c", OPTION_COMMAND},
	{"s", OPTION_STDIN},
	{"oO", OPTION_NEXT},
	{"--rcfile --init-file -rcfile -init-file", OPTION_VALUE},
	{"-norc -noprofile -login -posix -verbose -restricted -noediting -debugger -protected "
	 "-wordexp -pretty-print -dump-strings -dump-po-strings",
	 OPTION_FLAG},
	{NULL, OPTION_FLAG},
};

/* "-o name" and "-oname" */
static const options ksh = {
	{"c", OPTION_COMMAND},	     {"s", OPTION_STDIN}, {"o", OPTION_VALUE},
	{"--emulate", OPTION_VALUE}, {NULL, OPTION_FLAG},
};

static const options fish = {
	{"c", OPTION_CODE},
	{"--command", OPTION_CODE},
	{"CdDofp", OPTION_VALUE},
	{"--init-command --debug --debug-output --debug-stack-frames --features --profile "
	 "--profile-startup",
	 OPTION_VALUE},
	{NULL, OPTION_FLAG},
};

static const options lua = {
	{"e", OPTION_SNIPPET},
	{"lj", OPTION_VALUE},
	{"O", OPTION_ATTACHED},
	{NULL, OPTION_FLAG},
};

static const options java = {
	{"-jar", OPTION_JAR},
	{"-m --module", OPTION_MODULE},
	{"-cp -classpath --class-path -p --module-path --upgrade-module-path --add-modules "
	 "--limit-modules --add-reads --add-exports --add-opens --patch-module "
	 "--enable-native-access --source -d --describe-module",
	 OPTION_VALUE},
	{NULL, OPTION_FLAG},
};

static const options tcl = {
	{"-encoding", OPTION_VALUE},
	{NULL, OPTION_FLAG},
};

static const options expect = {
	{"c", OPTION_SNIPPET},
	{"f", OPTION_FILE},
	{"D", OPTION_VALUE},
	{NULL, OPTION_FLAG},
};

static const options awk = {
	{"fE", OPTION_FILE},	    {"--file --exec", OPTION_FILE},
	{"e", OPTION_CODE},	    {"--source", OPTION_CODE},
	{"vFilW", OPTION_VALUE},    {"--assign --field-separator --include --load", OPTION_VALUE},
	{"dDopL", OPTION_ATTACHED}, {NULL, OPTION_FLAG},
};

static const options r = {
	{"-f --file", OPTION_FILE}, {"-e", OPTION_CODE},
	{"--args", OPTION_STDIN},   {"-g --gui -d --debugger --encoding", OPTION_VALUE},
	{NULL, OPTION_FLAG},
};

static const options dotnet = {
	{"exec", OPTION_SUBCOMMAND},
	{"--fx-version --additionalprobingpath --additional-deps --depsfile --runtimeconfig "
	 "--roll-forward --config",
	 OPTION_VALUE},
	{NULL, OPTION_FLAG},
};

static const options none = {{NULL, OPTION_FLAG}};

#define PLAIN HABIT_LETTERS
#define SHELL (HABIT_LETTERS | HABIT_DASH_ENDS | HABIT_PLUS)
#define PHP (HABIT_LETTERS | HABIT_DASHES_STDIN | HABIT_EQUALS)
#define CGI (HABIT_LETTERS | HABIT_EQUALS | HABIT_NO_STDIN)
#define AWK (HABIT_LETTERS | HABIT_TEXT_FIRST | HABIT_NO_STDIN)

/* The first that fits: longer names come before their beginnings. */
static const struct interpreter interpreters[] = {
	{"php-fpm", SCRIPT_PHP, HABIT_POOL, none},
	{"php-cgi", SCRIPT_PHP, CGI, php_cgi},
	{"lsphp", SCRIPT_PHP, CGI, php_cgi},
	{"php", SCRIPT_PHP, PHP, php},
	{"python", SCRIPT_PYTHON, PLAIN, python},
	{"pypy", SCRIPT_PYTHON, PLAIN, python},
	{"perl", SCRIPT_PERL, PLAIN, perl},
	{"ruby", SCRIPT_RUBY, PLAIN, ruby},
	{"node", SCRIPT_NODE, 0, node},
	{"nodejs", SCRIPT_NODE, 0, node},
	{"deno", SCRIPT_NODE, HABIT_BARE_IS_NO_FILE, deno},
	{"bun", SCRIPT_NODE, HABIT_BARE_IS_NO_FILE, bun},
	{"sh", SCRIPT_SHELL, SHELL, sh},
	{"dash", SCRIPT_SHELL, SHELL, sh},
	{"ash", SCRIPT_SHELL, SHELL, sh},
	{"hush", SCRIPT_SHELL, SHELL, sh},
	{"bash", SCRIPT_SHELL, SHELL, bash},
	{"rbash", SCRIPT_SHELL, SHELL, bash},
	{"zsh", SCRIPT_SHELL, SHELL, ksh},
	{"ksh", SCRIPT_SHELL, SHELL, ksh},
	{"mksh", SCRIPT_SHELL, SHELL, ksh},
	{"fish", SCRIPT_SHELL, PLAIN, fish},
	{"busybox", SCRIPT_SHELL, HABIT_MULTI_CALL, none},
	{"toybox", SCRIPT_SHELL, HABIT_MULTI_CALL, none},
	{"lua", SCRIPT_LUA, PLAIN, lua},
	{"luajit", SCRIPT_LUA, PLAIN, lua},
	{"java", SCRIPT_JAVA, HABIT_CLASS_FIRST | HABIT_NO_STDIN, java},
	{"tclsh", SCRIPT_TCL, HABIT_STRICT | HABIT_DASHES_STDIN, tcl},
	{"expect", SCRIPT_TCL, PLAIN, expect},
	{"awk", SCRIPT_AWK, AWK, awk},
	{"gawk", SCRIPT_AWK, AWK, awk},
	{"mawk", SCRIPT_AWK, AWK, awk},
	{"nawk", SCRIPT_AWK, AWK, awk},
	{"R", SCRIPT_R, HABIT_NO_OPERAND, r},
	{"mono", SCRIPT_DOTNET, HABIT_NO_STDIN, dotnet},
	{"dotnet", SCRIPT_DOTNET, HABIT_BARE_IS_NO_FILE | HABIT_NO_STDIN, dotnet},
};

static const char *const languages[SCRIPT_LANGUAGES] = {
	[SCRIPT_PHP] = "php",	[SCRIPT_PYTHON] = "python", [SCRIPT_PERL] = "perl",
	[SCRIPT_RUBY] = "ruby", [SCRIPT_NODE] = "node",	    [SCRIPT_SHELL] = "shell",
	[SCRIPT_LUA] = "lua",	[SCRIPT_JAVA] = "java",	    [SCRIPT_TCL] = "tcl",
	[SCRIPT_AWK] = "awk",	[SCRIPT_R] = "r",	    [SCRIPT_DOTNET] = "dotnet",
};

const char *script_language_name(enum script_language language)
{
	return (unsigned int)language < SCRIPT_LANGUAGES ? languages[language] : "unknown";
}

const struct interpreter *interpreter_named(struct bytes name)
{
	for (size_t i = 0; i < COUNT(interpreters); i++) {
		struct bytes rest = bytes_after(name, strlen(interpreters[i].name));

		if (bytes_begin(name, interpreters[i].name) &&
		    !(rest.length && rest.at[0] >= 'a' && rest.at[0] <= 'z'))
			return &interpreters[i];
	}
	return NULL;
}

/* Is `word` one of the words of `names`? node takes "_" for "-". */
static bool listed(const char *names, struct bytes word)
{
	while (*names) {
		size_t length = strcspn(names, " "), i = 0;

		while (i < length && i < word.length &&
		       (names[i] == word.at[i] || (names[i] == '-' && word.at[i] == '_')))
			i++;
		if (i == length && i == word.length)
			return true;
		names += length + (names[length] == ' ');
	}
	return false;
}

static bool is_subcommand(enum option_effect effect)
{
	return effect == OPTION_SUBCOMMAND || effect == OPTION_EVAL;
}

enum option_effect interpreter_letter(const struct interpreter *interpreter, char letter)
{
	const struct interpreter_option *option = interpreter->options;

	for (; letter && option->names; option++) {
		if (option->names[0] != '-' && !is_subcommand(option->effect) &&
		    strchr(option->names, letter))
			return option->effect;
	}
	return OPTION_FLAG;
}

static bool find_word(const struct interpreter *interpreter, struct bytes word, bool subcommand,
		      enum option_effect *effect)
{
	const struct interpreter_option *option = interpreter->options;

	for (; option->names; option++) {
		bool fits = subcommand ? is_subcommand(option->effect) : option->names[0] == '-';

		if (fits && listed(option->names, word)) {
			*effect = option->effect;
			return true;
		}
	}
	return false;
}

bool interpreter_word(const struct interpreter *interpreter, struct bytes word,
		      enum option_effect *effect)
{
	return find_word(interpreter, word, false, effect);
}

bool interpreter_subcommand(const struct interpreter *interpreter, struct bytes word,
			    enum option_effect *effect)
{
	return find_word(interpreter, word, true, effect);
}
