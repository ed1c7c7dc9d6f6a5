/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * empty.c - programs of two instructions on the hooks that smtpsnoop uses: what the kernel itself takes for calling anything there
 *
 * empty --cgroup DIRECTORY
 *
 * The same choice as the tracer's: what is refused is left out, and the send hook is the first one that attaches. Says
 * "ready" and the hooks' names, and ends when standard input does or by a signal; nothing stays attached then. Fatal: what the
 * tracer needs as well, the connections' tracepoint and cgroup_skb.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "net.h"

static const char usage[] = "usage: empty --cgroup DIRECTORY";

static const struct hook {
	const char *name;
	enum bpf_prog_type type;
	enum bpf_attach_type attach;
	const char *function; /* NULL: on the cgroup */
	enum { OPTIONAL, NEEDED, SEND } kind; /* SEND: one of them is enough */
} hooks[] = {
	{"cgroup_skb/egress", BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS, NULL, NEEDED},
	{"cgroup_skb/ingress", BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_INGRESS, NULL, NEEDED},
	{"cgroup/connect4", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT, NULL,
	 OPTIONAL},
	{"cgroup/connect6", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET6_CONNECT, NULL,
	 OPTIONAL},
	{"fexit/tcp_v4_connect", BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT, "tcp_v4_connect",
	 OPTIONAL},
	{"fexit/tcp_v6_connect", BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT, "tcp_v6_connect",
	 OPTIONAL},
	{"fentry/tcp_sendmsg", BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, "tcp_sendmsg", SEND},
	{"tp_btf/sock_send_length", BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, "sock_send_length",
	 SEND},
	{"tp_btf/inet_sock_set_state", BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP,
	 "inet_sock_set_state", NEEDED},
};

/*
 * On a cgroup 1 lets pass; elsewhere nobody asks. Returns the link or -errno. The program's descriptor stays open, so that
 * /proc tells its memory.
 */
static int attach(const struct hook *hook, int cgroup)
{
	struct bpf_insn instructions[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = hook->function ? 0 : 1},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = hook->attach);
	int program;

	if (hook->function) {
		int id = libbpf_find_vmlinux_btf_id(hook->function, hook->attach);

		if (id < 0)
			return id;
		options.attach_btf_id = (uint32_t)id;
	}
	program = bpf_prog_load(hook->type, "bench_empty", "GPL", instructions, 2, &options);
	if (program < 0)
		return program;
	return hook->function ? bpf_raw_tracepoint_open(NULL, program)
			      : bpf_link_create(program, cgroup, hook->attach, NULL);
}

static void attach_all(int cgroup)
{
	int sends = 0;

	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++) {
		int link;

		if (hooks[i].kind == SEND && sends)
			continue;
		link = attach(&hooks[i], cgroup);
		if (link < 0 && hooks[i].kind == NEEDED) {
			errno = -link;
			net_fail(hooks[i].name);
		}
		if (link < 0)
			continue;
		sends += hooks[i].kind == SEND;
		printf(" %s", hooks[i].name);
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"cgroup", required_argument, NULL, 'c'},
		{NULL, 0, NULL, 0},
	};
	int letter, cgroup = -1;
	char byte;

	while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (letter != 'c')
			net_usage("%s", usage);
		cgroup = open(optarg, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (cgroup < 0)
			net_fail(optarg);
	}
	if (optind < argc || cgroup < 0)
		net_usage("%s", usage);
	libbpf_set_print(NULL);
	printf("ready");
	attach_all(cgroup);
	putchar('\n');
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}
