/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * programs.c - the BPF programs of others that are where packets pass
 *
 * The list of loaded programs is what counts: the kernel has no other, and nobody can leave it. Where one is attached is looked for from
 * the other side (cgroups here, interfaces in devices.c), as only few are attached by links. Nothing is fatal.
 */
#include "source/programs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#define OURS_MAX 64
#define A_QUERY 64 /* programs of one place; the kernel takes 64 for a cgroup and interface */

/* Of linux/bpf.h since 6.4, 6.6 and 6.7; what we are built with may be older. */
#define PROG_TYPE_NETFILTER 32
#define LINK_TYPE_NETFILTER 10
#define LINK_TYPE_TCX 11
#define LINK_TYPE_NETKIT 13

/* Its head, and those of its parts that we read; the same in every version. */
struct link_info {
	uint32_t type, id, program, unused;
	union {
		struct {
			uint64_t id;
			uint32_t attach;
		} cgroup;
		struct {
			uint32_t ifindex, attach; /* XDP has the first only */
		} device;
		uint8_t room[112];
	};
};

static bool is_cgroups(uint32_t type)
{
	return type == BPF_PROG_TYPE_CGROUP_SKB || type == BPF_PROG_TYPE_CGROUP_SOCK ||
	       type == BPF_PROG_TYPE_CGROUP_SOCK_ADDR || type == BPF_PROG_TYPE_SOCK_OPS;
}

static bool is_devices(uint32_t type)
{
	return type == BPF_PROG_TYPE_SCHED_CLS || type == BPF_PROG_TYPE_SCHED_ACT ||
	       type == BPF_PROG_TYPE_XDP;
}

/* Could it see what is sent, change it, or lead it elsewhere? */
static bool in_the_way(uint32_t type)
{
	return is_cgroups(type) || is_devices(type) || type == PROG_TYPE_NETFILTER ||
	       type == BPF_PROG_TYPE_LWT_IN || type == BPF_PROG_TYPE_LWT_OUT ||
	       type == BPF_PROG_TYPE_LWT_XMIT || type == BPF_PROG_TYPE_LWT_SEG6LOCAL ||
	       type == BPF_PROG_TYPE_SK_SKB || type == BPF_PROG_TYPE_SK_MSG;
}

static struct program *find(struct programs *programs, uint32_t id)
{
	for (unsigned int i = 0; i < programs->count; i++)
		if (programs->all[i].id == id)
			return &programs->all[i];
	return NULL;
}

static void add(struct programs *programs, const struct bpf_prog_info *info)
{
	struct program *program;

	if (programs->count == LIMIT_HIDING_PLACES) {
		programs->over++;
		return;
	}
	program = &programs->all[programs->count++];
	memset(program, 0, sizeof(*program));
	program->id = info->id;
	program->type = info->type;
	program->uid = info->created_by_uid;
	memcpy(program->name, info->name, sizeof(program->name));
}

int programs_load(struct programs *programs, const struct tracer *tracer)
{
	uint32_t ours[OURS_MAX], id = 0;
	size_t count = tracer_programs(tracer, ours, OURS_MAX);
	int rc;

	while (!(rc = bpf_prog_get_next_id(id, &id))) {
		struct bpf_prog_info info = {0};
		uint32_t size = sizeof(info);
		int fd = bpf_prog_get_fd_by_id(id);
		bool is_ours = false;

		if (fd < 0 && fd != -ENOENT)
			return fd;
		if (fd < 0)
			continue;
		rc = bpf_obj_get_info_by_fd(fd, &info, &size);
		close(fd);
		for (size_t i = 0; i < count; i++)
			is_ours = is_ours || ours[i] == id;
		if (!rc && !is_ours && in_the_way(info.type))
			add(programs, &info);
	}
	return rc == -ENOENT ? 0 : rc;
}

static bool any(const struct programs *programs, bool (*is)(uint32_t type))
{
	for (unsigned int i = 0; i < programs->count; i++)
		if (is(programs->all[i].type))
			return true;
	return false;
}

bool programs_on_devices(const struct programs *programs)
{
	return any(programs, is_devices);
}

static int tell(struct programs *programs, const struct program *program,
		const struct frame_hiding *where)
{
	struct frame_hiding found = *where;

	found.kind = HIDING_PROGRAM;
	found.id = program->id;
	found.type = program->type;
	found.uid = program->uid;
	memcpy(found.name, program->name, sizeof(found.name));
	return programs->fn(programs->context, &found);
}

int programs_place(struct programs *programs, uint32_t id, const struct frame_hiding *where)
{
	struct program *program = find(programs, id);

	if (!program)
		return 0;
	program->placed = true;
	return tell(programs, program, where);
}

int programs_query(struct programs *programs, int target, uint32_t attach,
		   const struct frame_hiding *where)
{
	uint32_t ids[A_QUERY], count = A_QUERY, flags;
	int rc = 0;

	if (bpf_prog_query(target, (enum bpf_attach_type)attach, 0, &flags, ids, &count))
		return 0;
	for (uint32_t i = 0; i < count && i < A_QUERY && !rc; i++)
		rc = programs_place(programs, ids[i], where);
	return rc;
}

static const struct {
	uint32_t attach;
	enum hiding_place place;
} of_cgroups[] = {
	{BPF_CGROUP_INET_EGRESS, PLACE_CGROUP_EGRESS},
	{BPF_CGROUP_INET_INGRESS, PLACE_CGROUP_INGRESS},
	{BPF_CGROUP_INET_SOCK_CREATE, PLACE_CGROUP_SOCKET},
	{BPF_CGROUP_SOCK_OPS, PLACE_CGROUP_SOCK_OPS},
	{BPF_CGROUP_INET4_CONNECT, PLACE_CGROUP_CONNECT},
	{BPF_CGROUP_INET6_CONNECT, PLACE_CGROUP_CONNECT},
};

struct cgroups {
	struct programs *programs;
	unsigned int seen, depth;
	struct frame_hiding where; /* its path grows and shrinks */
};

static int look_at(struct cgroups *cgroups, int fd)
{
	int rc = 0;

	for (size_t i = 0; i < sizeof(of_cgroups) / sizeof(of_cgroups[0]) && !rc; i++) {
		struct frame_hiding where = cgroups->where;

		where.place = of_cgroups[i].place;
		if (!where.cgroup[0])
			strcpy(where.cgroup, "/");
		rc = programs_query(cgroups->programs, fd, of_cgroups[i].attach, &where);
	}
	return rc;
}

/* Takes the descriptor over. */
static int walk(struct cgroups *cgroups, int fd)
{
	const size_t length = strlen(cgroups->where.cgroup);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int rc;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return 0; /* it is gone */
	}
	rc = look_at(cgroups, fd);
	cgroups->depth++;
	while (!rc && (entry = readdir(dir))) {
		if (entry->d_type != DT_DIR || !strcmp(entry->d_name, ".") ||
		    !strcmp(entry->d_name, ".."))
			continue;
		if (cgroups->depth == LIMIT_HIDING_DEPTH || cgroups->seen == LIMIT_HIDING_CGROUPS ||
		    length + 1 + strlen(entry->d_name) >= sizeof(cgroups->where.cgroup)) {
			cgroups->programs->cgroups_cut = true;
			continue;
		}
		cgroups->seen++;
		snprintf(cgroups->where.cgroup + length, sizeof(cgroups->where.cgroup) - length,
			 "/%s", entry->d_name);
		rc = walk(cgroups, openat(fd, entry->d_name,
					  O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
		cgroups->where.cgroup[length] = '\0';
	}
	cgroups->depth--;
	closedir(dir);
	return rc;
}

int programs_of_cgroups(struct programs *programs)
{
	struct cgroups cgroups = {.programs = programs};
	struct cgroup2 root;
	char error[512];

	if (!any(programs, is_cgroups))
		return 0;
	programs->cgroups_cut = cgroup2_open(&root, NULL, error, sizeof(error)) != 0;
	return programs->cgroups_cut ? 0 : walk(&cgroups, root.fd);
}

/* False: not a link to a place where packets pass. */
static bool place_of_link(const struct programs *programs, const struct link_info *link,
			  struct frame_hiding *where)
{
	bool inside;

	memset(where, 0, sizeof(*where));
	where->ifindex = link->device.ifindex;
	switch (link->type) {
	case BPF_LINK_TYPE_CGROUP:
		where->ifindex = 0;
		for (size_t i = 0; i < sizeof(of_cgroups) / sizeof(of_cgroups[0]); i++)
			if (of_cgroups[i].attach == link->cgroup.attach)
				where->place = of_cgroups[i].place;
		if (cgroup2_path(programs->cgroup, link->cgroup.id, where->cgroup,
				 sizeof(where->cgroup), &inside))
			where->cgroup[0] = '\0';
		break;
	case BPF_LINK_TYPE_XDP:
		where->place = PLACE_XDP;
		break;
	case LINK_TYPE_TCX:
		where->place = link->device.attach == ATTACH_TCX_EGRESS ? PLACE_TCX_EGRESS
									: PLACE_TCX_INGRESS;
		break;
	case LINK_TYPE_NETKIT:
		where->place = link->device.attach == ATTACH_NETKIT_PRIMARY ? PLACE_NETKIT_PRIMARY
									    : PLACE_NETKIT_PEER;
		break;
	case LINK_TYPE_NETFILTER:
		where->ifindex = 0;
		where->place = PLACE_NETFILTER;
		break;
	default:
		break;
	}
	return where->place != PLACE_UNKNOWN;
}

static int by_links(struct programs *programs)
{
	uint32_t id = 0;
	int rc = 0;

	while (!rc && !bpf_link_get_next_id(id, &id)) {
		struct link_info link = {0};
		struct frame_hiding where;
		uint32_t size = sizeof(link);
		int fd = bpf_link_get_fd_by_id(id);
		struct program *program;

		if (fd < 0)
			continue;
		program = bpf_obj_get_info_by_fd(fd, &link, &size) ? NULL
								   : find(programs, link.program);
		close(fd);
		if (!program || program->placed || !place_of_link(programs, &link, &where))
			continue;
		program->by_link = true;
		rc = tell(programs, program, &where);
	}
	return rc;
}

/* A program for cgroups that is attached to none does nothing; of the others not all places are known to us. */
int programs_rest(struct programs *programs)
{
	static const struct frame_hiding nowhere;
	int rc = by_links(programs);

	for (unsigned int i = 0; i < programs->count && !rc; i++) {
		const struct program *program = &programs->all[i];

		if (!program->placed && !program->by_link &&
		    (programs->cgroups_cut || !is_cgroups(program->type)))
			rc = tell(programs, program, &nowhere);
	}
	return rc;
}
