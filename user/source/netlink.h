/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * netlink.h - asks the kernel for a list over netlink(7)
 */
#ifndef SMTPSNOOP_NETLINK_H
#define SMTPSNOOP_NETLINK_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdint.h>

/* A socket of the namespace that we are in. -1 with errno. */
int netlink_open(int protocol);

/* A message of the answer, of whichever type. What it returns but 0 ends the list; the rest of it is not read then. */
typedef int netlink_fn(void *context, const struct nlmsghdr *head);

/* Sends the request, which has NLM_F_DUMP, and hands the answer out. 0, -errno, what the kernel says of an error, or what fn returned. */
int netlink_list(int fd, const struct nlmsghdr *request, netlink_fn *fn, void *context);

/*
 * The attribute of that type behind the `fixed` bytes of a message, or within another one; NULL = there is none. Its size is
 * RTA_PAYLOAD(), and not more than there is.
 */
const struct rtattr *netlink_attribute(const struct nlmsghdr *head, size_t fixed, uint16_t type);
const struct rtattr *netlink_nested(const struct rtattr *outer, uint16_t type);

/* A number of at most 32 bits; 0 = the attribute is NULL or larger. */
uint32_t netlink_number(const struct rtattr *attribute);
/* A terminated text, cut to `size`; "" likewise. */
void netlink_text(const struct rtattr *attribute, char *out, size_t size);

#endif
