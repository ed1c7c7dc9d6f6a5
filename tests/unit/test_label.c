/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_label.c - what programs and destinations are called
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "make_connection.h"
#include "present/label.h"

static void label_is(const char *exe, const char *argv, size_t length, const char *words)
{
	struct made_who made;
	struct process *process;
	struct label label;
	char text[LABEL_TEXT + LABEL_SUFFIX];

	make_who(&made, EVENT_OPEN, 1, 1);
	make_texts(&made, exe, "/srv", "/", argv, length);
	process = process_decode(&made, made.size);
	assert_non_null(process);
	label_of(&label, process, NULL, VERDICT_BYPASS);
	label_fit(text, sizeof(text), &label, 100);
	assert_string_equal(text, words);
	process_free(process);
}

#define LABEL(exe, argv, words) label_is(exe, argv, sizeof(argv), words)

static void programs_are_called_what_people_call_them(void **state)
{
	struct label label;

	(void)state;
	LABEL("/usr/bin/curl", "curl\0smtp://x", "curl");
	LABEL("/opt/app/bin/worker", "worker", "/opt/app/bin/worker");
	LABEL("/usr/bin/perl", "perl\0-w\0./a.pl", "/srv/a.pl (perl)");
	LABEL("/usr/bin/perl", "perl\0-we\0print 1", "perl -we print 1");
	LABEL("/usr/bin/perl", "perl\0-eprint 1", "perl -eprint 1");
	LABEL("/bin/bash", "bash\0-c\0mail x\0y", "bash -c mail x");
	LABEL("/usr/bin/mawk", "awk\0{print}", "mawk {print}");
	LABEL("/usr/bin/perl", "perl\0-MNet::SMTP\0-Ilib/long\0a.pl", "/srv/a.pl (perl)");
	LABEL("/usr/bin/perl", "perl", "perl");
	LABEL("/usr/bin/python3.11", "python3\0-W\0ignore\0/x/a.py", "/x/a.py (python3.11)");
	LABEL("/usr/bin/python3.11", "python3\0-m\0smtp.tool", "smtp.tool (python3.11)");
	LABEL("/usr/bin/java", "java\0-cp\0x\0a.b.Main", "a.b.Main (java)");
	LABEL("/usr/bin/java", "java\0-jar\0../opt/./x.jar", "/opt/x.jar (java)");
	LABEL("/bin/busybox", "sh\0x.sh", "/srv/x.sh (busybox)");
	LABEL("/bin/bash", "bash\0-s\0x.sh", "bash");
	label_is("/usr/bin/perl", "perl\0-w\0a/mailer.p", 18, "/srv/a/… (perl, script not known)");
	LABEL("/usr/bin/python3.11", "python3\0-c\0import smtplib", "python3.11 -c import smtplib");
	LABEL("/usr/bin/php8.2", "php\0-d\0a=b\0-f\0/x/y.php", "/x/y.php (php8.2)");
	LABEL("/bin/bash", "bash\0--norc\0\0x.sh", "/srv/x.sh (bash)");
	LABEL("/usr/bin/node", "node\0/app/index.js", "/app/index.js (node)");
	LABEL("/usr/sbin/php-fpm8.2", "php-fpm: pool shop  ", "pool shop (php-fpm8.2)");
	LABEL("/usr/sbin/php-fpm8.2", "other", "php-fpm8.2");
	LABEL("/usr/bin/perlmutter", "perlmutter\0x", "perlmutter");
	label_of(&label, NULL, NULL, VERDICT_UNKNOWN);
	assert_string_equal(label.text, "?");
}

static void odd_executables_say_so(void **state)
{
	struct made_who made;
	struct process *process;
	struct label label;

	(void)state;
	make_who(&made, EVENT_OPEN, 1, 1);
	MAKE_TEXTS(&made, "/tmp/x", "/", "/", "x");
	process = process_decode(&made, made.size);
	process->id.flags = IDENTITY_EXE_DELETED;
	label_of(&label, process, NULL, VERDICT_BYPASS);
	assert_string_equal(label.suffix, " (deleted)");
	process->id.flags = IDENTITY_EXE_MEMFD | IDENTITY_EXE_DELETED;
	label_of(&label, process, NULL, VERDICT_BYPASS);
	assert_string_equal(label.suffix, " (memory only)");
	process->exe.length = 0;
	process->id.flags = IDENTITY_KTHREAD;
	label_of(&label, process, NULL, VERDICT_BYPASS);
	assert_string_equal(label.text, "php-fpm8.2");
	assert_string_equal(label.suffix, " (kernel)");
	process_free(process);
}

static void destinations_keep_their_port(void **state)
{
	uint8_t address[16];
	char text[80];

	(void)state;
	make_address(address, "2001:db8:85a3:1234:5678:8a2e:370:7334");
	label_endpoint(text, sizeof(text), address, 587, 60);
	assert_string_equal(text, "[2001:db8:85a3:1234:5678:8a2e:370:7334]:587");
	label_endpoint(text, sizeof(text), address, 587, 18);
	assert_string_equal(text, "[2001:db8:85…]:587");
	make_address(address, "255.255.255.255");
	label_endpoint(text, sizeof(text), address, 25, 18);
	assert_string_equal(text, "255.255.255.255:25");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programs_are_called_what_people_call_them),
		cmocka_unit_test(odd_executables_say_so),
		cmocka_unit_test(destinations_keep_their_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
