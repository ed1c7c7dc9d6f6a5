/* SPDX-License-Identifier: GPL-2.0-only */
/* What a cgroup path says, for every engine's form, and what a user or a container can only claim. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "enrich/cgroup.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct expected {
	const char *path, *unit, *container, *runtime, *pod;
	bool unit_claimed, container_claimed;
};

static const struct expected cases[] = {
	{"", "", "", NULL, "", false, false},
	{"/", "", "", NULL, "", false, false},
	{"/init.scope", "init.scope", "", NULL, "", false, false},
	{"/system.slice/php8.2-fpm.service", "php8.2-fpm.service", "", NULL, "", false, false},
	{"/system.slice/system-postfix.slice/postfix@-.service", "postfix@-.service", "", NULL, "",
	 false, false},
	{"/user.slice/user-1000.slice/session-3.scope", "session-3.scope", "", NULL, "", false,
	 false},
	{"/user.slice/user-1000.slice/user@1000.service/app.slice/evil.service", "evil.service", "",
	 NULL, "", true, false},
	{"/user.slice/user-1000.slice/user@1000.service/init.scope", "user@1000.service", "", NULL,
	 "", false, false},
	/* A delegated service cannot call a part of itself by another service's name. */
	{"/system.slice/shop.service/postfix.service", "shop.service", "", NULL, "", false, false},
	/* docker */
	{"/system.slice/docker-" ID ".scope", "", ID, "docker", "", false, false},
	{"/docker/" ID, "", ID, "docker", "", false, false},
	{"/system.slice/docker-short.scope", "docker-short.scope", "", NULL, "", false, false},
	{"/docker/0123", "", "", NULL, "", false, false},
	{"/docker/" ID "/system.slice/postfix.service", "postfix.service", ID, "docker", "", true,
	 false},
	{"/docker/" ID "/init.scope", "", ID, "docker", "", false, false},
	{"/system.slice/docker.service/docker/" ID, "docker.service", ID, "docker", "", false,
	 true},
	/* The outermost one counts. */
	{"/lxc.payload.web/docker/" ID, "", "web", "lxc", "", false, false},
	/* podman */
	{"/machine.slice/libpod-" ID ".scope/container", "", ID, "podman", "", false, false},
	{"/libpod_parent/libpod-" ID, "", ID, "podman", "", false, false},
	{"/system.slice/shop.service/libpod-payload-" ID, "shop.service", ID, "podman", "", false,
	 true},
	{"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope",
	 "user@1000.service", ID, "podman", "", false, true},
	{"/machine.slice/libpod-conmon-" ID ".scope", "libpod-conmon-" ID ".scope", "", NULL, "",
	 false, false},
	/* Kubernetes */
	{"/kubepods.slice/kubepods-burstable.slice/"
	 "kubepods-burstable-pod1a2b_3c.slice/cri-containerd-" ID ".scope",
	 "", ID, "containerd", "1a2b_3c", false, false},
	{"/kubepods.slice/kubepods-pod77.slice/crio-" ID ".scope", "", ID, "cri-o", "77", false,
	 false},
	{"/kubepods/besteffort/pod1a2b-3c/" ID, "", ID, "kubernetes", "1a2b-3c", false, false},
	{"/kubelet/kubepods-x-pod5.slice:cri-containerd:" ID, "", ID, "containerd", "5", false,
	 false},
	{"/system.slice/a:cri-containerd:zz", "", "", NULL, "", false, false},
	{"/podcast/" ID, "", ID, NULL, "", false, false},
	{"/kubepods-none.slice", "", "", NULL, "", false, false},
	{"/kubepods-pod", "", "", NULL, "", false, false},
	{"/system.slice/nerdctl-" ID ".scope", "", ID, "containerd", "", false, false},
	{"/crio-" ID, "", ID, "cri-o", "", false, false},
	/* lxc, nspawn */
	{"/lxc/101/ns/system.slice/cron.service", "cron.service", "101", "lxc", "", true, false},
	{"/lxc.payload/mail", "", "mail", "lxc", "", false, false},
	{"/machine.slice/machine-mail.scope/payload", "", "mail", "systemd-nspawn", "", false,
	 false},
	{"/machine.slice/systemd-nspawn@mail.service/payload", "systemd-nspawn@mail.service",
	 "mail", "systemd-nspawn", "", false, false},
	{"/machine.slice/machine-qemu\\x2d1\\x2dvm.scope", "machine-qemu\\x2d1\\x2dvm.scope", "",
	 NULL, "", false, false},
	/* What a user calls itself. */
	{"/user.slice/user-1000.slice/user@1000.service/docker-" ID ".scope", "user@1000.service",
	 ID, "docker", "", false, true},
};

static void check(const char *path, struct bytes found, const char *wanted)
{
	if (!bytes_are(found, wanted))
		fail_msg("%s: \"%.*s\" instead of \"%s\"", path, (int)found.length, found.at,
			 wanted);
}

static void test_paths(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct expected *wanted = &cases[i];
		struct cgroup_facts facts;

		cgroup_read(bytes_of(wanted->path), &facts);
		check(wanted->path, facts.unit, wanted->unit);
		check(wanted->path, facts.container, wanted->container);
		check(wanted->path, facts.pod, wanted->pod);
		if (wanted->runtime)
			assert_string_equal(facts.runtime, wanted->runtime);
		else
			assert_null(facts.runtime);
		assert_int_equal(facts.unit_claimed, wanted->unit_claimed);
		assert_int_equal(facts.container_claimed, wanted->container_claimed);
	}
}

static void test_container_is(void **state)
{
	(void)state;
	assert_true(cgroup_container_is(bytes_of(ID), ID));
	assert_true(cgroup_container_is(bytes_of(ID), "0123456789ab"));
	assert_false(cgroup_container_is(bytes_of(ID), "0123456789a"));
	assert_false(cgroup_container_is(bytes_of(ID), "123456789abc"));
	assert_true(cgroup_container_is(bytes_of("mail"), "mail"));
	assert_false(cgroup_container_is(bytes_of("production-mail-2"), "production-mail"));
	assert_false(cgroup_container_is(bytes_of(""), "mail"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_container_is),
	};

	return cmocka_run_group_tests_name("cgroup", tests, NULL, NULL);
}
