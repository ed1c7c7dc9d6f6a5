/* SPDX-License-Identifier: GPL-2.0-only */
/* Which script an interpreter runs, by its arguments; and where a script should not lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "enrich/script_file.h"
#include "judge/script_place.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The working directory is /srv/app unless a test says otherwise. */
static struct process given(const char *exe, const char *argv, size_t length)
{
	struct process process;

	memset(&process, 0, sizeof(process));
	process.exe = bytes_of(exe);
	process.cwd = bytes_of("/srv/app");
	process.argv = (struct bytes){argv, length};
	return process;
}

struct running {
	const char *exe, *argv;
	size_t length; /* with the last argument's NUL */
	enum script_language language;
	enum script_kind kind;
	const char *path;
};
#define RUNS(exe, argv, language, kind, path)                                                      \
	{                                                                                          \
		"/usr/bin/" exe, argv, sizeof(argv), SCRIPT_##language, SCRIPT_##kind, path        \
	}

static const struct running php[] = {
	RUNS("php", "php\0x.php", PHP, FILE, "/srv/app/x.php"),
	RUNS("php8.2", "php\0-d\0a=b\0-dc=d\0-f\0/x/y.php", PHP, FILE, "/x/y.php"),
	RUNS("php8.2", "php\0-nf\0y.php", PHP, FILE, "/srv/app/y.php"),
	RUNS("php8.2", "php\0-f=y.php", PHP, FILE, "/srv/app/y.php"),
	RUNS("php8.2", "php\0-c\0/etc/php.ini\0-z\0x.so\0-q\0z.php\0-f\0other.php", PHP, FILE,
	     "/srv/app/z.php"),
	RUNS("php", "php\0--define\0a=b\0--file=q.php", PHP, FILE, "/srv/app/q.php"),
	RUNS("php", "/usr/bin/php\0-d memory_limit=1G\0./bin/console\0run", PHP, FILE,
	     "/srv/app/bin/console"),
	RUNS("php", "php\0-r\0mail();", PHP, CODE, ""),
	RUNS("php", "php\0--run\0mail();", PHP, CODE, ""),
	RUNS("php", "php\0-R\0mail();", PHP, CODE, ""),
	RUNS("php", "php\0--\0x.php", PHP, STDIN, ""),
	RUNS("php",
	     "php\0-S\0"
	     "0:80\0-t\0/www\0router.php",
	     PHP, FILE, "/srv/app/router.php"),
	RUNS("php",
	     "php\0-S\0"
	     "0:80\0-t\0/www",
	     PHP, UNKNOWN, ""),
	RUNS("php-cgi8.2", "php-cgi\0-d\0x=y\0-f\0a.php", PHP, FILE, "/srv/app/a.php"),
	RUNS("php-cgi",
	     "php-cgi\0-b\0"
	     "127.0.0.1:9000",
	     PHP, UNKNOWN, ""),
	RUNS("php-cgi", "php-cgi", PHP, UNKNOWN, ""),
	RUNS("php-fpm8.2", "php-fpm: pool www", PHP, UNKNOWN, ""),
	RUNS("php-fpm", "php-fpm\0-y\0/etc/php-fpm.conf", PHP, UNKNOWN, ""),
};

static const struct running python[] = {
	RUNS("python3.11", "python3\0-W\0ignore\0-X\0dev\0-u\0a.py", PYTHON, FILE, "/srv/app/a.py"),
	RUNS("python3", "python3\0-Wignore\0-Xdev\0-Bsu\0a.py", PYTHON, FILE, "/srv/app/a.py"),
	RUNS("python3", "python3\0-W\0\0a.py", PYTHON, FILE, "/srv/app/a.py"),
	RUNS("pypy3", "pypy3\0--jit\0off\0a.py", PYTHON, FILE, "/srv/app/a.py"),
	RUNS("python3", "python3\0--check-hash-based-pycs\0never\0a.py", PYTHON, FILE,
	     "/srv/app/a.py"),
	RUNS("python3", "python3\0--\0-a.py", PYTHON, FILE, "/srv/app/-a.py"),
	RUNS("python3", "python3\0-Im\0smtp.tool\0x.py", PYTHON, MODULE, "smtp.tool"),
	RUNS("python3", "python3\0-mpip", PYTHON, MODULE, "pip"),
	RUNS("python3", "python3\0-c\0import smtplib\0x.py", PYTHON, CODE, ""),
	RUNS("python3", "python3\0-uc\0import smtplib", PYTHON, CODE, ""),
	RUNS("python3", "python3\0-\0x.py", PYTHON, STDIN, ""),
	RUNS("python3", "/usr/local/bin/python", PYTHON, STDIN, ""),
	RUNS("python3", "python3\0-i", PYTHON, STDIN, ""),
	/* written over */
	RUNS("python3", "gunicorn: worker [shop]", PYTHON, UNKNOWN, ""),
	RUNS("python3", "python3: worker\0\0\0\0", PYTHON, UNKNOWN, ""),
	RUNS("python3", "", PYTHON, UNKNOWN, ""),
};

static const struct running perl_and_ruby[] = {
	RUNS("perl5.36-x86_64-linux-gnu", "perl\0-w\0x.pl", PERL, FILE, "/srv/app/x.pl"),
	RUNS("perl", "/usr/bin/perl\0-w -T\0./x.pl\0-e\0no", PERL, FILE, "/srv/app/x.pl"),
	RUNS("perl", "perl\0-I\0lib\0-Ilib/e\0x.pl", PERL, FILE, "/srv/app/x.pl"),
	RUNS("perl", "perl\0-MNet::SMTP\0-mExporter=e\0x.pl", PERL, FILE, "/srv/app/x.pl"),
	RUNS("perl", "perl\0-d:NYTProfe\0-i.bake\0-CSDA\0x.pl", PERL, FILE, "/srv/app/x.pl"),
	RUNS("perl", "perl\0-lane\0print\0x", PERL, CODE, ""),
	RUNS("perl", "perl\0-0777pe\0print\0x", PERL, CODE, ""),
	RUNS("perl", "perl\0-eprint 1", PERL, CODE, ""),
	RUNS("perl", "perl\0-e", PERL, CODE, ""),
	RUNS("perl", "perl\0-S\0tool", PERL, MODULE, "tool"),
	RUNS("perl", "perl\0-S\0./tool", PERL, FILE, "/srv/app/tool"),
	RUNS("perl", "perl\0-", PERL, STDIN, ""),
	RUNS("perl", "postfix/smtp\0-w\0x.pl", PERL, FILE, "/srv/app/x.pl"),
	RUNS("perl", "postfix/smtp -t unix -u\0\0\0", PERL, UNKNOWN, ""),
	RUNS("ruby3.1", "ruby\0-r\0mail\0-Ilib\0-I\0ext\0a.rb", RUBY, FILE, "/srv/app/a.rb"),
	RUNS("ruby", "ruby\0-W:no-deprecated\0-E\0utf-8\0--enable\0jit\0a.rb", RUBY, FILE,
	     "/srv/app/a.rb"),
	RUNS("ruby", "ruby\0-rnet/smtp\0-e\0x", RUBY, CODE, ""),
	RUNS("ruby", "ruby\0-S\0rails\0s", RUBY, MODULE, "rails"),
};

static const struct running node[] = {
	RUNS("node", "node\0/app/index.js", NODE, FILE, "/app/index.js"),
	RUNS("nodejs", "node\0-r\0dotenv\0--require\0x\0--loader\0y\0a.js", NODE, FILE,
	     "/srv/app/a.js"),
	RUNS("node", "node\0--require=x\0--inspect\0--max-old-space-size=400\0a.js", NODE, FILE,
	     "/srv/app/a.js"),
	RUNS("node", "node\0--experimental_loader\0y\0a.js", NODE, FILE, "/srv/app/a.js"),
	RUNS("node", "node\0inspect\0a.js", NODE, FILE, "/srv/app/a.js"),
	RUNS("node", "node\0--eval=1", NODE, CODE, ""),
	RUNS("node",
	     "node\0-pe\0"
	     "1",
	     NODE, CODE, ""),
	RUNS("node", "node\0-\0x", NODE, STDIN, ""),
	RUNS("deno", "deno\0run\0--allow-net\0-c\0d.json\0a.ts", NODE, FILE, "/srv/app/a.ts"),
	RUNS("deno", "deno\0run\0https://x.example/a.ts", NODE, MODULE, "https://x.example/a.ts"),
	RUNS("deno",
	     "deno\0eval\0--ext=ts\0"
	     "1+1",
	     NODE, CODE, ""),
	RUNS("deno", "deno\0task\0start", NODE, UNKNOWN, ""),
	RUNS("bun", "bun\0run\0a.ts", NODE, FILE, "/srv/app/a.ts"),
	RUNS("bun", "bun\0run\0start", NODE, UNKNOWN, ""),
};

static const struct running shells[] = {
	RUNS("bash", "bash\0--norc\0\0x.sh", SHELL, FILE, "/srv/app/x.sh"),
	RUNS("bash", "bash\0-eo\0pipefail\0x.sh", SHELL, FILE, "/srv/app/x.sh"),
	RUNS("bash", "bash\0--rcfile\0rc\0-O\0extglob\0+x\0+o\0posix\0x.sh", SHELL, FILE,
	     "/srv/app/x.sh"),
	RUNS("bash", "bash\0+ec\0x.sh", SHELL, CODE, ""),
	RUNS("bash", "bash\0-norc\0x.sh", SHELL, FILE, "/srv/app/x.sh"),
	RUNS("bash", "bash\0-c\0x.sh\0y.sh", SHELL, CODE, ""),
	RUNS("bash", "bash\0-ec\0-x\0true", SHELL, CODE, ""),
	RUNS("bash", "bash\0-s\0x.sh", SHELL, STDIN, ""),
	RUNS("bash", "-bash", SHELL, STDIN, ""),
	RUNS("bash", "updater", SHELL, UNKNOWN, ""),
	RUNS("dash", "/bin/sh\0-\0x.sh", SHELL, FILE, "/srv/app/x.sh"),
	RUNS("dash", "sh\0--\0-x.sh", SHELL, FILE, "/srv/app/-x.sh"),
	RUNS("dash", "sh\0-e\0/dev/fd/63", SHELL, FILE, "/dev/fd/63"),
	RUNS("dash", "sh\0/proc/self/fd/3", SHELL, FILE, "/proc/self/fd/3"),
	RUNS("zsh", "zsh\0-oerrexit\0-o\0nomatch\0x", SHELL, FILE, "/srv/app/x"),
	RUNS("ksh93", "ksh\0-x\0x", SHELL, FILE, "/srv/app/x"),
	RUNS("busybox", "busybox\0sh\0-e\0x.sh", SHELL, FILE, "/srv/app/x.sh"),
	RUNS("busybox", "/bin/sh\0x.sh", SHELL, FILE, "/srv/app/x.sh"),
	RUNS("busybox", "busybox\0awk\0-f\0x.awk", AWK, FILE, "/srv/app/x.awk"),
	RUNS("busybox", "-sh", SHELL, STDIN, ""),
};

static const struct running others[] = {
	RUNS("lua5.4", "lua\0-l\0socket\0-W\0x.lua", LUA, FILE, "/srv/app/x.lua"),
	RUNS("lua", "lua\0-e\0x=1\0x.lua", LUA, FILE, "/srv/app/x.lua"),
	RUNS("luajit-2.1.0", "luajit\0-joff\0-O3\0-e\0x=1", LUA, CODE, ""),
	RUNS("java", "java\0-Xmx1g\0-jar\0-Da=b\0lib/app.jar\0x", JAVA, FILE,
	     "/srv/app/lib/app.jar"),
	RUNS("java", "java\0-cp\0a.jar:b.jar\0com.example.Main\0x.java", JAVA, MODULE,
	     "com.example.Main"),
	RUNS("java", "java\0--module-path\0mods\0-m\0a/b.Main", JAVA, MODULE, "a/b.Main"),
	RUNS("java", "java\0-classpath\0x\0Main.java", JAVA, FILE, "/srv/app/Main.java"),
	RUNS("java", "/usr/bin/java\0--source 11\0./tool", JAVA, FILE, "/srv/app/tool"),
	RUNS("java", "java\0@args\0Main", JAVA, UNKNOWN, ""),
	RUNS("tclsh8.6", "tclsh\0-encoding\0utf-8\0x.tcl", TCL, FILE, "/srv/app/x.tcl"),
	RUNS("tclsh", "tclsh\0-x\0x.tcl", TCL, STDIN, ""),
	RUNS("expect", "expect\0-f\0x.exp", TCL, FILE, "/srv/app/x.exp"),
	RUNS("gawk", "awk\0-v\0a=b\0-F:\0-f\0x.awk\0data", AWK, FILE, "/srv/app/x.awk"),
	RUNS("mawk", "awk\0-F\0:\0{print}\0data", AWK, CODE, ""),
	RUNS("gawk", "gawk\0--file=x.awk", AWK, FILE, "/srv/app/x.awk"),
	RUNS("R", "R\0--no-echo\0--file=x.R\0--args\0y", R, FILE, "/srv/app/x.R"),
	RUNS("dotnet", "dotnet\0app.dll", DOTNET, FILE, "/srv/app/app.dll"),
	/* hostile bytes are only bytes */
	RUNS("perl", "perl\0\xff\xfe\x1b[2J\n.pl", PERL, FILE, "/srv/app/\xff\xfe\x1b[2J\n.pl"),
	RUNS("perl", "perl\0\0\0\0", PERL, STDIN, ""),
	RUNS("perl", "\0\0", PERL, UNKNOWN, ""),
	RUNS("perl", "perl\0 -e", PERL, FILE, "/srv/app/ -e"),
	RUNS("perl", "perl\0/a//b/./c/../../../../d.pl", PERL, FILE, "/d.pl"),
	RUNS("perl", "perl\0../../../x.pl", PERL, FILE, "/x.pl"),
	RUNS("perl", "perl\0..hidden/...", PERL, FILE, "/srv/app/..hidden/..."),
	RUNS("perl", "perl\0/", PERL, FILE, "/"),
	RUNS("python3", "python3\0dir/", PYTHON, FILE, "/srv/app/dir"),
};

static void is(const struct process *process, enum script_language language, enum script_kind kind,
	       const char *path)
{
	struct script_file script;
	struct bytes got;

	memset(&script, 'x', sizeof(script));
	if (!script_file_find(process, &script))
		fail_msg("%.*s is none", (int)process->exe.length, process->exe.at);
	got = script_file_path(&script);
	if (script.language != language || script.kind != kind || !bytes_are(got, path))
		fail_msg("%.*s %s %s...: %s, kind %d, \"%.*s\"", (int)process->exe.length,
			 process->exe.at, process->argv.length ? process->argv.at : "",
			 process_argument(process, 1).length ? process_argument(process, 1).at : "",
			 script_language_name(script.language), (int)script.kind, (int)got.length,
			 got.at);
}

/* Wherever the line is cut, nothing is said that the whole line doesn't say: at most that it is not known. */
static void run_cut(const struct running *running)
{
	struct script_file script;

	for (size_t cut = 0; cut <= running->length; cut++) {
		struct process process = given(running->exe, running->argv, cut);

		/* In the middle of an argument it shows without a flag. */
		if (!cut || !running->argv[cut - 1])
			process.id.flags = IDENTITY_ARGV_CUT;
		if (!script_file_find(&process, &script) || script.kind == SCRIPT_UNKNOWN)
			continue;
		if (script.kind != running->kind ||
		    !bytes_are(script_file_path(&script), running->path))
			fail_msg("%s %s, cut at %zu: kind %d, \"%.*s\"", running->exe,
				 running->argv, cut, (int)script.kind, (int)script.length,
				 script.path);
	}
}

static void run_all(const struct running *running, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct process process = given(running[i].exe, running[i].argv, running[i].length);

		is(&process, running[i].language, running[i].kind, running[i].path);
		run_cut(&running[i]);
	}
}

static void test_options(void **state)
{
	(void)state;
	run_all(php, COUNT(php));
	run_all(python, COUNT(python));
	run_all(perl_and_ruby, COUNT(perl_and_ruby));
	run_all(node, COUNT(node));
	run_all(shells, COUNT(shells));
	run_all(others, COUNT(others));
}

static void test_no_interpreter(void **state)
{
	static const char *const names[] = {"",
					    "/usr/bin/curl",
					    "/usr/bin/perlmutter",
					    "/sbin/shutdown",
					    "/usr/bin/bunzip2",
					    "/usr/bin/phpize",
					    "/usr/sbin/",
					    "memfd:x",
					    "/usr/bin/javac"};
	struct script_file script;
	struct process process;

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		process = given(names[i], "x\0y.pl", sizeof("x\0y.pl"));
		if (script_file_find(&process, &script))
			fail_msg("%s", names[i]);
	}
	process = given("/bin/busybox", "busybox\0wget\0x", sizeof("busybox\0wget\0x"));
	assert_false(script_file_find(&process, &script));
	process = given("/bin/busybox", "busybox", sizeof("busybox"));
	assert_false(script_file_find(&process, &script));
	process = given("/bin/busybox", NULL, 0);
	assert_false(script_file_find(&process, &script));
	process = given("memfd:perl", "perl\0x.pl", sizeof("perl\0x.pl"));
	is(&process, SCRIPT_PERL, SCRIPT_FILE, "/srv/app/x.pl");
}

/* For each place where a command line can be cut: never another path than the whole one's. */
static void test_cut(void **state)
{
	static const char line[] = "perl\0-I\0/lib/x\0-w\0../www/uploads/mailer.pl\0/srv/list";
	const size_t whole = sizeof("perl\0-I\0/lib/x\0-w\0../www/uploads/mailer.pl");
	struct process process;
	struct script_file script;

	(void)state;
	for (size_t cut = 0; cut < whole; cut++) {
		process = given("/usr/bin/perl", line, cut);
		process.id.flags = IDENTITY_ARGV_CUT;
		assert_true(script_file_find(&process, &script));
		if (script.kind != SCRIPT_UNKNOWN)
			fail_msg("cut at %zu: kind %d", cut, (int)script.kind);
	}
	process = given("/usr/bin/perl", line, whole - 3);
	is(&process, SCRIPT_PERL, SCRIPT_UNKNOWN, "/srv/www/uploads/");
	process = given("/usr/bin/perl", line, whole);
	process.id.flags = IDENTITY_ARGV_CUT;
	is(&process, SCRIPT_PERL, SCRIPT_FILE, "/srv/www/uploads/mailer.pl");
	process = given("/usr/bin/perl", "perl\0x.p", 8);
	is(&process, SCRIPT_PERL, SCRIPT_UNKNOWN, "/srv/app/");
	process = given("/usr/bin/python3", "python3\0-m\0smt", 14);
	is(&process, SCRIPT_PYTHON, SCRIPT_UNKNOWN, "");
	process = given("/usr/bin/java", "java\0com.ex", 11);
	is(&process, SCRIPT_JAVA, SCRIPT_UNKNOWN, "");
	process = given("/usr/bin/node", "node\0--eval", 11);
	is(&process, SCRIPT_NODE, SCRIPT_UNKNOWN, "");
	process = given("/usr/bin/perl", "perl\0-e\0print", 13);
	is(&process, SCRIPT_PERL, SCRIPT_CODE, "");
	process = given("/bin/dash", "sh\0-c", sizeof("sh\0-c"));
	process.id.flags = IDENTITY_ARGV_CUT;
	is(&process, SCRIPT_SHELL, SCRIPT_CODE, "");
	process = given("/usr/bin/lua", "lua\0-e\0x=1", sizeof("lua\0-e\0x=1"));
	process.id.flags = IDENTITY_ARGV_CUT;
	is(&process, SCRIPT_LUA, SCRIPT_UNKNOWN, "");
	process = given("/usr/bin/perl", NULL, 0);
	process.id.flags = IDENTITY_ARGV_UNREAD;
	is(&process, SCRIPT_PERL, SCRIPT_UNKNOWN, "");
}

static void test_working_directory(void **state)
{
	static const struct {
		const char *cwd, *script, *path;
	} cases[] = {
		{"/", "x", "/x"},
		{"/srv/", "x", "/srv/x"},
		{"/srv/app", "./a/../b", "/srv/app/b"},
		{"/srv/app", "../../..", "/"},
		{"[...]/a/b", "../x", "[...]/a/x"},
		{"[...]/a/b", "../../../x", "[...]/x"},
		{"[...]/a/b", "/x", "/x"},
		{"", "x", "[...]/x"},
		{"", "/x/.//y", "/x/y"},
		{"/\xff\n", "x", "/\xff\n/x"},
	};
	char argv[64];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int length = snprintf(argv, sizeof(argv), "perl%c%s", '\0', cases[i].script);
		struct process process = given("/usr/bin/perl", argv, (size_t)length + 1);

		process.cwd = bytes_of(cases[i].cwd);
		is(&process, SCRIPT_PERL, SCRIPT_FILE, cases[i].path);
	}
}

/* Paths of every length round the bound: whole while there is room, else the end of the same path behind the mark. */
static void test_long(void **state)
{
	static char argv[4096], want[4096];
	struct script_file script;

	(void)state;
	for (size_t length = SCRIPT_PATH_MAX - 40; length < SCRIPT_PATH_MAX + 40; length++) {
		struct process process = given("/usr/bin/perl", argv, 5 + length + 1);
		struct bytes got, rest;

		memcpy(argv, "perl", 5);
		for (size_t i = 0; i < length; i++)
			want[i] = i % 7 ? (char)('a' + i % 26) : '/';
		want[length - 1] = 'z';
		memcpy(argv + 5, want, length);
		argv[5 + length] = '\0';
		assert_true(script_file_find(&process, &script));
		assert_int_equal(script.kind, SCRIPT_FILE);
		got = script_file_path(&script);
		assert_true(got.length <= SCRIPT_PATH_MAX);
		if (!bytes_begin(got, "[...]")) {
			assert_true(bytes_equal(got, (struct bytes){want, length}));
			continue;
		}
		assert_true(length > EVENT_PATH_MAX - 8);
		rest = bytes_after(got, 5);
		assert_int_equal(rest.at[0], '/');
		assert_memory_equal(rest.at, want + length - rest.length, rest.length);
		assert_true(rest.length > SCRIPT_PATH_MAX - 20);
	}
	/* One name alone that has no room, as a file and as a module; and a great many "..". */
	memset(argv, 'n', sizeof(argv));
	memcpy(argv, "python3", 8);
	argv[sizeof(argv) - 1] = '\0';
	struct process process = given("/usr/bin/python3", argv, sizeof(argv));
	assert_true(script_file_find(&process, &script));
	assert_int_equal(script.length, SCRIPT_PATH_MAX);
	assert_memory_equal(script.path, "[...]nnn", 8);
	memcpy(argv + 8, "-mn", 3);
	assert_true(script_file_find(&process, &script));
	assert_int_equal(script.kind, SCRIPT_MODULE);
	assert_int_equal(script.length, SCRIPT_PATH_MAX);
	assert_memory_equal(script.path, "[...]nnn", 8);
	for (size_t i = 8; i + 3 < sizeof(argv); i += 3)
		memcpy(argv + i, "../", 3);
	memcpy(argv + sizeof(argv) - 3, "/x", 3);
	is(&process, SCRIPT_PYTHON, SCRIPT_FILE, "/x");
}

/* Any bytes: nothing is read or written out of bounds (under the sanitizers), and what is said is in the arguments. */
static void test_any_bytes(void **state)
{
	static const char *const exes[] = {"/x/php",  "/x/perl", "/x/bash", "/x/busybox", "/x/java",
					   "/x/deno", "/x/awk",	 "/x/lua",  "/x/tclsh",	  "/x/R"};
	static const char bytes[] = "\0\0\0-----+=:/.ceofmrsSIWshawk \xff";
	uint32_t seed = 1;

	(void)state;
	for (unsigned int round = 0; round < 200000; round++) {
		size_t length = (seed >> 8) % 40;
		char *argv = malloc(length + 1);
		struct process process = given(exes[round % COUNT(exes)], argv, length);
		struct script_file script;

		assert_non_null(argv);
		for (size_t i = 0; i < length; i++) {
			seed = seed * 1664525 + 1013904223;
			argv[i] = bytes[(seed >> 8) % (sizeof(bytes) - 1)];
		}
		argv = realloc(argv, length ? length : 1);
		process.argv.at = argv;
		seed = seed * 1664525 + 1013904223;
		if (script_file_find(&process, &script)) {
			assert_true(script.length <= SCRIPT_PATH_MAX);
			assert_true(script.kind != SCRIPT_FILE || script.argument);
			assert_true(script.kind != SCRIPT_CODE || !script.length);
			assert_true(!script.argument ||
				    process_argument(&process, script.argument).at);
		}
		free(argv);
	}
}

static void test_argument(void **state)
{
	static const struct {
		const char *argv;
		size_t length;
		unsigned int argument;
	} cases[] = {
		{"bash\0-ec\0-x\0true\0y", 19, 3},
		{"bash\0-e\0x.sh", 13, 2},
		{"bash\0-s\0x", 10, 0},
		{"bash\0-c", 8, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct process process = given("/bin/bash", cases[i].argv, cases[i].length);
		struct script_file script;

		assert_true(script_file_find(&process, &script));
		assert_int_equal(script.argument, cases[i].argument);
	}
}

static void test_places(void **state)
{
	static const struct {
		const char *path;
		bool hidden, uploads;
	} cases[] = {
		{"/srv/x.php", false, false},
		{"/srv/.x.php", true, false},
		{"/srv/.x/y.php", false, false},
		{".x", true, false},
		{"/srv/x.jpg", true, false},
		{"/srv/x.php.JPG", true, false},
		{"/srv/x.jpg.php", false, false},
		{"/srv/x.ico", true, false},
		{"/srv/x.css", true, false},
		{"/srv/x.log", true, false},
		{"/srv/x.txt", true, false},
		{"/srv/xtxt", false, false},
		{"/srv/x.", false, false},
		{"/srv/x.tx", false, false},
		{"/srv/x.txts", false, false},
		{"/srv/app.jpg/x", false, false},
		{"/srv/", false, false},
		{"", false, false},
		{"/srv/uploads/x.php", false, true},
		{"/srv/uploads", false, true},
		{"/srv/myuploads", false, false},
		{"/srv/uploads.php", false, false},
		{"/srv/images/.a.gif", true, true},
		{"/srv/wp-content/cache/x", false, true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bytes path = bytes_of(cases[i].path);

		if (script_is_hidden(path) != cases[i].hidden ||
		    script_in_uploads(path) != cases[i].uploads)
			fail_msg("%s", cases[i].path);
	}
}

static void test_names(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < SCRIPT_LANGUAGES; i++)
		assert_string_not_equal(script_language_name(i), "unknown");
	assert_string_equal(script_language_name(SCRIPT_LANGUAGES), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),	 cmocka_unit_test(test_no_interpreter),
		cmocka_unit_test(test_cut),	 cmocka_unit_test(test_working_directory),
		cmocka_unit_test(test_long),	 cmocka_unit_test(test_any_bytes),
		cmocka_unit_test(test_argument), cmocka_unit_test(test_places),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("script_file", tests, NULL, NULL);
}
