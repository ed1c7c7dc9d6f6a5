/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * devices.c - the interfaces of a network namespace, and the BPF programs on them
 *
 * rtnetlink(7) lists the interfaces with their XDP programs, and the filters of their qdiscs; tcx and netkit are asked by bpf(2). The
 * latter is done only where there are such programs at all. What a kernel does not have is no error.
 */
#include "source/devices.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <string.h>
#include <unistd.h>

#include "source/netlink.h"

struct look {
	struct programs *programs;
	uint32_t netns;
	bool elsewhere;
	devices_tun_fn *tun;
	void *context;
	int filters; /* a second netlink socket, as the first one is in the middle of a list; -1 = not needed */
	struct frame_hiding where; /* of the interface in work */
};

static int place(const struct look *look, enum hiding_place place, uint32_t id)
{
	struct frame_hiding where = look->where;

	where.place = place;
	return programs_place(look->programs, id, &where);
}

/* A filter of a qdisc, if it is a BPF program. */
static int on_filter(void *context, const struct nlmsghdr *head)
{
	const struct look *look = context;
	const struct rtattr *kind, *options;
	char name[8];

	if (head->nlmsg_type != RTM_NEWTFILTER)
		return 0;
	kind = netlink_attribute(head, sizeof(struct tcmsg), TCA_KIND);
	options = netlink_attribute(head, sizeof(struct tcmsg), TCA_OPTIONS);
	netlink_text(kind, name, sizeof(name));
	if (strcmp(name, "bpf") != 0)
		return 0;
	return place(look, (enum hiding_place)look->where.place,
		     netlink_number(netlink_nested(options, TCA_BPF_ID)));
}

static int look_at_filters(struct look *look)
{
	static const struct {
		uint32_t parent;
		enum hiding_place place;
	} parents[] = {
		{0, PLACE_TC},
		{TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS), PLACE_TC_EGRESS},
		{TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS), PLACE_TC_INGRESS},
	};
	int rc = 0;

	for (size_t i = 0; i < sizeof(parents) / sizeof(parents[0]) && rc != -EPIPE; i++) {
		struct {
			struct nlmsghdr head;
			struct tcmsg what;
		} request = {
			.head = {.nlmsg_len = sizeof(request),
				 .nlmsg_type = RTM_GETTFILTER,
				 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
			.what = {.tcm_ifindex = (int)look->where.ifindex,
				 .tcm_parent = parents[i].parent},
		};

		look->where.place = parents[i].place;
		rc = netlink_list(look->filters, &request.head, on_filter, look);
	}
	/* A qdisc that isn't there is no error; that the other half is gone is one. */
	return rc == -EPIPE ? rc : 0;
}

static int look_at_queries(const struct look *look)
{
	static const struct {
		uint32_t attach;
		enum hiding_place place;
	} queries[] = {
		{ATTACH_TCX_EGRESS, PLACE_TCX_EGRESS},
		{ATTACH_TCX_INGRESS, PLACE_TCX_INGRESS},
		{ATTACH_NETKIT_PRIMARY, PLACE_NETKIT_PRIMARY},
		{ATTACH_NETKIT_PEER, PLACE_NETKIT_PEER},
	};
	int rc = 0;

	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]) && !rc; i++) {
		struct frame_hiding where = look->where;

		where.place = queries[i].place;
		rc = programs_query(look->programs, (int)where.ifindex, queries[i].attach, &where);
	}
	return rc;
}

/* One for each mode in which it has one; of a single one the number is there twice. */
static int look_at_xdp(const struct look *look, const struct rtattr *xdp)
{
	static const uint16_t modes[] = {IFLA_XDP_SKB_PROG_ID, IFLA_XDP_DRV_PROG_ID,
					 IFLA_XDP_HW_PROG_ID};
	int rc = 0;

	for (size_t i = 0; xdp && i < sizeof(modes) / sizeof(modes[0]) && !rc; i++)
		rc = place(look, PLACE_XDP, netlink_number(netlink_nested(xdp, modes[i])));
	return rc;
}

static int look_at_tun(const struct look *look, const struct rtattr *link)
{
	const struct rtattr *data = netlink_nested(link, IFLA_INFO_DATA);
	const struct rtattr *owner = netlink_nested(data, IFLA_TUN_OWNER);
	struct tun_device tun = {
		.netns = look->netns,
		.elsewhere = look->elsewhere,
		.ifindex = look->where.ifindex,
		.type = netlink_number(netlink_nested(data, IFLA_TUN_TYPE)),
		.owner = owner ? netlink_number(owner) : UINT32_MAX,
	};

	memcpy(tun.name, look->where.device, sizeof(tun.name));
	return look->tun(look->context, &tun);
}

static int on_link(void *context, const struct nlmsghdr *head)
{
	const struct ifinfomsg *message = NLMSG_DATA(head);
	struct look *look = context;
	const struct rtattr *link;
	char kind[16];
	int rc;

	if (head->nlmsg_type != RTM_NEWLINK || head->nlmsg_len < NLMSG_LENGTH(sizeof(*message)))
		return 0;
	memset(&look->where, 0, sizeof(look->where));
	look->where.netns = look->netns;
	look->where.elsewhere = look->elsewhere;
	look->where.ifindex = (uint32_t)message->ifi_index;
	netlink_text(netlink_attribute(head, sizeof(*message), IFLA_IFNAME), look->where.device,
		     sizeof(look->where.device));
	link = netlink_attribute(head, sizeof(*message), IFLA_LINKINFO);
	netlink_text(netlink_nested(link, IFLA_INFO_KIND), kind, sizeof(kind));
	rc = look_at_xdp(look, netlink_attribute(head, sizeof(*message), IFLA_XDP));
	if (!rc && strcmp(kind, "tun") == 0)
		rc = look_at_tun(look, link);
	if (!rc && look->filters >= 0)
		rc = look_at_queries(look);
	return rc || look->filters < 0 ? rc : look_at_filters(look);
}

int devices_look(struct programs *programs, uint32_t netns, bool elsewhere, devices_tun_fn *tun,
		 void *context)
{
	struct {
		struct nlmsghdr head;
		struct ifinfomsg what;
	} request = {.head = {.nlmsg_len = sizeof(request),
			      .nlmsg_type = RTM_GETLINK,
			      .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};
	struct look look = {.programs = programs,
			    .netns = netns,
			    .elsewhere = elsewhere,
			    .tun = tun,
			    .context = context};
	int fd = netlink_open(NETLINK_ROUTE), rc;

	if (fd < 0)
		return -errno;
	look.filters = programs_on_devices(programs) ? netlink_open(NETLINK_ROUTE) : -1;
	rc = netlink_list(fd, &request.head, on_link, &look);
	close(fd);
	if (look.filters >= 0)
		close(look.filters);
	return rc;
}
