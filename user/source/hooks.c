/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hooks.c - tries every hook with a program of a few instructions
 *
 * Kernel versions say little: distributions backport, configurations leave out, and lockdown or seccomp refuse. So each hook is
 * attached once and let go. Nothing here is fatal.
 */
#include "source/hooks.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "base/msg.h"

struct hook_text {
	const char *name;
	const char *backend;
	const char *loss;
};

static const struct hook_text texts[HOOK_COUNT] = {
	[HOOK_STATE] = {"tp_btf/inet_sock_set_state", NULL, "connections are not seen at all"},
	[HOOK_DIALOGUE] = {"cgroup_skb", NULL, "what is said is not seen"},
	[HOOK_CONNECT] = {"cgroup/connect", NULL,
			  "attempts that fail before a packet leaves are not seen"},
	[HOOK_FEXIT] = {"fexit/tcp_connect", NULL,
			"why an attempt failed before a packet left is not known"},
	[HOOK_SEND_FENTRY] = {"fentry/tcp_sendmsg", "fentry", ""},
	[HOOK_SEND_TRACEPOINT] = {"tp_btf/sock_send_length", "tracepoint", ""},
	[HOOK_SEND_KPROBE] = {"kprobe/tcp_sendmsg", "kprobe",
			      "connections handed to another process are not seen as such"},
};

const char *hook_backend(enum hook hook)
{
	return texts[hook].backend;
}

const char *hook_name(enum hook hook)
{
	return texts[hook].name;
}

const char *hook_loss(enum hook hook)
{
	return texts[hook].loss;
}

/* Returns `value`, after an atomic instruction as the real programs have them (since 5.12). */
static int load_empty(enum bpf_prog_type type, enum bpf_attach_type attach, const char *function,
		      int value)
{
	struct bpf_insn instructions[] = {
		{.code = BPF_ST | BPF_MEM | BPF_DW, .dst_reg = BPF_REG_10, .off = -8},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_1},
		{.code = BPF_STX | BPF_ATOMIC | BPF_DW,
		 .dst_reg = BPF_REG_10,
		 .src_reg = BPF_REG_1,
		 .off = -8,
		 .imm = BPF_ADD | BPF_FETCH},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = value},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = attach);

	if (function) {
		int id = libbpf_find_vmlinux_btf_id(function, attach);

		if (id < 0)
			return id;
		options.attach_btf_id = id;
	}
	return bpf_prog_load(type, "smtpsnoop_probe", "GPL", instructions,
			     sizeof(instructions) / sizeof(instructions[0]), &options);
}

static int probe_tracing(enum bpf_attach_type attach, const char *function)
{
	int program = load_empty(BPF_PROG_TYPE_TRACING, attach, function, 0);
	int link, error;

	if (program < 0)
		return -program;
	link = bpf_raw_tracepoint_open(NULL, program);
	error = link < 0 ? -link : 0;
	if (link >= 0)
		close(link);
	close(program);
	return error;
}

static int probe_cgroup(enum bpf_prog_type type, enum bpf_attach_type attach, int cgroup_fd)
{
	int program = load_empty(type, attach, NULL, 1);
	int link, error;

	if (program < 0)
		return -program;
	link = bpf_link_create(program, cgroup_fd, attach, NULL);
	error = link < 0 ? -link : 0;
	if (link >= 0)
		close(link);
	close(program);
	return error;
}

/* The number of the kernel's kprobe event source, which it exports as text. */
static int kprobe_event_type(void)
{
	FILE *file = fopen("/sys/bus/event_source/devices/kprobe/type", "re");
	int type = -1;

	if (!file)
		return -errno;
	if (fscanf(file, "%d", &type) != 1)
		type = -EINVAL;
	fclose(file);
	return type;
}

static int probe_kprobe(const char *function)
{
	struct perf_event_attr event = {.size = sizeof(event)};
	int program, perf, error = 0, type = kprobe_event_type();

	if (type < 0)
		return -type;
	program = load_empty(BPF_PROG_TYPE_KPROBE, 0, NULL, 0);
	if (program < 0)
		return -program;
	event.type = type;
	event.config1 = (unsigned long)function;
	perf = syscall(SYS_perf_event_open, &event, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (perf < 0) {
		error = errno;
	} else {
		if (ioctl(perf, PERF_EVENT_IOC_SET_BPF, program) < 0)
			error = errno;
		close(perf);
	}
	close(program);
	return error;
}

/* libbpf's own words are for --verbose: what they mean to the user is said elsewhere. */
static int print_libbpf(enum libbpf_print_level level, const char *format, va_list arguments)
{
	char line[512];
	size_t length;

	if (level == LIBBPF_DEBUG) /* thousands of lines about relocations */
		return 0;
	vsnprintf(line, sizeof(line), format, arguments);
	length = strlen(line);
	if (length && line[length - 1] == '\n')
		line[length - 1] = '\0';
	msg_debug("%s", line);
	return 0;
}

void hooks_probe(struct hooks *hooks, int cgroup_fd)
{
	int *error = hooks->error;

	libbpf_set_print(print_libbpf);
	error[HOOK_STATE] = probe_tracing(BPF_TRACE_RAW_TP, "inet_sock_set_state");
	error[HOOK_DIALOGUE] =
		probe_cgroup(BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS, cgroup_fd);
	error[HOOK_CONNECT] =
		probe_cgroup(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT, cgroup_fd);
	error[HOOK_FEXIT] = probe_tracing(BPF_TRACE_FEXIT, "tcp_v4_connect");
	error[HOOK_SEND_FENTRY] = probe_tracing(BPF_TRACE_FENTRY, "tcp_sendmsg");
	error[HOOK_SEND_TRACEPOINT] = probe_tracing(BPF_TRACE_RAW_TP, "sock_send_length");
	error[HOOK_SEND_KPROBE] = probe_kprobe("tcp_sendmsg");
}

enum hook hooks_send(const struct hooks *hooks, const char *backend)
{
	for (int hook = HOOK_SEND_FENTRY; hook <= HOOK_SEND_KPROBE; hook++) {
		if (backend && strcmp(backend, texts[hook].backend) != 0)
			continue;
		if (hooks->error[hook] == 0)
			return hook;
	}
	return HOOK_COUNT;
}
