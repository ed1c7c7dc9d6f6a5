/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * packet.c - from a captured frame to a TCP segment
 *
 * Reads no byte beyond what was captured and believes no length that does not fit. Nothing is fatal: what is not understood is
 * no packet.
 */
#include <netinet/in.h>
#include <string.h>

#include <pcap/dlt.h>

#include "capture/packet.h"

#define ETHER_IP 0x0800
#define ETHER_IP6 0x86dd
#define ETHER_VLAN 0x8100
#define ETHER_QINQ 0x88a8
#define ETHER_QINQ_OLD 0x9100
#define ETHER_PPPOE 0x8864
#define VLAN_TAGS_MAX 4 /* two are usual */
#define EXTENSIONS_MAX 16 /* RFC 8200 4.1 knows seven, each of them once */

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

bool packet_link_known(int link)
{
	static const int known[] = {DLT_EN10MB,	   DLT_NULL,	   DLT_LOOP, DLT_RAW,
				    DLT_LINUX_SLL, DLT_LINUX_SLL2, DLT_IPV4, DLT_IPV6};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i] == link)
			return true;
	return false;
}

/* A frame whose EtherType stands at `at` - 2: past VLAN tags and PPPoE. */
static bool ether(uint16_t type, const uint8_t *frame, uint32_t captured, uint32_t *at)
{
	for (int tags = 0; tags < VLAN_TAGS_MAX; tags++) {
		if (type != ETHER_VLAN && type != ETHER_QINQ && type != ETHER_QINQ_OLD)
			break;
		if (captured < *at + 4)
			return false;
		type = get16(frame + *at + 2);
		*at += 4;
	}
	if (type == ETHER_PPPOE) { /* version, code, session, length; then the PPP protocol */
		if (captured < *at + 8)
			return false;
		type = get16(frame + *at + 6);
		*at += 8;
		return type == 0x0021 || type == 0x0057;
	}
	return type == ETHER_IP || type == ETHER_IP6;
}

bool packet_link(int link, const uint8_t *frame, uint32_t captured, uint32_t *at)
{
	uint32_t head = link == DLT_EN10MB		       ? 14
			: link == DLT_LINUX_SLL		       ? 16
			: link == DLT_LINUX_SLL2	       ? 20
			: link == DLT_NULL || link == DLT_LOOP ? 4
							       : 0;

	if (captured < head)
		return false;
	*at = head;
	switch (link) {
	case DLT_EN10MB:
		return ether(get16(frame + 12), frame, captured, at);
	case DLT_LINUX_SLL:
		return ether(get16(frame + 14), frame, captured, at);
	case DLT_LINUX_SLL2:
		return ether(get16(frame), frame, captured, at);
	case DLT_NULL: /* the address family, whose number for IPv6 depends on the system: the packet tells */
	case DLT_LOOP:
	case DLT_RAW:
	case DLT_IPV4:
	case DLT_IPV6:
		return true;
	default:
		return false;
	}
}

static void map4(uint8_t address[16], const uint8_t four[4])
{
	static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};

	memcpy(address, prefix, 12);
	memcpy(address + 12, four, 4);
}

/* What is behind the headers; `length` counts from there. Ethernet pads short packets. */
static bool payload(struct packet_ip *ip, const uint8_t *bytes, uint32_t captured, uint32_t head,
		    uint32_t whole)
{
	if (head > captured || head > whole)
		return false;
	ip->payload = bytes + head;
	ip->length = whole - head;
	ip->captured = captured - head < ip->length ? captured - head : ip->length;
	return true;
}

static bool version4(const uint8_t *bytes, uint32_t captured, uint32_t original,
		     struct packet_ip *ip)
{
	uint32_t head, whole, fragment;

	if (captured < 20)
		return false;
	head = (bytes[0] & 15) * 4u;
	whole = get16(bytes + 2);
	if (!whole) /* segmentation was left to the network card */
		whole = original;
	fragment = get16(bytes + 6);
	ip->protocol = bytes[9];
	ip->offset = (fragment & 0x1fff) * 8;
	ip->more = fragment & 0x2000;
	ip->fragment = ip->offset || ip->more;
	ip->id = get16(bytes + 4);
	map4(ip->source, bytes + 12);
	map4(ip->target, bytes + 16);
	return head >= 20 && payload(ip, bytes, captured, head, whole);
}

static bool version6(const uint8_t *bytes, uint32_t captured, uint32_t original,
		     struct packet_ip *ip)
{
	uint32_t head = 40, whole;
	uint8_t next;

	if (captured < 40)
		return false;
	next = bytes[6];
	whole = get16(bytes + 4) ? 40u + get16(bytes + 4) : original;
	memcpy(ip->source, bytes + 8, 16);
	memcpy(ip->target, bytes + 24, 16);
	for (int i = 0; i < EXTENSIONS_MAX && !ip->offset; i++) {
		const uint8_t *at = bytes + head;

		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS &&
		    next != IPPROTO_FRAGMENT && next != IPPROTO_AH)
			break;
		if (captured < head + 8)
			return false;
		if (next == IPPROTO_FRAGMENT) {
			ip->offset = get16(at + 2) & 0xfff8;
			ip->more = at[3] & 1;
			ip->fragment = ip->fragment || ip->offset || ip->more;
			ip->id = get32(at + 4);
			head += 8;
		} else {
			head += next == IPPROTO_AH ? (at[1] + 2u) * 4 : (at[1] + 1u) * 8;
		}
		next = at[0];
		if (ip->fragment) /* what follows is known when it is put together */
			break;
	}
	ip->protocol = next;
	return payload(ip, bytes, captured, head, whole);
}

bool packet_ip(const uint8_t *bytes, uint32_t captured, uint32_t original, struct packet_ip *ip)
{
	memset(ip, 0, sizeof(*ip));
	if (!captured)
		return false;
	ip->version = bytes[0] >> 4;
	if (ip->version == 4)
		return version4(bytes, captured, original, ip);
	return ip->version == 6 && version6(bytes, captured, original, ip);
}

bool packet_tcp(const uint8_t *bytes, uint32_t captured, uint32_t length, struct packet_tcp *tcp)
{
	uint32_t head;

	if (captured < 20)
		return false;
	head = (bytes[12] >> 4) * 4u;
	if (head < 20 || head > length)
		return false;
	tcp->source = get16(bytes);
	tcp->target = get16(bytes + 2);
	tcp->sequence = get32(bytes + 4);
	tcp->acknowledged = get32(bytes + 8);
	tcp->flags = bytes[13];
	tcp->length = length - head;
	/* Options may be where the snap length cut. */
	tcp->bytes = bytes + (head < captured ? head : captured);
	tcp->captured = head < captured ? captured - head : 0;
	return true;
}
