/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * headroom.c - how much of the verifier's limit each kernel program takes on the running kernel
 *
 * headroom OBJECT: loads each program of the object alone, as an open and load of its own, and attaches none. Prints a
 * line a program: @@ROOM (by which the run script finds it), name, instructions verified, bytes of stack, and a word:
 *
 *	ok      at most half of the instructions that the kernel verifies at most
 *	high    more than half: the next kernel's verifier may refuse it
 *	absent  what it attaches to is not on this kernel; another variant stands in
 *	refused the kernel does not take it; the log's end is on stderr
 *
 * Everything that can be asked for is on, a full list of ports included, because the verifier does not walk through
 * what the settings switch off. Exit status: 0 when every program is ok or absent and one at least was loaded, 1 otherwise, 2 when the
 * object cannot be opened.
 */
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "settings.h"

#define INSNS_LIMIT 1000000 /* BPF_COMPLEXITY_LIMIT_INSNS since 5.2 */
#define LOG_STATS 4 /* BPF_LOG_STATS: only the closing lines */
#define LOG_SIZE (16 << 20) /* older kernels keep the beginning, and the end is what says why */
#define LOG_TAIL 2000 /* bytes of a refusal's log that are worth reading */

struct cost {
	unsigned long insns;
	unsigned long stack;
};

static char verifier_log[LOG_SIZE];
static char last_warning[1024]; /* libbpf says it before it returns the error */

static int keep_warning(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN)
		vsnprintf(last_warning, sizeof(last_warning), format, args);
	return 0;
}

/*
 * "processed 1234 insns (limit 1000000) ..." and "stack depth 88+0+16", function by function: the sum is more than the
 * deepest chain of calls. From 7.x on the kernel says the latter itself: "stack depth max 104".
 */
static int parse_stats(const char *text, struct cost *cost)
{
	const char *processed = strstr(text, "processed ");
	const char *depth = strstr(text, "stack depth ");
	char *at;

	if (!processed || !depth)
		return -ENODATA;
	cost->insns = strtoul(processed + strlen("processed "), NULL, 10);
	depth += strlen("stack depth ");
	if (strncmp(depth, "max ", 4) == 0)
		depth += 4;
	cost->stack = strtoul(depth, &at, 10);
	while (*at == '+')
		cost->stack += strtoul(at + 1, &at, 10);
	return 0;
}

/* Where the settings are in the read-only data, < 0 = not found. */
static long find_settings(const struct bpf_object *object)
{
	const struct btf *btf = bpf_object__btf(object);
	int id = btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC);
	const struct btf_type *section = id > 0 ? btf__type_by_id(btf, id) : NULL;

	for (int i = 0; section && i < btf_vlen(section); i++) {
		const struct btf_var_secinfo *var = btf_var_secinfos(section) + i;
		const struct btf_type *type = btf__type_by_id(btf, var->type);

		if (strcmp(btf__name_by_offset(btf, type->name_off), "settings") == 0)
			return var->offset;
	}
	return -ENOENT;
}

static int ask_for_everything(struct bpf_object *object)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, ".rodata");
	struct tracer_settings settings = {
		.version = EVENT_VERSION,
		.port_count = PORTS_MAX,
		.cgroup = 1,
		.has_uid = 1,
		.has_pid = 1,
		.use_talks = 1,
		.use_scripts = 1,
		.adopt_all = 1,
		.ring_for_data = 1 << 20,
		.ring_for_open = 1 << 20,
	};
	long at = find_settings(object);
	size_t size = 0;
	const void *before = map ? bpf_map__initial_value(map, &size) : NULL;
	char *data = before ? malloc(size) : NULL;
	int err = -ENOENT;

	for (int i = 0; i < PORTS_MAX; i++)
		settings.ports[i] = (__u16)(25 + i);
	if (data && at >= 0 && (size_t)at + sizeof(settings) <= size) {
		memcpy(data, before, size);
		memcpy(data + at, &settings, sizeof(settings));
		err = bpf_map__set_initial_value(map, data, size);
	}
	free(data);
	return err;
}

/* Load the one program of that name. 0, or the load's negative errno. */
static int load_alone(const char *path, const char *name, __u32 level)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_program *program;
	int err;

	if (!object)
		return -errno;
	bpf_object__for_each_program(program, object)
	{
		bool wanted = strcmp(bpf_program__name(program), name) == 0;

		bpf_program__set_autoload(program, wanted);
		if (wanted) {
			bpf_program__set_log_level(program, level);
			bpf_program__set_log_buf(program, verifier_log, sizeof(verifier_log));
		}
	}
	verifier_log[0] = '\0';
	last_warning[0] = '\0';
	err = ask_for_everything(object);
	if (!err)
		err = bpf_object__load(object);
	bpf_object__close(object);
	return err;
}

static void show_refusal(const char *name, int err)
{
	size_t length = strnlen(verifier_log, sizeof(verifier_log));
	const char *tail = verifier_log + (length > LOG_TAIL ? length - LOG_TAIL : 0);

	fprintf(stderr, "headroom: %s: %s\n%s%s\n", name, strerror(-err), last_warning, tail);
}

/* One line of the table; whether it is one that passes. */
static bool report(const char *path, const char *name, unsigned *loaded)
{
	struct cost cost;
	int err = load_alone(path, name, LOG_STATS);

	if (err == -ESRCH) {
		printf("@@ROOM %-40s %9s %6s absent\n", name, "-", "-");
		return true;
	}
	if (err || parse_stats(verifier_log, &cost)) {
		load_alone(path, name, 1);
		show_refusal(name, err ? err : -ENODATA);
		printf("@@ROOM %-40s %9s %6s refused\n", name, "-", "-");
		return false;
	}
	*loaded += 1;
	printf("@@ROOM %-40s %9lu %6lu %s\n", name, cost.insns, cost.stack,
	       cost.insns > INSNS_LIMIT / 2 ? "high" : "ok");
	return cost.insns <= INSNS_LIMIT / 2;
}

int main(int argc, char **argv)
{
	struct bpf_object *object;
	struct bpf_program *program;
	unsigned loaded = 0;
	bool passed = true;

	if (argc != 2) {
		fprintf(stderr, "usage: headroom OBJECT\n");
		return 2;
	}
	libbpf_set_print(keep_warning);
	object = bpf_object__open_file(argv[1], NULL);
	if (!object) {
		fprintf(stderr, "headroom: %s: %s\n", argv[1], last_warning);
		return 2;
	}
	bpf_object__for_each_program(program, object)
	{
		if (!report(argv[1], bpf_program__name(program), &loaded))
			passed = false;
		fflush(stdout);
	}
	bpf_object__close(object);
	return passed && loaded ? 0 : 1;
}
