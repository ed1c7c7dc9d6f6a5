/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * netlink.c - asks the kernel for a list over netlink(7)
 *
 * The kernel is trusted, and its lengths are looked at all the same. Nothing is fatal.
 */
#include "source/netlink.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define ANSWER_BYTES 65536 /* the kernel makes them of 32 KiB at most */

int netlink_open(int protocol)
{
	return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
}

/* 1 = there is more to come, 0 = that was all. */
static int hand_out(const void *bytes, size_t size, netlink_fn *fn, void *context)
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
		rc = fn(context, head);
		if (rc)
			return rc;
	}
	return 1;
}

int netlink_list(int fd, const struct nlmsghdr *request, netlink_fn *fn, void *context)
{
	uint8_t answer[ANSWER_BYTES] __attribute__((aligned(8)));
	int rc = 1;

	if (send(fd, request, request->nlmsg_len, 0) < 0)
		return -errno;
	while (rc == 1) {
		ssize_t got = recv(fd, answer, sizeof(answer), 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -EPIPE;
		rc = hand_out(answer, (size_t)got, fn, context);
	}
	return rc;
}

static const struct rtattr *find(const void *bytes, size_t size, uint16_t type)
{
	const struct rtattr *at = bytes;

	while (size >= sizeof(*at) && at->rta_len >= sizeof(*at) && at->rta_len <= size) {
		size_t step = RTA_ALIGN(at->rta_len);

		if ((at->rta_type & NLA_TYPE_MASK) == type)
			return at;
		if (step > size)
			break;
		at = (const void *)((const char *)at + step);
		size -= step;
	}
	return NULL;
}

const struct rtattr *netlink_attribute(const struct nlmsghdr *head, size_t fixed, uint16_t type)
{
	const size_t before = NLMSG_LENGTH(NLMSG_ALIGN(fixed));

	if (head->nlmsg_len < before)
		return NULL;
	return find((const char *)head + before, head->nlmsg_len - before, type);
}

const struct rtattr *netlink_nested(const struct rtattr *outer, uint16_t type)
{
	return outer ? find(RTA_DATA(outer), RTA_PAYLOAD(outer), type) : NULL;
}

uint32_t netlink_number(const struct rtattr *attribute)
{
	uint32_t number = 0; /* little-endian, as all that we are built for */

	if (attribute && RTA_PAYLOAD(attribute) <= sizeof(number))
		memcpy(&number, RTA_DATA(attribute), RTA_PAYLOAD(attribute));
	return number;
}

void netlink_text(const struct rtattr *attribute, char *out, size_t size)
{
	size_t length = attribute ? strnlen(RTA_DATA(attribute), RTA_PAYLOAD(attribute)) : 0;

	snprintf(out, size, "%.*s", (int)length,
		 attribute ? (const char *)RTA_DATA(attribute) : "");
}
