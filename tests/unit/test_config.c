/* SPDX-License-Identifier: GPL-2.0-only */
/* Configuration: what is read, and the sentence for everything that is wrong. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/address.h"
#include "base/list.h"
#include "base/number.h"
#include "enrich/config.h"
#include "enrich/config_text.h"

static char error[512];

static struct config *parse(const char *text)
{
	error[0] = '\0';
	return config_parse("t.conf", text, strlen(text), error, sizeof(error));
}

static void refused(const char *text, const char *sentence)
{
	struct config *config = parse(text);

	assert_null(config);
	assert_string_equal(error, sentence);
}

static void test_defaults(void **state)
{
	struct config *config = parse("");
	bool postfix = false;

	(void)state;
	assert_non_null(config);
	assert_int_equal(config->port_count, 3);
	assert_true(config_port_listed(config, 25) && config_port_listed(config, 465) &&
		    config_port_listed(config, 587));
	assert_false(config_port_listed(config, 2525));
	assert_int_equal(config->window_seconds, 60);
	assert_int_equal(config->burst, 30);
	assert_int_equal(config->fan_out, 10);
	assert_int_equal(config->many_recipients, 50);
	assert_int_equal(config->progress_seconds, 30);
	for (size_t i = 0; i < config->mta_count; i++) {
		assert_true(config->mtas[i].builtin);
		postfix =
			postfix || strcmp(config->mtas[i].path, "/usr/lib/postfix/sbin/smtp") == 0;
	}
	assert_true(postfix);
	config_free(config);
	config_free(NULL);
}

static void test_full(void **state)
{
	struct config *config =
		parse("\xef\xbb\xbf# a comment\n"
		      "[general] ; another\n"
		      "  ports = 2525, 26\n"
		      "ports=25\n"
		      "window = 120\nburst=5\nfan-out=4\r\nmany-recipients = 7\nprogress=9\n"
		      "\n[mta mailcow]\n"
		      "path = /usr/lib/postfix/sbin/smtp\n"
		      "user = mail, 101\n"
		      "container = mailcow-postfix\n"
		      "service = docker.service\n"
		      "[relay smarthost]\n"
		      "address = 192.0.2.25, 2001:db8::/32\n"
		      "address = 198.51.100.0/24\n"
		      "port = 587\n"
		      "[allow monitoring]\n"
		      "user = root\nservice = nagios.service\nexe = /usr/lib/check_smtp\n"
		      "cgroup=/system.slice\ncontainer=abc\nport=25\n"
		      "[allow net]\naddress = 10.0.0.0/8,::1\n");
	const struct config_mta *mta;
	uint8_t address[16], prefix;

	(void)state;
	assert_string_equal(error, "");
	assert_non_null(config);
	assert_int_equal(config->port_count, 5);
	assert_true(config_port_listed(config, 26));
	assert_int_equal(config->window_seconds, 120);
	assert_int_equal(config->burst, 5);
	assert_int_equal(config->fan_out, 4);
	assert_int_equal(config->many_recipients, 7);
	assert_int_equal(config->progress_seconds, 9);
	mta = &config->mtas[config->mta_count - 2];
	assert_string_equal(mta[0].name, "mailcow");
	assert_string_equal(mta[0].path, "/usr/lib/postfix/sbin/smtp");
	assert_string_equal(mta[0].user, "mail");
	assert_string_equal(mta[1].user, "101");
	assert_string_equal(mta[1].container, "mailcow-postfix");
	assert_string_equal(mta[1].service, "docker.service");
	assert_false(mta[1].builtin);
	assert_int_equal(config->relay_count, 3);
	assert_int_equal(config->relays[0].port, 587);
	assert_int_equal(config->relays[0].prefix, 128);
	assert_int_equal(config->relays[1].prefix, 32);
	assert_int_equal(config->relays[2].prefix, 96 + 24);
	assert_int_equal(address_parse("198.51.100.77", address, &prefix), 0);
	assert_true(address_in(address, config->relays[2].address, config->relays[2].prefix));
	assert_int_equal(config->allow_count, 3);
	assert_true(config->allows[0].has_uid);
	assert_int_equal(config->allows[0].uid, 0);
	assert_string_equal(config->allows[0].service, "nagios.service");
	assert_string_equal(config->allows[0].container, "abc");
	assert_string_equal(config->allows[0].cgroup, "/system.slice");
	assert_string_equal(config->allows[0].exe, "/usr/lib/check_smtp");
	assert_int_equal(config->allows[0].port, 25);
	assert_false(config->allows[0].has_address);
	assert_true(config->allows[2].has_address);
	config_free(config);
}

static void test_store(void **state)
{
	struct config *config = parse("");

	(void)state;
	assert_string_equal(config->store_directory, "/var/lib/smtpsnoop");
	assert_int_equal(config->store_days, 90);
	assert_int_equal(config->store_rollup_days, 400);
	assert_int_equal(config->store_bytes, 1 << 30);
	config_free(config);
	config = parse("[store]\ndir = /srv/history\ndays = 7\nrollup-days = 3650\n"
		       "size = 1099511627776\n");
	assert_string_equal(error, "");
	assert_string_equal(config->store_directory, "/srv/history");
	assert_int_equal(config->store_days, 7);
	assert_int_equal(config->store_rollup_days, 3650);
	assert_true(config->store_bytes == UINT64_C(1) << 40);
	config_free(config);
	refused("[store]\ndir = here\n", "t.conf:2: dir \"here\" is not an absolute path");
	refused("[store]\ndir = /a\ndir = /b\n", "t.conf:3: dir is given twice, first in line 2");
	refused("[store]\ndays = 0\n", "t.conf:2: days \"0\" is not a number from 1 to 3650");
	refused("[store]\ndir = /a\nsize = 1G\n",
		"t.conf:3: size \"1G\" is not a number from 16777216 to 1099511627776");
	refused("[store]\nrollup_days = 1\n", "t.conf:2: unknown key \"rollup_days\" in [store]; "
					      "known are dir, days, rollup-days, "
					      "size");
}

static void assert_word(const char *one, const char *other)
{
	assert_int_equal(!one, !other);
	if (one)
		assert_string_equal(one, other);
}

static void assert_same_rules(const struct config *one, const struct config *other)
{
	assert_int_equal(one->relay_count, other->relay_count);
	for (size_t i = 0; i < one->relay_count; i++) {
		const struct config_relay *a = &one->relays[i], *b = &other->relays[i];

		assert_string_equal(a->name, b->name);
		assert_memory_equal(a->address, b->address, 16);
		assert_true(a->prefix == b->prefix && a->port == b->port);
	}
	assert_int_equal(one->allow_count, other->allow_count);
	for (size_t i = 0; i < one->allow_count; i++) {
		const struct config_allow *a = &one->allows[i], *b = &other->allows[i];

		assert_string_equal(a->name, b->name);
		assert_true(a->has_uid == b->has_uid && a->uid == b->uid);
		assert_word(a->service, b->service);
		assert_word(a->container, b->container);
		assert_word(a->cgroup, b->cgroup);
		assert_word(a->exe, b->exe);
		assert_true(a->has_address == b->has_address && a->prefix == b->prefix);
		assert_memory_equal(a->address, b->address, 16);
		assert_int_equal(a->port, b->port);
	}
}

/* For the half that can't read the file: the same rules. */
static void test_text(void **state)
{
	struct config *config = parse(
		"[general]\nports = 2525\nwindow = 120\nburst = 5\nfan-out = 4\n"
		"many-recipients = 7\nprogress = 9\n"
		"[relay a]\naddress = 192.0.2.25, 2001:db8::/32, 0.0.0.0/0, ::/0\nport = 587\n"
		"[relay b]\naddress = ::1\n"
		"[allow x]\nuser = root\nservice = a.service\nexe = /usr/lib/a b\n"
		"cgroup = /system.slice\ncontainer = abc\nport = 25\n"
		"[allow net]\naddress = 10.0.0.0/8, ::1\n[mta m]\npath = /m\nuser = 7\n");
	struct config *other;
	size_t length;
	char *text;

	(void)state;
	assert_non_null(config);
	text = config_text(config, &length);
	assert_non_null(text);
	other = config_parse("text", text, length, error, sizeof(error));
	assert_string_equal(error, "");
	assert_non_null(other);
	assert_same_rules(config, other);
	assert_memory_equal(config->ports, other->ports, sizeof(config->ports));
	assert_int_equal(config->port_count, other->port_count);
	assert_int_equal(other->window_seconds, 120);
	assert_int_equal(other->burst, 5);
	assert_int_equal(other->fan_out, 4);
	assert_int_equal(other->many_recipients, 7);
	assert_int_equal(other->progress_seconds, 9);
	free(text);
	config_free(config);
	config_free(other);
}

static void test_errors(void **state)
{
	(void)state;
	refused("\n[relay a]\nprot = 25\n",
		"t.conf:3: unknown key \"prot\" in [relay a]; known are address, port");
	refused("[general]\nburts=1\n", "t.conf:2: unknown key \"burts\" in [general]; known are "
					"ports, window, burst, fan-out, many-recipients, progress");
	refused("[rely a]\n",
		"t.conf:1: unknown section [rely]; known are general, mta, relay, allow, store");
	refused("[relay]\n", "t.conf:1: [relay] needs a name: [relay name]");
	refused("[general x]\n", "t.conf:1: [general] has no name behind it");
	refused("[relay a\n", "t.conf:1: \"[relay a\" is no section: [general] or [kind name]");
	refused("[relay a] b\n",
		"t.conf:1: \"[relay a] b\" is no section: [general] or [kind name]");
	refused("[general]x\n", "t.conf:1: \"[general]x\" is no section: [general] or [kind name]");
	refused("burst = 4\n", "t.conf:1: \"burst\" stands before any [section]");
	refused("[general]\nburst\n", "t.conf:2: neither [section] nor key = value");
	refused("[general]\nburst\nfoo=1\n", "t.conf:2: neither [section] nor key = value");
	refused("[general]\nburst =\n", "t.conf:2: burst has no value");
	refused("[general]\nburst=1\n\nburst=2\n",
		"t.conf:4: burst is given twice, first in line 2");
	refused("[general]\n\nburst=-1\n[relay a]\naddress=::1\n",
		"t.conf:3: burst \"-1\" is not a number from 1 to 1000000");
	refused("[general]\nfan-out=65\n", "t.conf:2: fan-out \"65\" is not a number from 1 to 64");
	refused("[general]\nports=25,0\n",
		"t.conf:2: ports \"25,0\" is not a list of port numbers from 1 to 65535");
	refused("[mta a]\npath=/x\n", "t.conf:1: [mta a] needs path and user");
	refused("[mta a]\npath=x\nuser=u\n", "t.conf:2: path \"x\" is not an absolute path");
	refused("[mta a]\npath=/x\nuser=1,,2\n", "t.conf:3: user \"1,,2\" is not a list of users");
	refused("[mta a]\npath=/x\nuser=1,no-such-user-here\n",
		"t.conf:3: user \"no-such-user-here\" is not a user of this host");
	refused("[relay a]\n# nothing\n[general]\n", "t.conf:1: [relay a] needs an address");
	refused("[relay a]\naddress=mail.example.net\n",
		"t.conf:2: address \"mail.example.net\" is not an IP address or network "
		"(192.0.2.0/24, "
		"2001:db8::1)");
	refused("[relay a]\naddress=192.0.2.1/24\n",
		"t.conf:2: address \"192.0.2.1/24\" is not an IP address or network (192.0.2.0/24, "
		"2001:db8::1)");
	refused("[relay a]\naddress=::1,\n",
		"t.conf:2: address \"::1,\" is not a list of IP addresses and networks");
	refused("[relay a]\naddress=::1\nport=0\n",
		"t.conf:3: port \"0\" is not a number from 1 to 65535");
	refused("[allow a]\n", "t.conf:1: [allow a] has no condition: it would allow everything");
	refused("[allow a]\nuser=no-such-user-here\n",
		"t.conf:2: user \"no-such-user-here\" is not a user of this host");
	refused("[allow a]\nexe=perl\naddress=::1\n",
		"t.conf:2: exe \"perl\" is not an absolute path");
	refused("[allow a]\nexe=\x1b[31m\n", "t.conf:2: exe \"\\x1b[31m\" is not an absolute path");
}

static void test_bad_bytes(void **state)
{
	static const char nul[] = "[general]\nburst=1\0 2\n";
	char longer[400];

	(void)state;
	assert_null(config_parse("t.conf", nul, sizeof(nul) - 1, error, sizeof(error)));
	assert_string_equal(error, "t.conf:2: a NUL byte is no text");
	memset(longer, 'a', sizeof(longer));
	assert_null(config_parse("t.conf", longer, sizeof(longer), error, sizeof(error)));
	assert_non_null(strstr(error, "t.conf:1: longer than "));
	/* Room for the error may be scarce. */
	assert_null(config_parse("t.conf", "x\n", 2, error, 4));
	assert_string_equal(error, "t.c");
}

static void test_many(void **state)
{
	static char text[LIMIT_RULES * 40];
	size_t used = 0;

	(void)state;
	for (int i = 0; i <= LIMIT_RULES; i++)
		used += (size_t)sprintf(text + used, "[relay r%d]\naddress=::%x\n", i, i + 2);
	assert_null(parse(text));
	assert_string_equal(error, "t.conf:513: more than 256 rules of this kind");
}

static void test_ports(void **state)
{
	struct config *config = config_default();
	char list[1024];
	size_t used = 0;

	(void)state;
	assert_int_equal(config_add_ports(config, "2525 , 25"), 0);
	assert_int_equal(config->port_count, 4);
	assert_int_equal(config_add_ports(config, ""), -EINVAL);
	assert_int_equal(config_add_ports(config, "1,"), -EINVAL);
	assert_int_equal(config_add_ports(config, "123456"), -EINVAL);
	assert_int_equal(config_add_ports(config, "1,+2"), -EINVAL);
	for (int i = 1; i < CONFIG_PORTS_MAX; i++)
		used += (size_t)sprintf(list + used, "%s%d", i > 1 ? "," : "", 10000 + i);
	assert_int_equal(config_add_ports(config, list), -ENOSPC);
	assert_int_equal(config->port_count, 4);
	config_free(config);
}

static void test_load(void **state)
{
	char path[] = "/tmp/smtpsnoop-test-XXXXXX";
	struct config *config;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "[general]\nburst=77\n", 19), 19);
	assert_int_equal(fchmod(fd, 0644), 0);
	config = config_load(path, true, error, sizeof(error));
	if (geteuid() == 0) {
		assert_non_null(config);
		assert_int_equal(config->burst, 77);
		config_free(config);
		assert_int_equal(fchmod(fd, 0664), 0);
		assert_null(config_load(path, true, error, sizeof(error)));
		assert_non_null(strstr(error, "others than root can write it"));
		assert_int_equal(fchmod(fd, 0644), 0);
		assert_int_equal(ftruncate(fd, LIMIT_CONFIG_BYTES + 1), 0);
		assert_null(config_load(path, true, error, sizeof(error)));
		assert_non_null(strstr(error, "larger than"));
		assert_int_equal(fchown(fd, 65534, 65534), 0);
		config = config_load(path, true, error, sizeof(error));
	}
	assert_null(config);
	assert_non_null(strstr(error, "does not belong to root"));
	close(fd);
	unlink(path);
	assert_null(config_load(path, true, error, sizeof(error)));
	assert_non_null(strstr(error, ": No such file or directory"));
	config = config_load(path, false, error, sizeof(error));
	assert_non_null(config);
	config_free(config);
	assert_null(config_load("/dev/null", true, error, sizeof(error)));
	assert_string_equal(error, "/dev/null: not a regular file");
}

static void test_addresses(void **state)
{
	static const char *const bad[] = {"",
					  "1.2.3",
					  "1.2.3.4/33",
					  "1.2.3.4/",
					  "1.2.3.4/-1",
					  "::1/129",
					  "::/x",
					  "1.2.3.4 ",
					  "2001:db8::1/32",
					  "11111111111111111111111111111111111111111111111111"};
	uint8_t a[16], b[16], prefix;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(address_parse(bad[i], a, &prefix), -EINVAL);
	assert_int_equal(address_parse("192.0.2.128/25", a, &prefix), 0);
	assert_int_equal(prefix, 121);
	assert_true(address_is_v4(a));
	assert_int_equal(address_parse("192.0.2.127", b, &prefix), 0);
	assert_false(address_in(b, a, 121));
	assert_true(address_in(b, a, 120));
	assert_false(address_in(b, a, 129));
	assert_true(address_in(b, a, 0));
	assert_int_equal(address_parse("127.8.9.1", a, &prefix), 0);
	assert_true(address_is_loopback(a));
	assert_int_equal(address_parse("0.0.0.0", a, &prefix), 0);
	assert_true(address_is_loopback(a));
	assert_int_equal(address_parse("0.0.0.1", a, &prefix), 0);
	assert_false(address_is_loopback(a));
	assert_int_equal(address_parse("::", a, &prefix), 0);
	assert_true(address_is_loopback(a));
	assert_int_equal(address_parse("::1", a, &prefix), 0);
	assert_true(address_is_loopback(a));
	assert_int_equal(address_parse("::2", a, &prefix), 0);
	assert_false(address_is_loopback(a) || address_is_v4(a));
}

static void test_numbers(void **state)
{
	uint64_t out = 7;

	(void)state;
	assert_int_equal(number_parse("18446744073709551615", 0, UINT64_MAX, &out), 0);
	assert_true(out == UINT64_MAX);
	assert_int_equal(number_parse("18446744073709551616", 0, UINT64_MAX, &out), -ERANGE);
	assert_int_equal(number_parse("4", 5, 6, &out), -ERANGE);
	assert_int_equal(number_parse("7", 5, 6, &out), -ERANGE);
	assert_int_equal(number_parse(" 5", 5, 6, &out), -EINVAL);
	assert_int_equal(number_parse("", 0, 6, &out), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults), cmocka_unit_test(test_full),
		cmocka_unit_test(test_store),	 cmocka_unit_test(test_text),
		cmocka_unit_test(test_errors),	 cmocka_unit_test(test_bad_bytes),
		cmocka_unit_test(test_many),	 cmocka_unit_test(test_ports),
		cmocka_unit_test(test_load),	 cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
