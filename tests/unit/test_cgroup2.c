/* SPDX-License-Identifier: GPL-2.0-only */
/* A cgroup's path without the mount point, by tables of mounts as hosts have them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "source/cgroup2.h"

#define UNIFIED "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n"
#define HYBRID                                                                                     \
	"tmpfs /sys/fs/cgroup tmpfs ro 0 0\n"                                                      \
	"cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n"                                          \
	"cgroup /sys/fs/cgroup/systemd cgroup rw,name=systemd 0 0\n"
#define ELSEWHERE "none /mnt/my\\040groups cgroup2 rw 0 0\n" UNIFIED

static void below(void **state)
{
	static const struct {
		const char *mounts, *path, *left;
	} cases[] = {
		{UNIFIED, "/sys/fs/cgroup/system.slice", "/system.slice"},
		{UNIFIED, "/sys/fs/cgroup", ""},
		/* A cgroup may have this name. */
		{UNIFIED, "/sys/fs/cgroup/unified/x", "/unified/x"},
		{UNIFIED, "/system.slice/sys/fs/cgroup", "/system.slice/sys/fs/cgroup"},
		{UNIFIED, "/sys/fs/cgroups/x", "/sys/fs/cgroups/x"},
		{HYBRID, "/sys/fs/cgroup/unified/x", "/x"},
		{HYBRID, "/sys/fs/cgroup/unified", ""},
		{HYBRID, "/x", "/x"},
		{ELSEWHERE, "/mnt/my groups/x/y", "/x/y"},
		{ELSEWHERE, "/sys/fs/cgroup/x", "/x"},
		{"", "/sys/fs/cgroup/unified/x", "/x"},
		{"", "/sys/fs/cgroup/x", "/x"},
		{"", "/x", "/x"},
	};
	char name[] = "/tmp/test_cgroup2.XXXXXX";
	int fd = mkstemp(name);

	(void)state;
	assert_true(fd >= 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t length = strlen(cases[i].mounts);

		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, cases[i].mounts, length, 0), length);
		assert_string_equal(cgroup2_below(cases[i].path, name), cases[i].left);
	}
	close(fd);
	unlink(name);
	assert_string_equal(cgroup2_below("/sys/fs/cgroup/x", name), "/x"); /* no table */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(below),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
