/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * packet.h - from a captured frame to a TCP segment: link types, IPv4, IPv6, TCP
 *
 * Pure; RFC 791, 8200, 9293, 802.1Q, 802.1ad, 2516. Every length in a packet is its sender's claim, and `captured` may be less
 * than what was on the wire: nothing is read beyond it.
 */
#ifndef SMTPSNOOP_PACKET_H
#define SMTPSNOOP_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What an IP packet carries. */
struct packet_ip {
	uint8_t source[16], target[16]; /* IPv4 as ::ffff:a.b.c.d */
	uint8_t version; /* 4, 6 */
	uint8_t protocol; /* of the payload */
	bool fragment, more; /* more fragments follow */
	uint32_t id; /* of the datagram that it is a fragment of */
	uint32_t offset; /* of the fragment, in bytes */
	const uint8_t *payload;
	uint32_t captured; /* payload bytes that are there */
	uint32_t length; /* payload bytes on the wire, >= captured */
};

#define PACKET_FIN 0x01
#define PACKET_SYN 0x02
#define PACKET_RST 0x04
#define PACKET_ACK 0x10

struct packet_tcp {
	uint16_t source, target; /* ports */
	uint32_t sequence, acknowledged;
	uint8_t flags; /* PACKET_* */
	const uint8_t *bytes;
	uint32_t captured, length;
};

/* Is the link type (DLT_*) one that packet_link() knows? */
bool packet_link_known(int link);

/* Where the IP packet begins in a frame; false: it carries none, or is cut before. */
bool packet_link(int link, const uint8_t *frame, uint32_t captured, uint32_t *at);

/* `original`: bytes on the wire, for packets so large that their length field is 0. False: no IP, or its header is cut. */
bool packet_ip(const uint8_t *bytes, uint32_t captured, uint32_t original, struct packet_ip *ip);

/* False: no TCP header, or it is cut. */
bool packet_tcp(const uint8_t *bytes, uint32_t captured, uint32_t length, struct packet_tcp *tcp);

#endif
