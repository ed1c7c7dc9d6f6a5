/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * make_packets.h - IP packets of TCP connections, for the tests of what reads them
 */
#ifndef SMTPSNOOP_MAKE_PACKETS_H
#define SMTPSNOOP_MAKE_PACKETS_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <pcap/dlt.h>

#include "capture/packet.h"
#include "run_capture.h"

#define PACKETS_UNUSED __attribute__((unused))
#define CLIENT_PORT 40000
#define CLIENT_ISN 0xffffff80u /* wraps soon */
#define SERVER_ISN 0xfffffff0u

struct segment {
	enum event_direction from;
	uint32_t sequence, acknowledged;
	uint8_t flags;
	const char *bytes;
	uint32_t length;
};

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

/* TCP header and payload. Returns the bytes written. */
static PACKETS_UNUSED uint32_t put_tcp(uint8_t *out, const struct segment *segment, uint16_t port)
{
	bool server = segment->from == FROM_SERVER;

	memset(out, 0, 20);
	put16(out, server ? port : CLIENT_PORT);
	put16(out + 2, server ? CLIENT_PORT : port);
	put32(out + 4, segment->sequence);
	put32(out + 8, segment->acknowledged);
	out[12] = 5 << 4;
	out[13] = segment->flags;
	if (segment->length)
		memcpy(out + 20, segment->bytes, segment->length);
	return 20 + segment->length;
}

/* An IPv4 packet. `out` has room for 40 bytes more than the payload. */
static PACKETS_UNUSED uint32_t put_packet(uint8_t *out, const struct segment *segment,
					  uint16_t port)
{
	static const uint8_t client[4] = {192, 0, 2, 10}, server[4] = {203, 0, 113, 7};
	uint32_t length = 20 + put_tcp(out + 20, segment, port);

	memset(out, 0, 20);
	out[0] = 0x45;
	put16(out + 2, length);
	out[8] = 64;
	out[9] = 6;
	memcpy(out + 12, segment->from == FROM_CLIENT ? client : server, 4);
	memcpy(out + 16, segment->from == FROM_CLIENT ? server : client, 4);
	return length;
}

static PACKETS_UNUSED void feed_segment(struct run *run, const struct segment *segment,
					uint16_t port, uint64_t time)
{
	static uint8_t packet[65536];
	uint32_t length = put_packet(packet, segment, port);

	flows_packet(run->flows, DLT_RAW, time, packet, length, length);
}

/* What is said in turns. `bytes` may hold NUL if length is given. */
struct turn {
	enum event_direction from;
	const char *bytes;
	uint32_t length; /* 0 = up to the NUL */
};

#define C(text)                                                                                    \
	{                                                                                          \
		FROM_CLIENT, text, sizeof(text) - 1                                                \
	}
#define S(text)                                                                                    \
	{                                                                                          \
		FROM_SERVER, text, sizeof(text) - 1                                                \
	}

struct dialogue {
	const char *name;
	uint16_t port;
	const struct turn *turns; /* up to one without bytes */
};

#define SEGMENTS_MAX 4096

struct segments {
	unsigned int count;
	uint32_t next[2];
	struct segment all[SEGMENTS_MAX];
};

static PACKETS_UNUSED void segments_add(struct segments *list, enum event_direction from,
					uint8_t flags, const char *bytes, uint32_t length)
{
	struct segment *segment = &list->all[list->count];

	if (list->count == SEGMENTS_MAX)
		abort();
	list->count++;
	*segment =
		(struct segment){from, list->next[from], list->next[!from], flags, bytes, length};
	list->next[from] += length + (flags & (PACKET_SYN | PACKET_FIN) ? 1 : 0);
}

/* The whole connection; a turn goes in segments of at most `most` bytes, chosen by `size`. */
static PACKETS_UNUSED void segments_make(struct segments *list, const struct dialogue *script,
					 uint32_t (*size)(uint32_t left))
{
	list->count = 0;
	list->next[FROM_CLIENT] = CLIENT_ISN;
	list->next[FROM_SERVER] = SERVER_ISN;
	segments_add(list, FROM_CLIENT, PACKET_SYN, NULL, 0);
	segments_add(list, FROM_SERVER, PACKET_SYN | PACKET_ACK, NULL, 0);
	segments_add(list, FROM_CLIENT, PACKET_ACK, NULL, 0);
	for (const struct turn *turn = script->turns; turn->bytes; turn++) {
		for (uint32_t at = 0; at < turn->length;) {
			uint32_t length = size ? size(turn->length - at) : turn->length - at;

			segments_add(list, turn->from, PACKET_ACK, turn->bytes + at, length);
			at += length;
		}
	}
	segments_add(list, FROM_CLIENT, PACKET_FIN | PACKET_ACK, NULL, 0);
	segments_add(list, FROM_SERVER, PACKET_FIN | PACKET_ACK, NULL, 0);
	segments_add(list, FROM_CLIENT, PACKET_ACK, NULL, 0);
}

#endif
