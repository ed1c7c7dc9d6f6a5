/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * program - a BPF program of somebody else, where packets pass; it lets all of them through
 *
 * program HOW [WHERE]: load TYPE (a number), pin PATH (for tc), cgroup DIR, cgroup-link DIR, tcx INTERFACE, xdp INTERFACE, netfilter.
 * Says its id on a line, and goes when standard input ends. 77: this kernel has no such place.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOT_HERE 77
/* Of linux/bpf.h since 6.4 and 6.6. */
#define TYPE_NETFILTER 32
#define ATTACH_NETFILTER 45
#define ATTACH_TCX_EGRESS 47

static int bpf(int command, void *attributes, size_t size)
{
	return (int)syscall(SYS_bpf, command, attributes, size);
}

static int load(uint32_t type, uint32_t attach, int32_t passes)
{
	const struct bpf_insn code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = passes},
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr attributes;
	int fd;

	memset(&attributes, 0, sizeof(attributes));
	attributes.prog_type = type;
	attributes.expected_attach_type = attach;
	attributes.insns = (uintptr_t)code;
	attributes.insn_cnt = 2;
	attributes.license = (uintptr_t) "GPL";
	strcpy(attributes.prog_name, "somebodys");
	fd = bpf(BPF_PROG_LOAD, &attributes, sizeof(attributes));
	if (fd < 0)
		err(errno == EINVAL ? NOT_HERE : 1, "load");
	return fd;
}

/* As far as all kernels have it; the rest depends on the kind: struct { pf, hook, priority, flags } of netfilter. */
struct link_create {
	uint32_t program, target, attach, flags;
	uint32_t rest[4];
	uint32_t unused[4];
};

static void link_to(int program, uint32_t target, uint32_t attach, uint32_t family, uint32_t hook)
{
	struct link_create create = {.program = (uint32_t)program,
				     .target = target,
				     .attach = attach,
				     .rest = {family, hook, 1, 0}};

	if (bpf(BPF_LINK_CREATE, &create, sizeof(create)) < 0)
		err(errno == EINVAL || errno == EOPNOTSUPP ? NOT_HERE : 1, "link");
}

static int open_cgroup(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

/* Without a link, as service managers do it: it goes with the cgroup. */
static void attach(int program, const char *cgroup)
{
	union bpf_attr attributes;

	memset(&attributes, 0, sizeof(attributes));
	attributes.target_fd = (uint32_t)open_cgroup(cgroup);
	attributes.attach_bpf_fd = (uint32_t)program;
	attributes.attach_type = BPF_CGROUP_INET_EGRESS;
	attributes.attach_flags = BPF_F_ALLOW_MULTI;
	if (bpf(BPF_PROG_ATTACH, &attributes, sizeof(attributes)) < 0)
		err(1, "attach");
}

static void pin(int program, const char *path)
{
	union bpf_attr attributes;

	memset(&attributes, 0, sizeof(attributes));
	attributes.pathname = (uintptr_t)path;
	attributes.bpf_fd = (uint32_t)program;
	if (bpf(BPF_OBJ_PIN, &attributes, sizeof(attributes)) < 0)
		err(1, "pin");
}

static uint32_t id_of(int program)
{
	struct bpf_prog_info info;
	union bpf_attr attributes;

	memset(&info, 0, sizeof(info));
	memset(&attributes, 0, sizeof(attributes));
	attributes.info.bpf_fd = (uint32_t)program;
	attributes.info.info_len = sizeof(info);
	attributes.info.info = (uintptr_t)&info;
	if (bpf(BPF_OBJ_GET_INFO_BY_FD, &attributes, sizeof(attributes)) < 0)
		err(1, "info");
	return info.id;
}

static int place(const char *how, const char *where)
{
	int fd;

	if (!strcmp(how, "load"))
		return load((uint32_t)atoi(where), 0, 1);
	if (!strcmp(how, "pin")) {
		fd = load(BPF_PROG_TYPE_SCHED_CLS, 0, 0);
		pin(fd, where);
	} else if (!strcmp(how, "cgroup")) {
		fd = load(BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS, 1);
		attach(fd, where);
	} else if (!strcmp(how, "cgroup-link")) {
		fd = load(BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS, 1);
		link_to(fd, (uint32_t)open_cgroup(where), BPF_CGROUP_INET_EGRESS, 0, 0);
	} else if (!strcmp(how, "tcx")) {
		fd = load(BPF_PROG_TYPE_SCHED_CLS, 0, 0);
		link_to(fd, if_nametoindex(where), ATTACH_TCX_EGRESS, 0, 0);
	} else if (!strcmp(how, "xdp")) {
		fd = load(BPF_PROG_TYPE_XDP, 0, 2);
		link_to(fd, if_nametoindex(where), BPF_XDP, 0, 0);
	} else if (!strcmp(how, "netfilter")) {
		fd = load(TYPE_NETFILTER, ATTACH_NETFILTER, 1);
		link_to(fd, 0, ATTACH_NETFILTER, 2 /* AF_INET */, 3 /* NF_INET_LOCAL_OUT */);
	} else {
		errx(1, "usage: program HOW [WHERE]");
	}
	return fd;
}

int main(int argc, char **argv)
{
	char byte;

	if (argc < 2)
		errx(1, "usage: program HOW [WHERE]");
	printf("%u\n", id_of(place(argv[1], argc > 2 ? argv[2] : "")));
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}
