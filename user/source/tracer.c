/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tracer.c - brings the kernel programs up and reads what they say
 *
 * Two programs must attach, or nothing is started: the connection tracepoint and cgroup_skb. Each other one that is refused costs
 * a named part of the picture and nothing else. Should a program that was granted as an empty one fail the verifier in earnest,
 * all optional ones are left out rather than the trace.
 */
#include "source/tracer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/limits.h"
#include "base/msg.h"
#include "source/cgroup2.h"
#include "settings.h"
#include "event_script.h"
#include "source/kernel.h"
#include "source/ring.h"
#include "smtpsnoop.skel.h"

#define RING_DEFAULT (8u * 1024 * 1024)
#define LINKS_MAX 16
#define HOLDERS_A_READ                                                                             \
	85 /* 4 KiB: some of what the kernel buffers, so that the ring can be drained between */

struct tracer {
	struct smtpsnoop_bpf *skel;
	struct ring *ring;
	struct bpf_link *links[LINKS_MAX];
	unsigned int link_count;
	struct cgroup2 cgroup;
	struct hooks hooks;
	enum hook send; /* HOOK_COUNT = none */
	bool plain; /* without optional programs */
	char names[START_HOOKS_MAX];
	char degraded[START_DEGRADED_MAX];
};

static void degrade(struct tracer *tracer, const char *name, const char *why, const char *loss)
{
	size_t used = strlen(tracer->degraded);

	snprintf(tracer->degraded + used, sizeof(tracer->degraded) - used, "%s%s: %s; %s",
		 used ? "\n" : "", name, why, loss);
}

static bool wanted(const struct tracer *tracer, enum hook hook)
{
	if (hook >= HOOK_SEND_FENTRY)
		return tracer->send == hook;
	return !tracer->plain && tracer->hooks.error[hook] == 0;
}

/* A picture needs the iterator alone, and loads in no time. */
static void select_iterator(struct tracer *tracer)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, tracer->skel->obj)
		bpf_program__set_autoload(program, program == tracer->skel->progs.iter__task_file);
}

static void select_programs(struct tracer *tracer)
{
	struct smtpsnoop_bpf *skel = tracer->skel;
	bool connect = wanted(tracer, HOOK_CONNECT);
	bool fexit = connect && wanted(tracer, HOOK_FEXIT);

	bpf_program__set_autoload(skel->progs.cgroup__connect4, connect);
	bpf_program__set_autoload(skel->progs.cgroup__connect6, connect);
	bpf_program__set_autoload(skel->progs.fexit__tcp_v4_connect, fexit);
	bpf_program__set_autoload(skel->progs.fexit__tcp_v6_connect,
				  fexit && kernel_has_function("tcp_v6_connect"));
	bpf_program__set_autoload(skel->progs.iter__task_file, !tracer->plain);
	bpf_program__set_autoload(skel->progs.tp_btf__sched_process_fork, !tracer->plain);
	bpf_program__set_autoload(skel->progs.tp_btf__sched_process_exec, !tracer->plain);
	bpf_program__set_autoload(skel->progs.fentry__tcp_sendmsg,
				  wanted(tracer, HOOK_SEND_FENTRY));
	bpf_program__set_autoload(skel->progs.tp_btf__sock_send_length,
				  wanted(tracer, HOOK_SEND_TRACEPOINT));
	bpf_program__set_autoload(skel->progs.kprobe__tcp_sendmsg,
				  wanted(tracer, HOOK_SEND_KPROBE));
}

static void apply_settings(struct tracer *tracer, const struct tracer_options *options)
{
	struct smtpsnoop_bpf *skel = tracer->skel;
	uint32_t ring = options->ring_bytes ? options->ring_bytes : RING_DEFAULT;
	bool talks = tracer->send == HOOK_SEND_KPROBE;

	for (unsigned int i = 0; i < options->port_count && i < PORTS_MAX; i++)
		skel->rodata->settings.ports[i] = options->ports[i];
	skel->rodata->settings.port_count = options->port_count;
	skel->rodata->settings.cgroup = tracer->cgroup.id;
	skel->rodata->settings.has_uid = options->has_uid;
	skel->rodata->settings.only_uid = options->uid;
	skel->rodata->settings.has_pid = options->has_pid;
	skel->rodata->settings.only_pid = options->pid;
	skel->rodata->settings.use_talks = talks;
	skel->rodata->settings.use_scripts = !tracer->plain;
	skel->rodata->settings.adopt_all = options->adopt_all;
	/* The rest is for what ends the connections that were begun. */
	skel->rodata->settings.ring_for_data = ring / 4 * 3;
	skel->rodata->settings.ring_for_open = ring / 8 * 7;
	bpf_map__set_max_entries(skel->maps.events, ring);
	if (!talks)
		bpf_map__set_max_entries(skel->maps.talks, 1);
}

static int load(struct tracer *tracer, const struct tracer_options *options)
{
	int rc;

	tracer->skel = smtpsnoop_bpf__open();
	if (!tracer->skel)
		return -errno;
	if (tracer->skel->rodata->settings.version != EVENT_VERSION)
		return -EPROTO;
	if (options->only_existing)
		select_iterator(tracer);
	else
		select_programs(tracer);
	apply_settings(tracer, options);
	rc = smtpsnoop_bpf__load(tracer->skel);
	if (rc) {
		smtpsnoop_bpf__destroy(tracer->skel);
		tracer->skel = NULL;
		return rc;
	}
	madvise(tracer->skel->bss, sizeof(*tracer->skel->bss), MADV_DONTFORK); /* as in ring.c */
	return 0;
}

static int keep_link(struct tracer *tracer, struct bpf_link *link)
{
	if (!link)
		return -errno;
	tracer->links[tracer->link_count++] = link;
	return 0;
}

static int attach(struct tracer *tracer)
{
	struct smtpsnoop_bpf *skel = tracer->skel;
	struct bpf_program *on_cgroup[] = {
		skel->progs.cgroup__connect4, skel->progs.cgroup__connect6,
		skel->progs.cgroup_skb__egress, skel->progs.cgroup_skb__ingress};
	struct bpf_program *tracing[] = {
		skel->progs.tp_btf__sched_process_exec, skel->progs.tp_btf__sched_process_fork,
		skel->progs.fexit__tcp_v4_connect,	skel->progs.fexit__tcp_v6_connect,
		skel->progs.fentry__tcp_sendmsg,	skel->progs.kprobe__tcp_sendmsg,
		skel->progs.tp_btf__sock_send_length,	skel->progs.tp_btf__inet_sock_set_state};
	int rc = 0;

	/* Who watches the wire comes first, and who starts to watch a connection last. */
	for (size_t i = 0; i < sizeof(on_cgroup) / sizeof(on_cgroup[0]) && !rc; i++)
		if (bpf_program__fd(on_cgroup[i]) >= 0)
			rc = keep_link(tracer,
				       bpf_program__attach_cgroup(on_cgroup[i], tracer->cgroup.fd));
	for (size_t i = 0; i < sizeof(tracing) / sizeof(tracing[0]) && !rc; i++)
		if (bpf_program__fd(tracing[i]) >= 0)
			rc = keep_link(tracer, bpf_program__attach(tracing[i]));
	return rc;
}

/* What is not to be had, and what that costs. */
static void name_degradations(struct tracer *tracer, const char *refused)
{
	for (int hook = HOOK_CONNECT; hook <= HOOK_FEXIT; hook++) {
		const char *why = refused;

		if (wanted(tracer, hook))
			continue;
		if (tracer->hooks.error[hook])
			why = kernel_error(tracer->hooks.error[hook]);
		degrade(tracer, hook_name(hook), why ? why : "not used", hook_loss(hook));
	}
	if (tracer->plain)
		degrade(tracer, "scripts", refused ? refused : "not used",
			"the scripts of PHP and the arguments at exec are not read");
	if (tracer->send == HOOK_COUNT)
		degrade(tracer, "no send hook", "none of fentry, tracepoint, kprobe attaches",
			hook_loss(HOOK_SEND_KPROBE));
}

static int bring_up(struct tracer *tracer, const struct tracer_options *options)
{
	const char *refused = NULL;
	int rc = load(tracer, options);

	if (rc && rc != -EPERM && !tracer->plain && !options->only_existing) {
		msg_debug("loading with all programs failed (%s): again with the necessary ones",
			  strerror(-rc));
		tracer->plain = true;
		tracer->send = HOOK_COUNT;
		refused = "refused by the verifier";
		rc = load(tracer, options);
	}
	if (!rc && options->only_existing) {
		snprintf(tracer->names, sizeof(tracer->names), "iter/task_file");
		return 0;
	}
	if (!rc)
		rc = attach(tracer);
	if (rc)
		return rc;
	name_degradations(tracer, refused);
	snprintf(tracer->names, sizeof(tracer->names), "%s%scgroup_skb%s",
		 tracer->send == HOOK_COUNT ? "" : hook_backend(tracer->send),
		 tracer->send == HOOK_COUNT ? "" : "+", tracer->plain ? "" : "+connect");
	return 0;
}

static int fail(int *status, int code)
{
	*status = code;
	return -1;
}

/* What can be attached here, and which send hook of them. */
static int choose_hooks(struct tracer *tracer, const struct tracer_options *options, int *status,
			char *error, size_t error_size)
{
	hooks_probe(&tracer->hooks, tracer->cgroup.fd);
	for (int hook = HOOK_STATE; hook <= HOOK_DIALOGUE; hook++) {
		if (!tracer->hooks.error[hook])
			continue;
		kernel_refusal(hook_name(hook), tracer->hooks.error[hook], error, error_size);
		return fail(status, EXIT_CANNOT);
	}
	tracer->send = hooks_send(&tracer->hooks, options->backend);
	if (options->backend && tracer->send == HOOK_COUNT) {
		snprintf(error, error_size, "--backend %s does not attach on this kernel",
			 options->backend);
		return fail(status, EXIT_CANNOT);
	}
	return 0;
}

static int start(struct tracer *tracer, const struct tracer_options *options, int *status,
		 char *error, size_t error_size)
{
	int rc;

	if (tracer_cannot(error, error_size))
		return fail(status, EXIT_CANNOT);
	if (cgroup2_open(&tracer->cgroup, options->cgroup, error, error_size))
		return fail(status, EXIT_CANNOT);
	if (!options->only_existing && choose_hooks(tracer, options, status, error, error_size))
		return -1;
	rc = bring_up(tracer, options);
	if (rc) {
		kernel_refusal("the tracing programs", -rc, error, error_size);
		return fail(status, EXIT_CANNOT);
	}
	tracer->ring = ring_open(bpf_map__fd(tracer->skel->maps.events),
				 bpf_map__max_entries(tracer->skel->maps.events));
	if (!tracer->ring) {
		snprintf(error, error_size, "cannot map the ring buffer: %s", strerror(errno));
		return fail(status, EXIT_FAILED);
	}
	return 0;
}

struct tracer *tracer_start(const struct tracer_options *options, int *status, char *error,
			    size_t error_size)
{
	struct tracer *tracer = calloc(1, sizeof(*tracer));

	if (!tracer) {
		snprintf(error, error_size, "out of memory");
		fail(status, EXIT_FAILED);
		return NULL;
	}
	tracer->cgroup.fd = -1;
	if (start(tracer, options, status, error, error_size)) {
		tracer_free(tracer);
		return NULL;
	}
	return tracer;
}

void tracer_stop(struct tracer *tracer)
{
	/* Newest first: nobody starts to watch a connection whose wire is no longer looked at. */
	while (tracer->link_count)
		bpf_link__destroy(tracer->links[--tracer->link_count]);
}

void tracer_free(struct tracer *tracer)
{
	if (!tracer)
		return;
	tracer_stop(tracer);
	ring_free(tracer->ring);
	smtpsnoop_bpf__destroy(tracer->skel);
	if (tracer->cgroup.fd >= 0)
		close(tracer->cgroup.fd);
	free(tracer);
}

bool tracer_adopts(const struct tracer *tracer)
{
	return bpf_program__fd(tracer->skel->progs.iter__task_file) >= 0;
}

/* Reading makes the program run: it stops when the buffer is full. */
static int read_holders(int fd, tracer_holders_fn *fn, void *context)
{
	struct event_holder holders[HOLDERS_A_READ];
	int rc = 0;

	while (!rc) {
		ssize_t got = read(fd, holders, sizeof(holders));

		if (got == 0)
			break;
		if (got < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (got > 0)
			rc = fn(context, holders, (size_t)got / sizeof(holders[0]));
	}
	return rc;
}

int tracer_adopt(struct tracer *tracer, tracer_holders_fn *fn, void *context)
{
	struct bpf_link *link;
	int fd, rc;

	if (!tracer_adopts(tracer))
		return -ENOENT;
	link = bpf_program__attach_iter(tracer->skel->progs.iter__task_file, NULL);
	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	rc = fd < 0 ? -errno : read_holders(fd, fn, context);
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
	return rc;
}

const struct cgroup2 *tracer_cgroup(const struct tracer *tracer)
{
	return &tracer->cgroup;
}

const char *tracer_hooks(const struct tracer *tracer)
{
	return tracer->names;
}

const char *tracer_degraded(const struct tracer *tracer)
{
	return tracer->degraded;
}

int tracer_fd(const struct tracer *tracer)
{
	return ring_fd(tracer->ring);
}

int tracer_drain(struct tracer *tracer, tracer_record_fn *fn, void *context)
{
	return ring_drain(tracer->ring, fn, context);
}

uint64_t tracer_waiting(const struct tracer *tracer)
{
	return ring_waiting(tracer->ring);
}

uint64_t tracer_ring_bytes(const struct tracer *tracer)
{
	return bpf_map__max_entries(tracer->skel->maps.events);
}

int tracer_runtime(struct tracer *tracer, const struct script_runtime *key,
		   const struct script_layout *layout)
{
	int map = bpf_map__fd(tracer->skel->maps.runtimes);
	int rc = layout ? bpf_map_update_elem(map, key, layout, BPF_ANY)
			: bpf_map_delete_elem(map, key);

	return rc < 0 ? -errno : 0;
}

bool tracer_layout(const struct tracer *tracer, const struct script_runtime *exe,
		   uint64_t start_code, struct script_layout *layout)
{
	int map = bpf_map__fd(tracer->skel->maps.runtimes);
	struct script_runtime key = *exe;

	if (bpf_map_lookup_elem(map, &key, layout))
		return false;
	key.start_code = start_code;
	return !layout->library || bpf_map_lookup_elem(map, &key, layout) == 0;
}

void tracer_counters(const struct tracer *tracer, struct event_counters *counters)
{
	*counters = tracer->skel->bss->counters;
}

/* False: it was not loaded. */
static bool program_info(const struct bpf_program *program, struct bpf_prog_info *info)
{
	uint32_t size = sizeof(*info);
	int fd = bpf_program__fd(program);

	memset(info, 0, sizeof(*info));
	return fd >= 0 && bpf_obj_get_info_by_fd(fd, info, &size) == 0;
}

size_t tracer_programs(const struct tracer *tracer, uint32_t *ids, size_t room)
{
	struct bpf_program *program;
	struct bpf_prog_info info;
	size_t count = 0;

	bpf_object__for_each_program(program, tracer->skel->obj)
	{
		if (count < room && program_info(program, &info))
			ids[count++] = info.id;
	}
	return count;
}

uint64_t tracer_missed(const struct tracer *tracer)
{
	struct bpf_program *program;
	struct bpf_prog_info info;
	uint64_t sum = 0;

	bpf_object__for_each_program(program, tracer->skel->obj)
	{
		if (program_info(program, &info))
			sum += info.recursion_misses;
	}
	return sum;
}

static int more_lost(const void *a, const void *b)
{
	const struct frame_loss_row *left = a, *right = b;

	return left->attempts < right->attempts ? 1 : left->attempts > right->attempts ? -1 : 0;
}

size_t tracer_losses(const struct tracer *tracer, struct frame_loss_row *rows, size_t room)
{
	int map = bpf_map__fd(tracer->skel->maps.losses);
	struct frame_loss_row *all = calloc(LIMIT_LOSS_ROWS, sizeof(*all));
	struct loss_key key, *before = NULL;
	size_t count = 0;

	if (!all)
		return 0;
	while (count < LIMIT_LOSS_ROWS && bpf_map_get_next_key(map, before, &key) == 0) {
		all[count].key = key;
		if (bpf_map_lookup_elem(map, &key, &all[count].attempts) == 0)
			count++;
		before = &key;
	}
	qsort(all, count, sizeof(*all), more_lost);
	memcpy(rows, all, (count < room ? count : room) * sizeof(*rows));
	free(all);
	return count;
}
