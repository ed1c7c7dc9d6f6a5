/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sockets.c - asks the kernel for its sockets: sock_diag(7), namespace by namespace
 *
 * What nobody holds open any more (TIME_WAIT, FIN_WAIT, a SYN that nobody waits for) is there as well. A namespace that can't be entered
 * is counted.
 */
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "settings.h"
#include "source/namespaces.h"
#include "source/netlink.h"
#include "source/sockets.h"

/* A connection of ours that was begun, up to the last trace of it. */
#define STATES                                                                                     \
	(1u << SOCKET_ESTABLISHED | 1u << SOCKET_SYN_SENT | 1u << SOCKET_FIN_WAIT1 |               \
	 1u << SOCKET_FIN_WAIT2 | 1u << SOCKET_TIME_WAIT | 1u << SOCKET_CLOSE_WAIT |               \
	 1u << SOCKET_LAST_ACK | 1u << SOCKET_CLOSING)

struct search {
	const struct sockets_options *options;
	struct frame_looked *looked;
	uint32_t netns; /* that we are in, by inode */
	unsigned int found; /* sockets */
};

struct request {
	struct nlmsghdr head;
	struct inet_diag_req_v2 what;
	struct rtattr filter;
	struct {
		struct inet_diag_bc_op is_port, port, end;
	} ops[PORTS_MAX];
};

/*
 * sock_diag's filter language, as ss(8) writes it: the one port, then to the end, which takes the socket; or else the next one. A jump
 * to behind the end leaves it out.
 */
static void fill_request(struct request *request, int family, const uint16_t *ports,
			 unsigned int count)
{
	const size_t op = sizeof(request->ops[0].end), step = sizeof(request->ops[0]);
	size_t left = count * step - op; /* the last one needs no jump */

	memset(request, 0, sizeof(*request));
	request->head.nlmsg_len = (uint32_t)(offsetof(struct request, ops) + left);
	request->head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
	request->head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	request->what.sdiag_family = (uint8_t)family;
	request->what.sdiag_protocol = IPPROTO_TCP;
	request->what.idiag_ext = 1 << (INET_DIAG_INFO - 1);
	request->what.idiag_states = STATES;
	request->filter.rta_type = INET_DIAG_REQ_BYTECODE;
	request->filter.rta_len = (uint16_t)(sizeof(request->filter) + left);
	for (unsigned int i = 0; i < count; i++, left -= step) {
		request->ops[i].is_port.code = INET_DIAG_BC_D_EQ;
		request->ops[i].is_port.yes = (uint8_t)(2 * op);
		request->ops[i].is_port.no = (uint16_t)step;
		request->ops[i].port.no = ports[i];
		if (i + 1 == count)
			break;
		request->ops[i].end.code = INET_DIAG_BC_JMP;
		request->ops[i].end.yes = (uint8_t)op;
		request->ops[i].end.no = (uint16_t)(left - 2 * op);
	}
}

static void copy_address(uint8_t out[16], int family, const __be32 *address)
{
	if (family == AF_INET6) {
		memcpy(out, address, 16);
		return;
	}
	memset(out, 0, 10);
	memset(out + 10, 0xff, 2);
	memcpy(out + 12, address, 4);
}

static void read_info(struct frame_socket *socket, const void *payload, size_t size)
{
	struct tcp_info info;

	memset(&info, 0, sizeof(info));
	memcpy(&info, payload, size < sizeof(info) ? size : sizeof(info));
	socket->bytes_out = info.tcpi_bytes_acked;
	socket->bytes_in = info.tcpi_bytes_received;
	socket->retransmits = info.tcpi_total_retrans;
	socket->round_trip = info.tcpi_rtt;
	socket->window = info.tcpi_snd_cwnd;
	socket->congestion = info.tcpi_ca_state;
	if (socket->state != SOCKET_SYN_SENT)
		socket->idle = info.tcpi_last_data_sent < info.tcpi_last_data_recv
				       ? info.tcpi_last_data_sent
				       : info.tcpi_last_data_recv;
}

/* Is it a part of an MPTCP connection? Its "upper layer protocol" says so. */
static bool is_mptcp(const void *nested, size_t size)
{
	const struct rtattr *name = nested;

	return size >= sizeof(*name) && name->rta_len >= sizeof(*name) && name->rta_len <= size &&
	       name->rta_type == INET_ULP_INFO_NAME && RTA_PAYLOAD(name) >= sizeof("mptcp") - 1 &&
	       !strncmp(RTA_DATA(name), "mptcp", RTA_PAYLOAD(name));
}

static bool listed(const struct sockets_options *options, uint16_t port)
{
	for (unsigned int i = 0; i < options->port_count; i++)
		if (options->ports[i] == port)
			return true;
	return false;
}

static int on_message(void *context, const struct nlmsghdr *head)
{
	const struct inet_diag_msg *message = NLMSG_DATA(head);
	struct search *search = context;
	struct frame_socket socket = {.idle = UINT32_MAX};
	const struct rtattr *info, *ulp, *cgroup;
	uint64_t cgroup_id = 0;

	if (head->nlmsg_type != SOCK_DIAG_BY_FAMILY)
		return 0;
	if (head->nlmsg_len < NLMSG_LENGTH(sizeof(*message)))
		return -EBADMSG;
	/* Ours is the server there. */
	if (listed(search->options, ntohs(message->id.idiag_sport)))
		return 0;
	if (search->found >= LIMIT_SOCKETS) {
		search->looked->over++;
		return 0;
	}
	search->found++;
	memcpy(&socket.cookie, message->id.idiag_cookie, sizeof(socket.cookie));
	socket.ends.family = message->idiag_family;
	socket.ends.netns = search->netns;
	socket.ends.local_port = ntohs(message->id.idiag_sport);
	socket.ends.remote_port = ntohs(message->id.idiag_dport);
	copy_address(socket.ends.local, message->idiag_family, message->id.idiag_src);
	copy_address(socket.ends.remote, message->idiag_family, message->id.idiag_dst);
	socket.state = message->idiag_state;
	socket.uid = socket.state == SOCKET_TIME_WAIT ? UINT32_MAX : message->idiag_uid;
	socket.inode = message->idiag_inode;
	socket.receive_queue = message->idiag_rqueue;
	socket.send_queue = message->idiag_wqueue;
	info = netlink_attribute(head, sizeof(*message), INET_DIAG_INFO);
	if (info)
		read_info(&socket, RTA_DATA(info), RTA_PAYLOAD(info));
	ulp = netlink_attribute(head, sizeof(*message), INET_DIAG_ULP_INFO);
	if (ulp)
		socket.mptcp = is_mptcp(RTA_DATA(ulp), RTA_PAYLOAD(ulp));
	cgroup = netlink_attribute(head, sizeof(*message), INET_DIAG_CGROUP_ID);
	if (cgroup && RTA_PAYLOAD(cgroup) == sizeof(cgroup_id))
		memcpy(&cgroup_id, RTA_DATA(cgroup), sizeof(cgroup_id));
	return search->options->fn(search->options->context, &socket, cgroup_id);
}

static int ask_all(struct search *search, int fd)
{
	static const int families[] = {AF_INET, AF_INET6};
	struct request request;
	int rc = 0, absent = 0;

	for (size_t i = 0; i < 2 && !rc; i++) {
		fill_request(&request, families[i], search->options->ports,
			     search->options->port_count);
		rc = netlink_list(fd, &request.head, on_message, search);
		/* A kernel without IPv6 has none of its sockets; one without tcp_diag tells nothing. */
		if (rc == -ENOENT) {
			absent++;
			rc = 0;
		}
	}
	search->looked->unasked += absent == 2;
	return rc;
}

static int look_in(void *context, uint32_t netns)
{
	struct search *search = context;
	int fd = netlink_open(NETLINK_SOCK_DIAG), rc;

	if (fd < 0) {
		search->looked->refused++;
		return 0;
	}
	search->netns = netns;
	rc = ask_all(search, fd);
	close(fd);
	return rc;
}

int sockets_each(const struct sockets_options *options, struct frame_looked *looked)
{
	struct search search = {.options = options, .looked = looked};
	struct namespaces_looked namespaces;
	int rc;

	memset(looked, 0, sizeof(*looked));
	rc = namespaces_each(look_in, &search, &namespaces);
	looked->namespaces = namespaces.count;
	looked->refused += namespaces.refused;
	return rc;
}
