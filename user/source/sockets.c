/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sockets.c - asks the kernel for its sockets: sock_diag(7), namespace by namespace
 *
 * A netlink socket belongs to the namespace that it was opened in: we step in, open it, step out, and ask. What nobody holds open any
 * more (TIME_WAIT, FIN_WAIT, a SYN that nobody waits for) is there as well. A namespace that can't be entered is counted.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/magic.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/limits.h"
#include "settings.h"
#include "source/sockets.h"

/* A connection of ours that was begun, up to the last trace of it. */
#define STATES                                                                                     \
	(1u << SOCKET_ESTABLISHED | 1u << SOCKET_SYN_SENT | 1u << SOCKET_FIN_WAIT1 |               \
	 1u << SOCKET_FIN_WAIT2 | 1u << SOCKET_TIME_WAIT | 1u << SOCKET_CLOSE_WAIT |               \
	 1u << SOCKET_LAST_ACK | 1u << SOCKET_CLOSING)
#define ANSWER_BYTES 65536

struct search {
	const struct sockets_options *options;
	struct frame_looked *looked;
	uint32_t *seen; /* namespaces, by inode */
	unsigned int seen_count;
	unsigned int found; /* sockets */
	int home; /* our own namespace */
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

static int on_message(struct search *search, const struct nlmsghdr *head, uint32_t netns)
{
	const struct inet_diag_msg *message = NLMSG_DATA(head);
	struct frame_socket socket = {.idle = UINT32_MAX};
	uint64_t cgroup_id = 0;
	int left = (int)head->nlmsg_len - (int)NLMSG_LENGTH(sizeof(*message));

	if (left < 0)
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
	socket.ends.netns = netns;
	socket.ends.local_port = ntohs(message->id.idiag_sport);
	socket.ends.remote_port = ntohs(message->id.idiag_dport);
	copy_address(socket.ends.local, message->idiag_family, message->id.idiag_src);
	copy_address(socket.ends.remote, message->idiag_family, message->id.idiag_dst);
	socket.state = message->idiag_state;
	socket.uid = socket.state == SOCKET_TIME_WAIT ? UINT32_MAX : message->idiag_uid;
	socket.inode = message->idiag_inode;
	socket.receive_queue = message->idiag_rqueue;
	socket.send_queue = message->idiag_wqueue;
	for (const struct rtattr *at = (const void *)(message + 1);
	     left >= (int)sizeof(*at) && at->rta_len >= sizeof(*at) && at->rta_len <= left;
	     left -= (int)RTA_ALIGN(at->rta_len),
				 at = (const void *)((const char *)at + RTA_ALIGN(at->rta_len))) {
		if (at->rta_type == INET_DIAG_INFO)
			read_info(&socket, RTA_DATA(at), RTA_PAYLOAD(at));
		else if (at->rta_type == INET_DIAG_ULP_INFO)
			socket.mptcp = is_mptcp(RTA_DATA(at), RTA_PAYLOAD(at));
		else if (at->rta_type == INET_DIAG_CGROUP_ID &&
			 RTA_PAYLOAD(at) == sizeof(cgroup_id))
			memcpy(&cgroup_id, RTA_DATA(at), sizeof(cgroup_id));
	}
	return search->options->fn(search->options->context, &socket, cgroup_id);
}

/* 1 = there is more to come, 0 = that was all. */
static int on_answer(struct search *search, const void *bytes, size_t size, uint32_t netns)
{
	const struct nlmsghdr *head = bytes;
	int rc;

	for (; NLMSG_OK(head, size); head = NLMSG_NEXT(head, size)) {
		if (head->nlmsg_type == NLMSG_DONE)
			return 0;
		if (head->nlmsg_type == NLMSG_ERROR) {
			const struct nlmsgerr *error = NLMSG_DATA(head);

			return head->nlmsg_len < NLMSG_LENGTH(sizeof(*error)) ? -EBADMSG
									      : error->error;
		}
		rc = head->nlmsg_type == SOCK_DIAG_BY_FAMILY ? on_message(search, head, netns) : 0;
		if (rc)
			return rc;
	}
	return 1;
}

static int ask(struct search *search, int fd, const struct request *request, uint32_t netns)
{
	static uint8_t answer[ANSWER_BYTES] __attribute__((aligned(8)));
	int rc = 1;

	if (send(fd, request, request->head.nlmsg_len, 0) < 0)
		return -errno;
	while (rc == 1) {
		ssize_t got = recv(fd, answer, sizeof(answer), 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -EPIPE;
		rc = on_answer(search, answer, (size_t)got, netns);
	}
	return rc;
}

static int ask_all(struct search *search, int fd, uint32_t netns)
{
	static const int families[] = {AF_INET, AF_INET6};
	struct request request;
	int rc = 0, absent = 0;

	for (size_t i = 0; i < 2 && !rc; i++) {
		fill_request(&request, families[i], search->options->ports,
			     search->options->port_count);
		rc = ask(search, fd, &request, netns);
		/* A kernel without IPv6 has none of its sockets; one without tcp_diag tells nothing. */
		if (rc == -ENOENT) {
			absent++;
			rc = 0;
		}
	}
	search->looked->unasked += absent == 2;
	return rc;
}

/* A netlink socket of that namespace. -errno: it can't be had, -ECHILD: nor is there a way back. */
static int open_diag(const struct search *search, int netns)
{
	int fd;

	if (setns(netns, CLONE_NEWNET))
		return -errno;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (fd < 0)
		fd = -errno;
	if (setns(search->home, CLONE_NEWNET) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -ECHILD;
}

static bool is_new(struct search *search, uint32_t netns)
{
	for (unsigned int i = 0; i < search->seen_count; i++)
		if (search->seen[i] == netns)
			return false;
	if (search->seen_count < LIMIT_NAMESPACES)
		search->seen[search->seen_count++] = netns;
	return true;
}

/* 0, or what ends the search. */
static int look_in(struct search *search, int directory, const char *name)
{
	struct statfs system;
	struct stat file;
	int netns, fd, rc;

	if (fstatat(directory, name, &file, 0) || !is_new(search, (uint32_t)file.st_ino))
		return 0;
	netns = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (netns < 0)
		return 0;
	fd = fstatfs(netns, &system) || system.f_type != NSFS_MAGIC ? -EINVAL
								    : open_diag(search, netns);
	close(netns);
	if (fd == -ECHILD || fd == -EINVAL)
		return fd == -ECHILD ? fd : 0;
	search->looked->namespaces++;
	if (fd < 0) {
		search->looked->refused++;
		return 0;
	}
	rc = ask_all(search, fd, (uint32_t)file.st_ino);
	close(fd);
	return rc;
}

/* Every name of a directory, and below it what leads to a namespace. */
static int look_below(struct search *search, const char *directory, const char *below)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;
	int rc = 0;

	while (dir && !rc && (entry = readdir(dir))) {
		char name[sizeof(entry->d_name) + 16];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s%s", entry->d_name, below);
		rc = look_in(search, dirfd(dir), name);
	}
	if (dir)
		closedir(dir);
	return rc;
}

int sockets_each(const struct sockets_options *options, struct frame_looked *looked)
{
	struct search search = {.options = options, .looked = looked};
	int rc;

	memset(looked, 0, sizeof(*looked));
	search.home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (search.home < 0)
		return -errno;
	search.seen = calloc(LIMIT_NAMESPACES, sizeof(*search.seen));
	rc = search.seen ? look_below(&search, "/proc", "/ns/net") : -ENOMEM;
	if (!rc)
		rc = look_below(&search, "/run/netns", "");
	free(search.seen);
	close(search.home);
	return rc;
}
