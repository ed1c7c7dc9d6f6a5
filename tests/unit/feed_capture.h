/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * feed_capture.h - one TCP connection of a capture file, through the gate into the session machine
 *
 * Does what the kernel programs do on the wire: payload in the order of its sequence numbers, each byte once, in pieces through
 * the gate; what is withheld becomes a note, a body one note however long it is. A hole that the other side has acknowledged was
 * missed by the capture.
 */
#ifndef SMTPSNOOP_FEED_CAPTURE_H
#define SMTPSNOOP_FEED_CAPTURE_H

#include <arpa/inet.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/session.h"

#define GATE_PORT_LISTED(port) ((port) == 25 || (port) == 465 || (port) == 587)
#include "gate.h"

struct feed_segment {
	struct feed_segment *next;
	uint32_t sequence;
	uint32_t length;
	uint8_t bytes[];
};

struct feed_side {
	bool known; /* next is */
	uint32_t next; /* sequence number expected */
	uint64_t offset; /* bytes of the stream so far */
	uint64_t note_offset, note; /* withheld bytes not told yet */
	uint8_t note_why, note_flags;
	struct feed_segment *early; /* out of order, sorted */
};

struct feed {
	uint8_t address[2][16]; /* client's, server's */
	uint16_t port[2];
	struct gate gate;
	struct session session;
	struct feed_side side[2];
	uint32_t split; /* segments are cut to this size; 0 = as they were */
	bool seen; /* any packet of it */
};

static void feed_flush(struct feed *feed, enum event_direction from)
{
	struct feed_side *side = &feed->side[from];

	if (side->note)
		session_data(&feed->session, from, side->note_offset, NULL, 0, side->note,
			     side->note_why, side->note_flags);
	side->note = 0;
	side->note_flags = 0;
}

static void feed_withhold(struct feed *feed, enum event_direction from, uint64_t length,
			  uint8_t why, uint8_t flags)
{
	struct feed_side *side = &feed->side[from];

	if (!length)
		return;
	if (side->note && side->note_why != why)
		feed_flush(feed, from);
	if (!side->note)
		side->note_offset = side->offset;
	side->note += length;
	side->note_why = why;
	side->note_flags |= flags;
	side->offset += length;
}

static void feed_bytes(struct feed *feed, enum event_direction from, const uint8_t *bytes,
		       uint32_t length)
{
	struct feed_side *side = &feed->side[from];
	bool ends_line = length && bytes[length - 1] == '\n';

	while (length) {
		struct gate_cut cut = {0};
		struct gate_piece piece;
		uint32_t size;
		uint8_t why;

		size = from == FROM_CLIENT ? gate_client_skips(&feed->gate, length, ends_line, &why)
					   : gate_server_skips(&feed->gate, length, &why);
		if (size) {
			feed_withhold(feed, from, size, why, 0);
			bytes += size;
			length -= size;
			continue;
		}
		size = length < GATE_PIECE ? length : GATE_PIECE;
		memcpy(piece.bytes, bytes, size);
		if (from == FROM_CLIENT)
			gate_client(&feed->gate, &piece, size, &cut);
		else
			gate_server(&feed->gate, &piece, size, &cut);
		if (!cut.used || cut.used > size || cut.keep > cut.used)
			abort();
		if (cut.keep) {
			/* The client's body comes before the server's word about it. */
			feed_flush(feed, FROM_CLIENT);
			feed_flush(feed, FROM_SERVER);
			session_data(&feed->session, from, side->offset, bytes, cut.keep, 0, 0,
				     cut.flags & (DATA_HELLO | DATA_PROXY));
			side->offset += cut.keep;
		}
		feed_withhold(feed, from, cut.used - cut.keep, cut.why, cut.flags & DATA_DOT);
		bytes += cut.used;
		length -= cut.used;
	}
}

static void feed_missed(struct feed *feed, enum event_direction from, uint32_t length)
{
	gate_missed(&feed->gate, from == FROM_SERVER);
	feed_withhold(feed, from, length, WITHHELD_MISSED, 0);
	feed->side[from].next += length;
}

/* Takes a segment that begins at or before what is expected. */
static void feed_in_order(struct feed *feed, enum event_direction from, uint32_t sequence,
			  const uint8_t *bytes, uint32_t length)
{
	struct feed_side *side = &feed->side[from];
	uint32_t seen = side->next - sequence;

	if (seen >= length)
		return;
	side->next += length - seen;
	bytes += seen;
	length -= seen;
	while (length) {
		uint32_t size = feed->split && feed->split < length ? feed->split : length;

		feed_bytes(feed, from, bytes, size);
		bytes += size;
		length -= size;
	}
}

static void feed_early(struct feed *feed, enum event_direction from)
{
	struct feed_side *side = &feed->side[from];

	while (side->early && (int32_t)(side->early->sequence - side->next) <= 0) {
		struct feed_segment *segment = side->early;

		side->early = segment->next;
		feed_in_order(feed, from, segment->sequence, segment->bytes, segment->length);
		free(segment);
	}
}

static void feed_keep_early(struct feed_side *side, uint32_t sequence, const uint8_t *bytes,
			    uint32_t length)
{
	struct feed_segment *segment = malloc(sizeof(*segment) + length);
	struct feed_segment **at = &side->early;

	if (!segment)
		abort();
	segment->sequence = sequence;
	segment->length = length;
	memcpy(segment->bytes, bytes, length);
	while (*at && (int32_t)((*at)->sequence - sequence) < 0)
		at = &(*at)->next;
	segment->next = *at;
	*at = segment;
}

/* The other side has everything up to `sequence`: what is missing before it will not come any more. */
static void feed_acknowledged(struct feed *feed, enum event_direction from, uint32_t sequence)
{
	struct feed_side *side = &feed->side[from];

	while (side->early && (int32_t)(sequence - side->early->sequence) > 0) {
		feed_missed(feed, from, side->early->sequence - side->next);
		feed_early(feed, from);
	}
}

static void feed_tcp(struct feed *feed, enum event_direction from, const uint8_t *tcp,
		     uint32_t length, uint32_t captured)
{
	struct feed_side *side = &feed->side[from];
	uint32_t head, sequence, acknowledged;

	if (captured < 20 || length < 20)
		return;
	head = (tcp[12] >> 4) * 4;
	if (head < 20 || head > captured || head > length)
		return;
	feed->seen = true;
	sequence = ntohl(*(const uint32_t *)memcpy(&(uint32_t){0}, tcp + 4, 4));
	acknowledged = ntohl(*(const uint32_t *)memcpy(&(uint32_t){0}, tcp + 8, 4));
	if (tcp[13] & 0x02) { /* SYN takes a number */
		side->next = sequence + 1;
		side->known = true;
		return;
	}
	if (tcp[13] & 0x10)
		feed_acknowledged(feed, from == FROM_CLIENT ? FROM_SERVER : FROM_CLIENT,
				  acknowledged);
	if (captured > length)
		captured = length; /* Ethernet padding */
	captured -= head;
	if (!captured)
		return;
	if (!side->known) {
		side->next = sequence;
		side->known = true;
	}
	if ((int32_t)(sequence - side->next) > 0) {
		feed_keep_early(side, sequence, tcp + head, captured);
		return;
	}
	feed_in_order(feed, from, sequence, tcp + head, captured);
	feed_early(feed, from);
}

/* An IP packet; is it one of this connection's, and whose? */
static void feed_ip(struct feed *feed, const uint8_t *ip, uint32_t captured)
{
	uint8_t source[16] = {[10] = 0xff, [11] = 0xff}, target[16] = {[10] = 0xff, [11] = 0xff};
	uint32_t head, length;
	uint16_t ports[2];

	if (captured >= 20 && ip[0] >> 4 == 4 && ip[9] == IPPROTO_TCP) {
		head = (ip[0] & 15) * 4;
		length = ip[2] << 8 | ip[3];
		memcpy(source + 12, ip + 12, 4);
		memcpy(target + 12, ip + 16, 4);
	} else if (captured >= 40 && ip[0] >> 4 == 6 && ip[6] == IPPROTO_TCP) {
		head = 40;
		length = 40 + (ip[4] << 8 | ip[5]);
		memcpy(source, ip + 8, 16);
		memcpy(target, ip + 24, 16);
	} else {
		return;
	}
	if (captured < head + 20 || length < head)
		return;
	ports[0] = ip[head] << 8 | ip[head + 1];
	ports[1] = ip[head + 2] << 8 | ip[head + 3];
	for (int from = 0; from < 2; from++) {
		if (ports[0] == feed->port[from] && ports[1] == feed->port[!from] &&
		    memcmp(source, feed->address[from], 16) == 0 &&
		    memcmp(target, feed->address[!from], 16) == 0) {
			feed_tcp(feed, from, ip + head, length - head, captured - head);
			return;
		}
	}
}

static void feed_start(struct feed *feed, const char *client, uint16_t client_port,
		       const char *server, uint16_t server_port)
{
	const char *texts[] = {client, server};

	memset(feed, 0, sizeof(*feed));
	for (int i = 0; i < 2; i++) {
		if (inet_pton(AF_INET6, texts[i], feed->address[i]) == 1)
			continue;
		feed->address[i][10] = feed->address[i][11] = 0xff;
		if (inet_pton(AF_INET, texts[i], feed->address[i] + 12) != 1)
			abort();
	}
	feed->port[0] = client_port;
	feed->port[1] = server_port;
	feed->gate.wanted = GATE_PORT_LISTED(server_port);
	feed->gate.found = feed->gate.wanted ? FOUND_PORT : FOUND_NOT;
	session_init(&feed->session, server_port, NULL, NULL, NULL);
}

static void feed_end(struct feed *feed)
{
	for (int from = 0; from < 2; from++) {
		while (feed->side[from].early) {
			feed_missed(feed, from,
				    feed->side[from].early->sequence - feed->side[from].next);
			feed_early(feed, from);
		}
	}
	feed_flush(feed, FROM_CLIENT);
	feed_flush(feed, FROM_SERVER);
	session_end(&feed->session);
}

/* Where IP begins in a frame of this link type, or 0 and false. */
static bool feed_link(int type, const uint8_t *frame, uint32_t captured, uint32_t *head)
{
	switch (type) {
	case DLT_EN10MB:
		*head = 14;
		while (captured >= *head + 4 && frame[*head - 2] == 0x81 && frame[*head - 1] == 0)
			*head += 4;
		return true;
	case DLT_NULL:
		*head = 4;
		return true;
	case DLT_RAW:
		*head = 0;
		return true;
	case DLT_LINUX_SLL:
		*head = 16;
		return true;
	default:
		return false;
	}
}

/* Feeds what `path` has of this connection. False: the file can't be read; *error says why. */
static bool feed_file(struct feed *feed, const char *path, char *error)
{
	pcap_t *pcap = pcap_open_offline(path, error);
	struct pcap_pkthdr *packet;
	const uint8_t *frame;

	if (!pcap)
		return false;
	while (pcap_next_ex(pcap, &packet, &frame) == 1) {
		uint32_t head;

		if (feed_link(pcap_datalink(pcap), frame, packet->caplen, &head) &&
		    packet->caplen > head)
			feed_ip(feed, frame + head, packet->caplen - head);
	}
	pcap_close(pcap);
	feed_end(feed);
	return true;
}

#endif
