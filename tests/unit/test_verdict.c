/* SPDX-License-Identifier: GPL-2.0-only */
/* The judge: every verdict, every reason, and the honest programs that must not be accused. */
#include "judge/actors.h"
#include "judging.h"

#define TRUSTED (ENRICHMENT_MTA_EXE | ENRICHMENT_MTA_SAFE | ENRICHMENT_MTA_USER)
#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void helo(const char *name)
{
	session.helo.seen = true;
	session.helo.length = (uint16_t)strlen(name);
	memcpy(session.helo_bytes, name, strlen(name));
}

static void test_names(void **state)
{
	(void)state;
	for (int i = 0; i < VERDICT_CLASSES; i++)
		assert_int_equal(verdict_by_name(verdict_name((enum verdict_class)i)), i);
	assert_int_equal(verdict_by_name("spam"), -1);
	assert_string_equal(verdict_name((enum verdict_class)99), "unknown");
	for (int i = 0; i < REASON_COUNT; i++)
		assert_non_null(verdict_reason_name((enum verdict_reason)i));
	assert_string_equal(verdict_reason_name(REASON_COUNT), "unknown");
	assert_string_equal(verdict_reason_name(REASON_DIRECT_MX), "direct-mx");
	judge_free(NULL);
	actors_free(NULL);
	process_free(NULL);
}

static void test_mta(void **state)
{
	(void)state;
	MAKE_TEXTS(&opener, "/usr/lib/postfix/sbin/smtp", "/var/spool/postfix",
		   "/system.slice/postfix@-.service", "smtp\0-t\0unix\0-u\0-c");
	make_comm(opener.open.who.comm, "smtp");
	opener.extra.mta_flags = TRUSTED;
	judged(VERDICT_MTA, 0);
	session.blocklist = "spamhaus";
	session.worst_code = 554;
	session.early_talker = true;
	helo("[192.0.2.1]");
	judged(VERDICT_MTA, REASON(BLOCKLISTED) | REASON(REFUSED));
	memset(&session.helo, 0, sizeof(session.helo));
	session.blocklist = NULL;
	session.worst_code = 0;
	session.early_talker = false;
	/* The connection cache and Exim's -MC. */
	handed_over = true;
	sender.extra.mta_flags = TRUSTED;
	judged(VERDICT_MTA, REASON(HANDED_OVER));
	/* Given to a stranger, or taken from one. */
	sender.extra.mta_flags = 0;
	bypass(REASON(HANDED_OVER));
	opener = sender;
	opener.open.head.kind = EVENT_OPEN;
	sender.extra.mta_flags = TRUSTED;
	bypass(REASON(HANDED_OVER));
	handed_over = false;
	/* Two of the three are not enough. */
	opener.extra.mta_flags = ENRICHMENT_MTA_EXE | ENRICHMENT_MTA_SAFE;
	bypass(0);
	opener.extra.mta_flags = ENRICHMENT_MTA_EXE | ENRICHMENT_MTA_USER;
	bypass(REASON(MTA_WRITABLE));
}

static void test_local(void **state)
{
	(void)state;
	make_ends(&opener.open.ends, "192.0.2.10", 1, "127.0.0.1", 25);
	judged(VERDICT_LOCAL, 0);
	make_ends(&opener.open.ends, "::1", 1, "::1", 587);
	judged(VERDICT_LOCAL, 0);
	make_ends(&opener.open.ends, "192.0.2.10", 1, "192.0.2.10", 25);
	bypass(0);
	facts.via_loopback = true;
	judged(VERDICT_LOCAL, 0);
	facts.via_loopback = false;
	opener.extra.host_address = 1;
	judged(VERDICT_LOCAL, 0);
	/* A proxy here is the way out, not the destination. */
	facts.found = FOUND_PROXY;
	facts.flags = 0;
	judged(VERDICT_BYPASS, REASON(PROXY));
}

static void test_relay(void **state)
{
	(void)state;
	configure("[relay a]\naddress=203.0.113.0/24\nport=25\n");
	judged(VERDICT_RELAY, 0);
	opener.open.ends.remote_port = 587;
	judged(VERDICT_BYPASS, 0);
	facts.found = FOUND_PROXY;
	opener.open.ends.remote_port = 25;
	judged(VERDICT_BYPASS, REASON(PROXY));
}

static void test_allow(void **state)
{
	(void)state;
	opener.open.who.exe_uid = 0;
	configure("[allow a]\nuser=33\nservice=php8.2-fpm.service\nexe=/usr/sbin/php-fpm8.2\n"
		  "cgroup=/system.slice/\naddress=203.0.113.7\nport=25\n");
	judged(VERDICT_RELAY, REASON(ALLOWED));
	handed_over = true;
	judged(VERDICT_RELAY, REASON(ALLOWED) | REASON(HANDED_OVER));
	sender.open.who.uid = 34;
	bypass(REASON(HANDED_OVER));
	handed_over = false;
	opener.open.who.euid = 0;
	impostor(REASON(ROOT));
	opener.open.who.euid = 33;
	opener.open.ends.remote_port = 26;
	judged(VERDICT_BYPASS, 0);
	make_ends(&opener.open.ends, "192.0.2.10", 1, "203.0.113.8", 25);
	bypass(0);
	make_ends(&opener.open.ends, "192.0.2.10", 1, "203.0.113.7", 25);
	/* The file: whose it is, and where its path came from. */
	opener.open.who.exe_uid = 33;
	judged(VERDICT_RELAY, REASON(ALLOWED));
	opener.open.who.exe_uid = 1000;
	bypass(0);
	opener.open.who.exe_uid = 0;
	opener.open.who.exe_mode = 0100775;
	bypass(0);
	opener.open.who.exe_mode = 0100755;
	configure("[allow a]\nservice=postfix.service\n[allow b]\ncgroup=/user\n"
		  "[allow c]\ncontainer=" ID "\n");
	bypass(0);
	/* Names that a user made up below his own manager. */
	MAKE_TEXTS(&opener, "/usr/bin/perl", "/",
		   "/user.slice/user-1.slice/user@1.service/postfix.service", "perl");
	make_comm(opener.open.who.comm, "perl");
	bypass(0);
	MAKE_TEXTS(&opener, "/usr/bin/perl", "/",
		   "/user.slice/user-1.slice/user@1.service/docker-" ID ".scope", "perl");
	bypass(0);
	MAKE_TEXTS(&opener, "/usr/bin/perl", "/", "/docker/" ID, "perl");
	judged(VERDICT_RELAY, REASON(ALLOWED));
	MAKE_TEXTS(&opener, "/usr/bin/perl", "/", "/user", "perl");
	judged(VERDICT_RELAY, REASON(ALLOWED));
	configure("[allow a]\ncgroup=/\n");
	judged(VERDICT_RELAY, REASON(ALLOWED));
	opener.open.who.flags = IDENTITY_CGROUP_CUT;
	bypass(0);
}

static void test_unknown(void **state)
{
	struct verdict verdict;

	(void)state;
	facts.ends = &opener.open.ends;
	verdict = judge_verdict(judge, &facts);
	assert_int_equal(verdict.class, VERDICT_UNKNOWN);
	assert_true(verdict.reasons & REASON(EVIDENCE_MISSING));
	judge_opened(judge, &facts); /* nobody to count for */
	make_texts(&opener, NULL, NULL, NULL, NULL, 0);
	opener.open.who.exe_inode = 0;
	opener.open.who.flags = IDENTITY_NO_EXE;
	judged(VERDICT_UNKNOWN, REASON(DIRECT_MX) | REASON(EVIDENCE_MISSING));
	/* Where it went decides without it. */
	facts.via_loopback = true;
	judged(VERDICT_LOCAL, 0);
	facts.via_loopback = false;
	/* The small identity has device and inode: enough. */
	opener.open.head.flags |= EVENT_F_SMALL;
	opener.open.who.exe_inode = 5;
	opener.open.who.flags = 0;
	bypass(0);
	opener.extra.mta_flags = TRUSTED;
	judged(VERDICT_MTA, 0);
}

static void test_conduct(void **state)
{
	(void)state;
	bypass(0);
	opener.open.ends.remote_port = 2525;
	facts.flags = 0;
	facts.found = FOUND_GREETING;
	judged(VERDICT_BYPASS, REASON(ODD_PORT));
	opener.open.ends.remote_port = 25;
	facts.flags = EVENT_F_LISTED | EVENT_F_EXISTING;
	bypass(REASON(EXISTING));
	facts.flags = EVENT_F_LISTED;
	session.recipients = 50;
	session.early_talker = true;
	session.helo_changed = true;
	bypass(REASON(MANY_RECIPIENTS) | REASON(EARLY_TALKER) | REASON(HELO_CHANGES));
	session.recipients = 0;
	session.urgent = true;
	bypass(REASON(EARLY_TALKER) | REASON(HELO_CHANGES) | REASON(URGENT));
	session.urgent = false;
	session.early_talker = session.helo_changed = false;
	session.quit = false;
	session.from_count = 1;
	bypass(0);
	facts.ended = true; /* the trace is over, the connection goes on */
	bypass(0);
	facts.closed = true;
	bypass(REASON(NO_QUIT));
	session.gaps = 1;
	bypass(0);
	facts.established = false;
	bypass(REASON(ATTEMPT_ONLY));
	facts.established = true;
	facts.session = NULL;
	bypass(REASON(ATTEMPT_ONLY));
}

static void test_refused(void **state)
{
	static const uint16_t no_refusals[] = {0, 250, 500, 502, 535};

	(void)state;
	for (size_t i = 0; i < sizeof(no_refusals) / sizeof(no_refusals[0]); i++) {
		session.worst_code = no_refusals[i];
		bypass(0);
	}
	session.worst_code = 450;
	bypass(REASON(REFUSED));
	session.worst_code = 0;
	session.refused_greeting = true;
	bypass(REASON(REFUSED));
	session.refused_greeting = false;
	session.refused = 1;
	bypass(REASON(REFUSED));
}

static void test_helo(void **state)
{
	static const struct {
		const char *name;
		uint64_t reasons;
	} cases[] = {
		{"mail.example.net", 0},
		{"[192.0.2.1]", REASON(HELO_LITERAL)},
		{"[IPv6:2001:db8::1]", REASON(HELO_LITERAL)},
		{"192.0.2.1", REASON(HELO_LITERAL)},
		{"2001:db8::1", REASON(HELO_LITERAL)},
		{"LocalHost", REASON(HELO_LOCALHOST)},
		{"localhost.localdomain", REASON(HELO_LOCALHOST)},
		{"shop.localhost", REASON(HELO_LOCALHOST)},
		{"localhosts.example.net", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		configure("");
		memset(session.helo_bytes, 0, sizeof(session.helo_bytes));
		helo(cases[i].name);
		bypass(cases[i].reasons);
	}
	/* The actor has said "localhosts" so far: in other letters it is the same name. */
	helo("LOCALHOSTS.example.net");
	bypass(0);
	helo("other.example.net");
	bypass(REASON(HELO_CHANGES));
	opener.open.who.uid = 34;
	bypass(0);
	session.helo.length = LIMIT_HELO + 1;
	opener.open.who.uid = 35;
	session.helo.length = LIMIT_HELO;
	bypass(0);
}

static void test_identity(void **state)
{
	static const struct {
		const char *exe, *cwd;
		uint64_t reasons;
	} cases[] = {
		{"/tmp/x", "/", REASON(EXE_IN_TMP)},
		{"/dev/shm/.a/x", "/", REASON(EXE_IN_TMP)},
		{"/home/u/.cache/x", "/", REASON(EXE_IN_TMP)},
		{"/home/u/.x", "/", 0},
		{"/home/u/.nvm/versions/node/v20/bin/node", "/", 0},
		{"/usr/lib/.x/y", "/", 0},
		{"/usr/sbin/php-fpm8.2", "/var/www/shop/wp-content/uploads/2024",
		 REASON(SCRIPT_IN_UPLOADS)},
		{"/usr/sbin/php-fpm8.2", "/var/www/uploads", REASON(SCRIPT_IN_UPLOADS)},
		{"/usr/bin/perl", "/var/www/uploads",
		 REASON(SCRIPT_IN_UPLOADS)}, /* no file named */
		{"/usr/bin/myprog", "/var/www/uploads", 0},
	};
	static const struct {
		const char *argv;
		size_t length;
		uint64_t reasons;
	} scripts[] = {
		{"perl\0-w\0/srv/uploads/x.pl", 26, REASON(SCRIPT_IN_UPLOADS)},
		{"perl\0uploads/x.pl", 18, REASON(SCRIPT_IN_UPLOADS)},
		{"perl\0/srv/x.pl\0/srv/uploads/list", 33, 0},
		{"perl\0x.pl", 10, 0},
		{"perl\0/srv/uploads/../x.pl", 26, 0},
		{"perl\0-I\0/srv/uploads/lib\0/srv/x.pl", 35, 0},
		{"perl\0srv/./uploads//x.pl", 25, REASON(SCRIPT_IN_UPLOADS)},
		{"perl\0/srv/uploads/mailer.p", 26, REASON(SCRIPT_IN_UPLOADS)}, /* cut */
		{"perl\0-w", 8, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bytes name = bytes_leaf(bytes_of(cases[i].exe));

		make_texts(&opener, cases[i].exe, cases[i].cwd, "/", name.at, name.length);
		make_comm(opener.open.who.comm, name.at);
		bypass(cases[i].reasons);
	}
	make_comm(opener.open.who.comm, "perl");
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		make_texts(&opener, "/usr/bin/perl", "/", "/", scripts[i].argv, scripts[i].length);
		bypass(scripts[i].reasons);
	}
	opener.open.who.flags = IDENTITY_EXE_DELETED;
	bypass(REASON(EXE_DELETED));
	opener.open.who.flags = IDENTITY_EXE_DELETED | IDENTITY_EXE_MEMFD;
	bypass(REASON(EXE_MEMFD));
	/* The sender's identity counts as much. */
	opener.open.who.flags = 0;
	handed_over = true;
	sender.open.who.flags = IDENTITY_EXE_DELETED;
	bypass(REASON(EXE_DELETED) | REASON(HANDED_OVER));
}

static void test_rights(void **state)
{
	(void)state;
	opener.open.who.uid = 0;
	impostor(REASON(ROOT));
	opener.extra.container_pidns = 1;
	bypass(0);
	opener.extra.container_pidns = 0;
	opener.open.who.uid = opener.open.who.euid = 104;
	opener.extra.mta_flags = ENRICHMENT_MTA_OWN_USER;
	impostor(REASON(MTA_USER));
	opener.extra.mta_flags = ENRICHMENT_MTA_NAME;
	opener.open.who.uid = 0;
	bypass(REASON(MTA_IN_CONTAINER));
}

static void open_at(uint64_t time, const char *remote)
{
	struct process *process = process_decode(&opener, opener.size);

	make_ends(&opener.open.ends, "192.0.2.10", 1, remote, 25);
	facts.opener = process;
	facts.ends = &opener.open.ends;
	facts.opened = time;
	judge_opened(judge, &facts);
	process_free(process);
}

static void test_burst(void **state)
{
	(void)state;
	configure("[general]\nwindow=60\nburst=4\nfan-out=3\n");
	for (int i = 0; i < 3; i++)
		open_at((1000 + (uint64_t)i) * SECOND, "203.0.113.7");
	bypass(0);
	open_at(1003 * SECOND, "203.0.113.7");
	bypass(REASON(BURST));
	/* The first connections of it belong to it too. */
	facts.opened = 1000 * SECOND;
	bypass(REASON(BURST));
	facts.opened = 1100 * SECOND;
	bypass(0);
	open_at(1200 * SECOND, "203.0.113.1");
	open_at(1210 * SECOND, "203.0.113.2");
	bypass(0);
	open_at(1259 * SECOND, "203.0.113.3");
	bypass(REASON(FAN_OUT));
	open_at(1400 * SECOND, "203.0.113.4");
	bypass(0);
	/* Three in one fixed window, one in the next: the count slides. */
	open_at(2010 * SECOND, "203.0.113.7");
	open_at(2011 * SECOND, "203.0.113.7");
	open_at(2012 * SECOND, "203.0.113.7");
	bypass(0);
	open_at(2025 * SECOND, "203.0.113.7");
	bypass(REASON(BURST));
}

/* More destinations and actors than there is room for. */
static void test_bounds(void **state)
{
	const struct actors_options options = {.window = 60 * SECOND, .burst = 1, .fan_out = 64};
	struct actors *actors = actors_new(&options);
	struct event_identity who = {.uid = 0};
	uint8_t remote[16] = {0};

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		remote[0] = (uint8_t)(i >> 8);
		remote[1] = (uint8_t)i;
		actors_opened(actors, &who, remote, SECOND + i);
		assert_int_equal(actors_habits(actors, &who, SECOND + i).fan_out, i >= 63);
	}
	for (char c = 'a'; c < 'z'; c++)
		actors_helo(actors, &who, &c, 1);
	assert_true(actors_habits(actors, &who, SECOND).helo_changes);
	for (uint32_t i = 1; i <= LIMIT_ACTORS; i++) {
		who.uid = i;
		actors_opened(actors, &who, remote, 2 * SECOND);
	}
	assert_true(actors_habits(actors, &who, 2 * SECOND).burst);
	who.uid = 1;
	assert_true(actors_habits(actors, &who, 2 * SECOND).burst);
	who.uid = 0; /* seen least recently */
	assert_false(actors_habits(actors, &who, 2 * SECOND).burst);
	/* A record that comes late does not turn time back. */
	who.uid = 1;
	actors_opened(actors, &who, remote, SECOND);
	assert_true(actors_habits(actors, &who, 2 * SECOND).burst);
	actors_free(actors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_names),  CASE(test_mta),	CASE(test_local),   CASE(test_relay),
		CASE(test_allow),  CASE(test_unknown),	CASE(test_conduct), CASE(test_refused),
		CASE(test_helo),   CASE(test_identity), CASE(test_rights),  CASE(test_burst),
		CASE(test_bounds),
	};

	return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
