/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * addresses.c - the addresses of this host
 *
 * getifaddrs() at start and after every change that rtnetlink(7) announces: a bunch of announcements costs one reading. The
 * announcements themselves are not parsed. Nothing is fatal after the start: what was known stays.
 */
#include <errno.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "base/limits.h"
#include "enrich/addresses.h"

struct addresses {
	uint8_t (*sorted)[16];
	size_t count;
	int fd;
};

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

static bool address_of(const struct sockaddr *from, uint8_t out[16])
{
	if (!from)
		return false;
	if (from->sa_family == AF_INET6) {
		memcpy(out, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, 16);
		return true;
	}
	if (from->sa_family != AF_INET)
		return false;
	memset(out, 0, 10);
	memset(out + 10, 0xff, 2);
	memcpy(out + 12, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
	return true;
}

static int read_all(struct addresses *addresses)
{
	struct ifaddrs *list, *at;
	uint8_t(*sorted)[16];
	size_t count = 0;

	if (getifaddrs(&list) != 0)
		return -errno;
	for (at = list; at; at = at->ifa_next)
		count++;
	if (count > LIMIT_HOST_ADDRESSES)
		count = LIMIT_HOST_ADDRESSES;
	sorted = calloc(count + 1, sizeof(*sorted));
	if (!sorted) {
		freeifaddrs(list);
		return -ENOMEM;
	}
	addresses->count = 0;
	for (at = list; at && addresses->count < count; at = at->ifa_next)
		addresses->count += address_of(at->ifa_addr, sorted[addresses->count]);
	freeifaddrs(list);
	qsort(sorted, addresses->count, sizeof(*sorted), compare);
	free(addresses->sorted);
	addresses->sorted = sorted;
	return 0;
}

static int listen_for_changes(void)
{
	struct sockaddr_nl local = {.nl_family = AF_NETLINK,
				    .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&local, sizeof(local)) != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

struct addresses *addresses_new(void)
{
	struct addresses *addresses = calloc(1, sizeof(*addresses));
	int error;

	if (!addresses)
		return NULL;
	/* Listen first: what changes while they are read is announced. */
	addresses->fd = listen_for_changes();
	error = read_all(addresses);
	if (error) {
		addresses_free(addresses);
		errno = -error;
		return NULL;
	}
	return addresses;
}

void addresses_free(struct addresses *addresses)
{
	if (!addresses)
		return;
	if (addresses->fd >= 0)
		close(addresses->fd);
	free(addresses->sorted);
	free(addresses);
}

int addresses_fd(const struct addresses *addresses)
{
	return addresses->fd;
}

int addresses_refresh(struct addresses *addresses)
{
	char drained[8192];

	/* ENOBUFS says that announcements were lost; since all is read again that changes nothing. */
	while (addresses->fd >= 0 &&
	       (recv(addresses->fd, drained, sizeof(drained), MSG_DONTWAIT) > 0 ||
		errno == ENOBUFS || errno == EINTR))
		;
	return read_all(addresses);
}

bool addresses_has(const struct addresses *addresses, const uint8_t address[16])
{
	return address_is_loopback(address) ||
	       bsearch(address, addresses->sorted, addresses->count, 16, compare) != NULL;
}
