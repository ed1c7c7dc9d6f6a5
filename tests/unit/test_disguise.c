/* SPDX-License-Identifier: GPL-2.0-only */
/* Who wears a name that is not theirs, and the honest programs that rename themselves. */
#include "judging.h"

/* comm, executable, argv; what is expected of the name alone. */
struct wearing {
	const char *comm, *exe, *argv;
	size_t length;
	bool protected_name, fake_kthread, mismatch;
};
#define WEARS(comm, exe, argv, ...)                                                                \
	{                                                                                          \
		comm, exe, argv, sizeof(argv), __VA_ARGS__                                         \
	}
#define HONEST false, false, false
#define IMPOSTOR true, false, true

static const struct wearing wardrobe[] = {
	/* honest */
	WEARS("perl", "/usr/bin/perl", "perl\0x.pl", HONEST),
	WEARS("python3", "/usr/bin/python3.11", "/usr/bin/python3\0x.py", HONEST),
	WEARS("newsletter", "/usr/bin/python3.11", "/usr/bin/python3\0./newsletter", HONEST),
	WEARS("a-very-long-scr", "/usr/bin/perl",
	      "/usr/bin/perl\0-w\0bin/a-very-long-script-name.pl", HONEST),
	WEARS("php-fpm8.2", "/usr/sbin/php-fpm8.2", "php-fpm: pool www", HONEST),
	WEARS("MainThread", "/usr/bin/node", "node\0app.js", HONEST),
	WEARS("sh", "/usr/bin/dash", "sh\0-c\0true", HONEST),
	WEARS("bash", "/usr/bin/bash", "-bash", HONEST),
	WEARS("vi", "/usr/bin/vim.basic", "vi", HONEST),
	WEARS("gunicorn", "/usr/bin/python3.11", "gunicorn: worker [shop]", HONEST),
	WEARS("python3", "/usr/bin/python3.11", "[celeryd: celery@shop:MainProcess] -active-",
	      HONEST),
	WEARS("sendmail", "/usr/bin/msmtp", "/usr/sbin/sendmail\0-t", HONEST),
	WEARS("sendmail", "/usr/sbin/exim4", "sendmail\0-t", HONEST),
	WEARS("sendmail", "/usr/bin/busybox", "sendmail\0-t", HONEST),
	WEARS("sendmail", "/usr/bin/perl", "/usr/bin/perl\0/usr/sbin/sendmail\0-t", HONEST),
	WEARS("exim", "/usr/sbin/exim4", "/usr/sbin/exim\0-bd", HONEST),
	WEARS("sshd", "/usr/lib/openssh/sshd-session", "sshd: user@pts/0", HONEST),
	WEARS("smtp", "/usr/lib/postfix/sbin/smtp", "smtp\0-t\0unix", HONEST),
	WEARS("apache2", "/usr/sbin/apache2", "/usr/sbin/apache2\0-k\0start", HONEST),
	WEARS("crond", "/usr/bin/busybox", "crond", HONEST),
	WEARS("x", "/usr/bin/perl", "", HONEST),
	WEARS("awk", "/usr/bin/gawk", "awk\0-f\0x.awk", HONEST),
	WEARS("rbash", "/usr/bin/bash", "rbash", HONEST),
	/* somebody else's name */
	WEARS("postfix/smtp", "/usr/bin/perl", "postfix/smtp", IMPOSTOR),
	WEARS("perl", "/usr/bin/perl", "postfix/smtp -t unix -u", IMPOSTOR),
	WEARS("smtp", "/usr/bin/perl", "perl\0x.pl", IMPOSTOR),
	WEARS("exim4", "/usr/bin/perl", "/usr/bin/perl\0./exim4", IMPOSTOR),
	WEARS("perl", "/usr/bin/perl", "/usr/sbin/apache2 -k start", IMPOSTOR),
	WEARS("perl", "/usr/bin/perl", "sendmail: accepting connections", IMPOSTOR),
	WEARS("sendmail", "/usr/bin/perl", "sendmail", IMPOSTOR),
	WEARS("x", "/usr/bin/x", "/usr/lib/systemd/systemd\0--user", IMPOSTOR),
	WEARS("perl", "/usr/bin/perl", "[kworker/0:1]", false, true, true),
	WEARS("kworker/u8:2", "/usr/bin/perl", "", false, true, true),
	WEARS("perl", "/usr/bin/perl", "updater", false, false, true),
	WEARS("updater", "/usr/bin/perl", "updater", false, false, true),
	WEARS("x", "/usr/bin/x", "y", false, false, true),
	WEARS("sh", "/usr/bin/perl", "sh", false, false, true),
};

static void test_disguise(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wardrobe) / sizeof(wardrobe[0]); i++) {
		const struct wearing *who = &wardrobe[i];
		uint64_t reasons = (who->mismatch ? REASON(NAME_MISMATCH) : 0) |
				   (who->fake_kthread ? REASON(FAKE_KTHREAD) : 0);
		struct verdict verdict;

		make_texts(&opener, who->exe, "/", "/", who->argv, who->length);
		make_comm(opener.open.who.comm, who->comm);
		verdict = ask();
		if (verdict.reasons != (reasons | REASON(DIRECT_MX)))
			fail_msg("%s %s %s: reasons %llx", who->comm, who->exe, who->argv,
				 (unsigned long long)verdict.reasons);
		if ((verdict.class == VERDICT_IMPOSTOR) !=
		    (who->protected_name || who->fake_kthread))
			fail_msg("%s %s %s: %s", who->comm, who->exe, who->argv,
				 verdict_name(verdict.class));
	}
}

/* The file's own name and owner. */
static void test_disguised_file(void **state)
{
	(void)state;
	MAKE_TEXTS(&opener, "/home/u/sshd", "/", "/", "./sshd");
	make_comm(opener.open.who.comm, "sshd");
	opener.open.who.exe_uid = 1000;
	impostor(REASON(NAME_MISMATCH));
	opener.open.who.exe_uid = 0;
	opener.open.who.exe_mode = 0100777;
	impostor(REASON(NAME_MISMATCH));
	opener.open.who.exe_mode = 0100755;
	bypass(0);
	MAKE_TEXTS(&opener, "memfd:sshd", "/", "/", "sshd");
	opener.open.who.flags = IDENTITY_EXE_MEMFD;
	impostor(REASON(NAME_MISMATCH) | REASON(EXE_MEMFD));
	/* A real kernel thread, and a container's nginx whose files belong to the container's root. */
	make_texts(&opener, NULL, NULL, "/", NULL, 0);
	make_comm(opener.open.who.comm, "kworker/0:1");
	opener.open.who.flags = IDENTITY_KTHREAD | IDENTITY_NO_EXE;
	opener.open.who.uid = 0;
	bypass(0);
	opener.open.who.flags = 0;
	opener.open.who.uid = opener.open.who.exe_uid = 100000;
	opener.extra.container_pidns = 1;
	MAKE_TEXTS(&opener, "/usr/sbin/nginx", "/", "/lxc.payload.web", "nginx: worker process");
	make_comm(opener.open.who.comm, "nginx");
	bypass(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {CASE(test_disguise), CASE(test_disguised_file)};

	return cmocka_run_group_tests_name("disguise", tests, NULL, NULL);
}
