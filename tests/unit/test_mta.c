/* SPDX-License-Identifier: GPL-2.0-only */
/* The privileged half's findings, on files, users and addresses of the machine that runs the test. */
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/address.h"
#include "enrich/addresses.h"
#include "enrich/enrich.h"
#include "enrich/file_id.h"
#include "enrich/users.h"
#include "make_frame.h"

#define SECOND 1000000000ull
#define TRUSTED (ENRICHMENT_MTA_EXE | ENRICHMENT_MTA_SAFE | ENRICHMENT_MTA_USER)
#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define MTA_UID 54321 /* nobody's */

static char directory[] = "/tmp/smtpsnoop-test-XXXXXX";
static char path[64];
static struct made_who made;
static struct enrichment out;

static uint32_t namespace_of_init(const char *name)
{
	char link[64];
	struct stat file;

	snprintf(link, sizeof(link), "/proc/1/ns/%s", name);
	if (stat(link, &file) != 0) {
		snprintf(link, sizeof(link), "/proc/self/ns/%s", name);
		assert_int_equal(stat(link, &file), 0);
	}
	return (uint32_t)file.st_ino;
}

static void write_mta(void)
{
	char fresh[80];
	int fd;

	/* As a package manager does: the old inode is still there while the new one is made. */
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL, 0755);
	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, 0755), 0);
	close(fd);
	assert_int_equal(rename(fresh, path), 0);
}

static int setup(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/my-mta", directory);
	write_mta();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	rmdir(directory);
	return 0;
}

static struct config *config_for(const char *more)
{
	char text[512], error[256];
	struct config *config;
	int used = snprintf(text, sizeof(text), "[mta mine]\npath=%s\nuser=%d\n%s", path, MTA_UID,
			    more);

	config = config_parse("t.conf", text, (size_t)used, error, sizeof(error));
	assert_non_null(config);
	return config;
}

/* A process that runs the file at `path`, in the host's namespaces. */
static void make_mta(void)
{
	struct event_identity *who = &made.open.who;
	struct file_id id;

	make_who(&made, EVENT_OPEN, 1, 2);
	make_texts(&made, path, "/", "/system.slice/mine.service", NULL, 0);
	assert_int_equal(file_id_read(path, &id), 0);
	who->uid = who->euid = MTA_UID;
	who->exe_device = id.device;
	who->exe_inode = id.inode;
	who->exe_uid = id.uid;
	who->exe_mode = id.mode;
	who->ns_mnt = namespace_of_init("mnt");
	who->ns_pid = namespace_of_init("pid");
	made.open.ends.netns = namespace_of_init("net");
}

static uint8_t flags(struct enrich *enrich, uint64_t now)
{
	enrich_open(enrich, &made.open, made.open.head.size, now, &out);
	return out.mta_flags;
}

static bool skip_unless_root(void)
{
	if (geteuid() == 0)
		return false;
	print_message("skipped: only root can make a root-owned executable\n");
	return true;
}

static void test_trusted(void **state)
{
	struct config *config = config_for("");
	struct enrich *enrich = enrich_new(config, SECOND);
	struct event_identity *who = &made.open.who;

	(void)state;
	if (!skip_unless_root()) {
		make_mta();
		assert_int_equal(flags(enrich, SECOND), TRUSTED | ENRICHMENT_MTA_OWN_USER);
		assert_string_equal(out.mta, "mine");
		assert_string_equal(out.user, "");
		assert_true(out.host_netns);
		assert_false(out.container_pidns || out.host_address);
		who->exe_mode = 0; /* the small identity */
		assert_int_equal(flags(enrich, SECOND), TRUSTED | ENRICHMENT_MTA_OWN_USER);
		who->exe_mode = 0100775;
		assert_false(flags(enrich, SECOND) & ENRICHMENT_MTA_SAFE);
		who->exe_mode = 0100755;
		who->exe_uid = 1000;
		assert_false(flags(enrich, SECOND) & ENRICHMENT_MTA_SAFE);
		who->exe_uid = 0;
		who->euid = 0;
		assert_false(flags(enrich, SECOND) & ENRICHMENT_MTA_USER);
		who->euid = who->uid;
		/* The name alone is nothing. */
		who->exe_inode++;
		assert_int_equal(flags(enrich, SECOND), ENRICHMENT_MTA_OWN_USER);
		who->uid = who->euid = 33;
		assert_int_equal(flags(enrich, SECOND), 0);
		assert_string_equal(out.mta, "");
	}
	enrich_free(enrich);
	config_free(config);
}

static void test_upgrade(void **state)
{
	struct config *config = config_for("");
	struct enrich *enrich = enrich_new(config, SECOND);
	struct made_who old;

	(void)state;
	if (!skip_unless_root()) {
		make_mta();
		old = made;
		/* Held open, so that its number is not given out again. */
		int fd = open(path, O_RDONLY);

		write_mta();
		make_mta();
		assert_int_not_equal(made.open.who.exe_inode, old.open.who.exe_inode);
		/* At most once a second. */
		assert_false(flags(enrich, SECOND + SECOND / 2) & ENRICHMENT_MTA_EXE);
		assert_int_equal(flags(enrich, 3 * SECOND), TRUSTED | ENRICHMENT_MTA_OWN_USER);
		/* The daemon that still runs the old file. */
		made = old;
		made.open.who.exe_links = 0;
		assert_int_equal(flags(enrich, 3 * SECOND), TRUSTED | ENRICHMENT_MTA_OWN_USER);
		made.open.who.exe_uid = 1000;
		assert_false(flags(enrich, 3 * SECOND) & ENRICHMENT_MTA_EXE);
		made.open.who.exe_uid = 0;
		made.open.who.ns_mnt++;
		assert_false(flags(enrich, 3 * SECOND) & ENRICHMENT_MTA_EXE);
		made.open.who.ns_mnt--;
		made.open.who.exe_links = 1;
		assert_false(flags(enrich, 3 * SECOND) & ENRICHMENT_MTA_EXE);
		/* Every minute, whoever asks. */
		assert_int_equal(chmod(path, 0700), 0);
		flags(enrich, 100 * SECOND);
		close(fd);
	}
	enrich_free(enrich);
	config_free(config);
}

static void test_container(void **state)
{
	char more[256];
	struct config *config;
	struct enrich *enrich;
	struct event_identity *who = &made.open.who;

	(void)state;
	if (skip_unless_root())
		return;
	snprintf(more, sizeof(more), "[mta boxed]\npath=/opt/box/smtp\nuser=101\ncontainer=%.12s\n",
		 ID);
	config = config_for(more);
	enrich = enrich_new(config, SECOND);
	make_mta();
	make_texts(&made, "/opt/box/smtp", "/", "/docker/" ID, NULL, 0);
	who->tgid = 0x3fffffff; /* no such process: its root directory cannot be looked at */
	who->exe_inode = 5;
	who->uid = who->euid = 101;
	who->ns_mnt++;
	who->ns_pid++;
	assert_int_equal(flags(enrich, SECOND), TRUSTED | ENRICHMENT_MTA_CONTAINER);
	assert_string_equal(out.mta, "boxed");
	assert_true(out.container_pidns);
	/* A process that can be looked at has no such file there. */
	who->tgid = (uint32_t)getpid();
	make_texts(&made, path, "/", "/docker/" ID, NULL, 0);
	assert_int_equal(flags(enrich, SECOND), ENRICHMENT_MTA_NAME);
	make_texts(&made, "/opt/box/smtp", "/", "/docker/" ID, NULL, 0);
	who->tgid = 0x3fffffff;
	who->exe_uid = 1000;
	assert_int_equal(flags(enrich, SECOND), ENRICHMENT_MTA_NAME);
	who->exe_uid = 0;
	/* Another container, the host's own mount namespace, a container's name made up by a user. */
	make_texts(&made, "/opt/box/smtp", "/", "/lxc.payload.x", NULL, 0);
	assert_int_equal(flags(enrich, SECOND), ENRICHMENT_MTA_NAME);
	make_texts(&made, "/opt/box/smtp", "/", "/user.slice/user@7.service/docker-" ID ".scope",
		   NULL, 0);
	assert_int_equal(flags(enrich, SECOND), ENRICHMENT_MTA_NAME);
	who->ns_pid--;
	assert_int_equal(flags(enrich, SECOND), 0);
	make_texts(&made, "/opt/box/smtp", "/", "/docker/" ID, NULL, 0);
	who->ns_mnt--;
	assert_int_equal(flags(enrich, SECOND), 0);
	enrich_free(enrich);
	config_free(config);
}

/* The same file, seen through a process's own root directory. */
static void test_file_id(void **state)
{
	struct file_id mine, theirs;
	struct stat file;

	(void)state;
	assert_int_equal(file_id_read(path, &mine), 0);
	assert_int_equal(stat(path, &file), 0);
	assert_int_equal(mine.mode, file.st_mode);
	assert_int_equal(file_id_read("/nonexistent", &mine), -ENOENT);
	assert_int_equal(file_id_read(path, &mine), 0);
	if (file_id_read_in(getpid(), path, &theirs) == 0)
		assert_true(file_id_same(&theirs, mine.device, mine.inode));
	assert_true(file_id_read_in(0x3fffffff, path, &theirs) < 0);
	assert_true(file_id_read_in(getpid(), "/nonexistent", &theirs) < 0);
	memset(&mine, 0, sizeof(mine));
	assert_false(file_id_same(&mine, 0, 0));
}

static void test_bad_record(void **state)
{
	struct config *config = config_for("");
	struct enrich *enrich = enrich_new(config, SECOND);

	(void)state;
	make_mta();
	made.open.exe_len = 60000;
	memset(&out, 0xff, sizeof(out));
	enrich_open(enrich, &made.open, made.open.head.size, SECOND, &out);
	assert_int_equal(out.mta_flags, 0);
	assert_string_equal(out.user, "");
	enrich_free(enrich);
	enrich_free(NULL);
	config_free(config);
}

/* Each namespace has its own loopback and links: that the host has the address too says nothing there. */
static void test_other_namespace(void **state)
{
	struct config *config = config_for("");
	struct enrich *enrich = enrich_new(config, SECOND);
	uint8_t *remote = made.open.ends.remote;
	struct ifaddrs *list, *at;

	(void)state;
	make_mta();
	make_address(remote, "127.0.0.1");
	flags(enrich, SECOND);
	assert_true(out.host_address);
	made.open.ends.netns++;
	flags(enrich, SECOND);
	assert_false(out.host_address);
	assert_int_equal(getifaddrs(&list), 0);
	for (at = list; at; at = at->ifa_next) {
		const struct sockaddr_in6 *own = (const void *)at->ifa_addr;

		if (!own || own->sin6_family != AF_INET6)
			continue;
		memcpy(remote, &own->sin6_addr, 16);
		flags(enrich, SECOND);
		assert_int_equal(out.host_address,
				 !address_is_loopback(remote) && !address_is_link_local(remote));
		made.open.ends.netns--;
		flags(enrich, SECOND);
		assert_true(out.host_address);
		made.open.ends.netns++;
	}
	freeifaddrs(list);
	make_address(remote, "febf::1");
	assert_true(address_is_link_local(remote));
	make_address(remote, "fec0::1");
	assert_false(address_is_link_local(remote));
	enrich_free(enrich);
	config_free(config);
}

static void test_addresses(void **state)
{
	struct config *config = config_for("");
	struct enrich *enrich = enrich_new(config, SECOND);
	struct addresses *addresses = addresses_new();
	uint8_t address[16];

	(void)state;
	assert_non_null(addresses);
	make_address(address, "127.0.0.1");
	assert_true(addresses_has(addresses, address));
	make_address(address, "0.0.0.0");
	assert_true(addresses_has(addresses, address));
	make_address(address, "203.0.113.7");
	assert_false(addresses_has(addresses, address));
	assert_int_equal(addresses_refresh(addresses), 0);
	assert_int_equal(enrich_ready(enrich), 0);
	assert_true(enrich_fd(enrich) >= -1);
	addresses_free(addresses);
	addresses_free(NULL);
	/* Loopback in another network namespace is not this host. */
	make_mta();
	make_ends(&made.open.ends, "127.0.0.1", 1, "127.0.0.1", 25);
	made.open.ends.netns = namespace_of_init("net");
	flags(enrich, SECOND);
	assert_true(out.host_address && out.host_netns);
	made.open.ends.netns++;
	flags(enrich, SECOND);
	assert_false(out.host_address || out.host_netns);
	made.open.who.loginuid = 0;
	flags(enrich, SECOND);
	assert_string_equal(out.login, "root");
	enrich_free(enrich);
	config_free(config);
}

static void test_users(void **state)
{
	struct users *users = users_new();
	char name[ENRICHMENT_NAME_MAX], small[3] = "x";
	uint32_t uid = 7;

	(void)state;
	users_name(users, 0, SECOND, name, sizeof(name));
	assert_string_equal(name, "root");
	users_name(users, 0, 2 * SECOND, small, sizeof(small));
	assert_string_equal(small, "");
	users_name(users, 0, 2 * SECOND, small, 0);
	users_name(users, 0, 100 * SECOND, name, sizeof(name));
	assert_string_equal(name, "root");
	for (uint32_t i = 0; i < LIMIT_USERS + 10; i++)
		users_name(users, 3000000000u + i, 100 * SECOND, name, sizeof(name));
	assert_string_equal(name, "");
	assert_int_equal(users_id("root", &uid), 0);
	assert_int_equal(uid, 0);
	assert_int_equal(users_id("4294967294", &uid), 0);
	assert_int_equal(uid, 4294967294u);
	assert_int_equal(users_id("4294967295", &uid), -ENOENT);
	assert_int_equal(users_id("no-such-user-here", &uid), -ENOENT);
	users_free(users);
	users_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trusted),		cmocka_unit_test(test_upgrade),
		cmocka_unit_test(test_container),	cmocka_unit_test(test_file_id),
		cmocka_unit_test(test_bad_record),	cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_other_namespace), cmocka_unit_test(test_users),
	};

	return cmocka_run_group_tests_name("mta", tests, setup, teardown);
}
