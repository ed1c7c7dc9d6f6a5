/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_capture.c - link types, IP in all its forms, and how connections begin, end and fail in a capture
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "capture/filter.h"
#include "scripts.h"

#define SECOND UINT64_C(1000000000)
#define MAIL (&smtp_scripts[0])

static struct segments list;
static struct run run;

static void start(void)
{
	assert_true(run_start(&run));
	segments_make(&list, MAIL, NULL);
}

static struct run_connection *end(void)
{
	run_end(&run);
	assert_int_equal(run.count, 1);
	return &run.kept[0];
}

/* A frame of this link type: its head, then a packet of `length` bytes. */
static void feed_frame(int link, const uint8_t *head, size_t head_length, const uint8_t *packet,
		       uint32_t length)
{
	static uint8_t frame[70000];
	uint32_t whole = (uint32_t)head_length + length;

	memcpy(frame, head, head_length);
	memcpy(frame + head_length, packet, length);
	flows_packet(run.flows, link, SECOND, frame, whole, whole);
}

struct link {
	int type;
	uint8_t head[40];
	size_t length;
};

static void test_link_types(void **state)
{
	static const struct link links[] = {
		{DLT_EN10MB, {[12] = 8}, 14},
		{DLT_EN10MB, {[12] = 0x81, [16] = 8}, 18},
		{DLT_EN10MB, {[12] = 0x88, [13] = 0xa8, [16] = 0x81, [20] = 8}, 22},
		{DLT_EN10MB, {[12] = 0x88, [13] = 0x64, [14] = 0x11, [21] = 0x21}, 22},
		{DLT_LINUX_SLL, {[14] = 8}, 16},
		{DLT_LINUX_SLL2, {[0] = 8}, 20},
		{DLT_RAW, {0}, 0},
		{DLT_IPV4, {0}, 0},
		{DLT_NULL, {2}, 4},
		{DLT_LOOP, {[3] = 2}, 4},
	};
	uint8_t packet[2048];

	(void)state;
	for (size_t n = 0; n < sizeof(links) / sizeof(links[0]); n++) {
		assert_true(packet_link_known(links[n].type));
		start();
		for (unsigned int i = 0; i < list.count; i++) {
			uint32_t length = put_packet(packet, &list.all[i], MAIL->port);

			/* Ethernet pads short frames. */
			memset(packet + length, 0xee, 6);
			feed_frame(links[n].type, links[n].head, links[n].length, packet,
				   length + 6);
		}
		assert_int_equal(end()->facts.accepted, 1);
		assert_int_equal(run.kept[0].facts.gaps, 0);
		run_free(&run);
	}
}

/* Behind hop-by-hop, destination, routing and authentication headers. */
static void test_ipv6_extensions(void **state)
{
	static const uint8_t chain[] = {60, 0, 0, 0, 0, 0, 0, 0, 43, 1,	 0, 0, 0, 0, 0,
					0,  0, 0, 0, 0, 0, 0, 0, 0,  51, 0, 0, 0, 0, 0,
					0,  0, 6, 1, 0, 0, 0, 0, 0,  0,	 0, 0, 0, 0};
	uint8_t packet[4096];

	(void)state;
	start();
	for (unsigned int i = 0; i < list.count; i++) {
		bool server = list.all[i].from == FROM_SERVER;
		uint32_t at = 40 + sizeof(chain);
		uint32_t length = at + put_tcp(packet + at, &list.all[i], MAIL->port);

		memset(packet, 0, 40);
		packet[0] = 0x60;
		put16(packet + 4, length - 40);
		packet[8] = packet[24] = 0x20;
		packet[23] = server;
		packet[39] = !server;
		memcpy(packet + 40, chain, sizeof(chain));
		flows_packet(run.flows, DLT_RAW, SECOND, packet, length, length);
	}
	assert_int_equal(end()->facts.accepted, 1);
	run_free(&run);
}

/* An IPv4 packet in two pieces, the second first, then both again with other bytes. */
static void feed_fragments(const struct segment *segment, uint16_t id)
{
	uint8_t packet[2048], part[2048];
	uint32_t length = put_packet(packet, segment, MAIL->port), cut = 24;

	for (int turn = 0; turn < 3; turn++) {
		bool first = turn != 0;
		uint32_t from = first ? 0 : cut, to = first ? cut : length - 20;

		if (length - 20 <= cut) {
			flows_packet(run.flows, DLT_RAW, SECOND, packet, length, length);
			return;
		}
		memcpy(part, packet, 20);
		memcpy(part + 20, packet + 20 + from, to - from);
		put16(part + 2, 20 + to - from);
		put16(part + 4, id);
		put16(part + 6, from / 8 | (first ? 0x2000 : 0));
		if (turn == 1) /* what comes second does not count, even in the same place */
			flows_packet(run.flows, DLT_RAW, SECOND, part, 20 + to - from,
				     20 + to - from);
		memset(part + 20, 'x', to - from);
		if (turn == 0) {
			memcpy(part + 20, packet + 20 + from, to - from);
			flows_packet(run.flows, DLT_RAW, SECOND, part, 20 + to - from,
				     20 + to - from);
			memset(part + 20, 'x', to - from);
			flows_packet(run.flows, DLT_RAW, SECOND, part, 20 + to - from,
				     20 + to - from);
		}
	}
}

static void test_fragments(void **state)
{
	(void)state;
	start();
	for (unsigned int i = 0; i < list.count; i++)
		feed_fragments(&list.all[i], (uint16_t)(i + 1));
	assert_int_equal(end()->facts.accepted, 1);
	assert_int_equal(run.kept[0].facts.gaps, 0);
	assert_int_equal(flows_counts(run.flows).incomplete, 0);
	run_free(&run);
}

/* Thousands of first fragments: what waits is bounded and counted. */
static void test_fragments_flood(void **state)
{
	uint8_t packet[64] = {0x45, 0, 0, 28, 0, 0, 0x20, 0, 64, 6};

	(void)state;
	start();
	for (unsigned int i = 0; i < 5000; i++) {
		put16(packet + 4, i);
		flows_packet(run.flows, DLT_RAW, SECOND, packet, 28, 28);
	}
	assert_int_equal(flows_counts(run.flows).incomplete, 5000);
	run_free(&run);
}

/* A snap length that cuts everything: the dialogue's beginnings are there, the rest is a gap. */
static void test_snap_length(void **state)
{
	uint8_t packet[2048];
	struct run_connection *found;

	(void)state;
	start();
	for (unsigned int i = 0; i < list.count; i++) {
		uint32_t length = put_packet(packet, &list.all[i], MAIL->port);

		flows_packet(run.flows, DLT_RAW, SECOND + i, packet, length < 52 ? length : 52,
			     length);
	}
	found = end();
	assert_true(found->facts.gaps > 0);
	assert_int_equal(found->connection.reason, CONNECTION_CLOSED);
	assert_true(flows_counts(run.flows).cut > 0);
	run_free(&run);
}

static void feed(unsigned int first, unsigned int count)
{
	for (unsigned int i = first; i < first + count; i++)
		feed_segment(&run, &list.all[i], MAIL->port, SECOND + i);
}

static void test_refused_and_unanswered(void **state)
{
	struct segment reset = {FROM_SERVER, 0, CLIENT_ISN + 1, PACKET_RST | PACKET_ACK, NULL, 0};
	struct run_connection *found;

	(void)state;
	start();
	feed(0, 1);
	feed_segment(&run, &reset, MAIL->port, 2 * SECOND);
	found = end();
	assert_int_equal(found->connection.reason, CONNECTION_REFUSED);
	assert_false(found->connection.established);
	assert_true(found->connection.verdict.reasons & 1u << REASON_ATTEMPT_ONLY);
	run_free(&run);

	/* Nothing else for minutes: a timeout. At the end of the capture: still open. */
	start();
	feed(0, 1);
	reset.from = FROM_CLIENT;
	feed_segment(&run, &reset, 4000, 200 * SECOND);
	assert_int_equal(end()->connection.reason, CONNECTION_TIMEOUT);
	run_free(&run);
	start();
	feed(0, 1);
	assert_int_equal(end()->connection.reason, CONNECTION_OPEN);
	run_free(&run);
}

static void test_reset(void **state)
{
	struct segment reset;

	(void)state;
	start();
	feed(0, 8);
	reset = list.all[7];
	reset.from = FROM_SERVER;
	reset.sequence = list.all[7].from == FROM_SERVER ? list.all[7].sequence + list.all[7].length
							 : list.all[7].acknowledged;
	reset.length = 0;
	reset.flags = PACKET_RST;
	/* One from long ago does nothing. */
	reset.sequence -= 100;
	feed_segment(&run, &reset, MAIL->port, 2 * SECOND);
	reset.sequence += 100;
	feed_segment(&run, &reset, MAIL->port, 3 * SECOND);
	assert_int_equal(end()->connection.reason, CONNECTION_RESET);
	assert_int_equal(run.kept[0].connection.closed, 3 * SECOND);
	run_free(&run);
}

/* The same ports again: another connection; a SYN in the midst of a living one is none. */
static void test_ports_again(void **state)
{
	struct segment stray;

	(void)state;
	start();
	feed(0, list.count);
	for (unsigned int i = 0; i < list.count; i++) {
		struct segment segment = list.all[i];

		segment.sequence += 5000;
		segment.acknowledged += 5000;
		feed_segment(&run, &segment, MAIL->port, 2 * SECOND);
		stray = list.all[0];
		stray.sequence = 99;
		if (i == 6)
			feed_segment(&run, &stray, MAIL->port, 2 * SECOND);
	}
	run_end(&run);
	assert_int_equal(run.count, 2);
	assert_int_equal(run.kept[1].facts.accepted, 1);
	assert_int_equal(run.kept[1].facts.gaps, 0);
	run_free(&run);
}

/* Only one of the two directions was captured. */
static void test_one_sided(void **state)
{
	(void)state;
	for (int side = FROM_CLIENT; side <= FROM_SERVER; side++) {
		struct run_connection *found;

		start();
		for (unsigned int i = 0; i < list.count; i++)
			if ((int)list.all[i].from == side)
				feed(i, 1);
		found = end();
		assert_int_equal(found->facts.gaps, 0);
		assert_int_equal(found->connection.reason, CONNECTION_CLOSED);
		if (side == FROM_CLIENT)
			assert_int_equal(found->facts.messages, 1);
		else
			assert_true(found->facts.replies[0] > 0);
		run_free(&run);
	}
}

/* The capture began later than the connection. */
static void test_joined_late(void **state)
{
	struct run_connection *found;

	(void)state;
	start();
	feed(6, list.count - 6);
	found = end();
	assert_true(found->connection.flags & EVENT_F_EXISTING);
	assert_int_equal(found->facts.from_count, 1);
	assert_int_equal(found->facts.accepted, 1);
	run_free(&run);
}

/* Segments copied with other bytes: the first ones stay. */
static void test_first_wins(void **state)
{
	struct segment forged;

	(void)state;
	start();
	for (unsigned int i = 0; i < list.count; i++) {
		feed(i, 1);
		forged = list.all[i];
		forged.bytes = "RCPT TO:<forged@x.example>\r\nRCPT TO:<forged@x.example>\r\n";
		if (forged.length > 50)
			forged.length = 50;
		if (list.all[i].length)
			feed_segment(&run, &forged, MAIL->port, SECOND);
	}
	assert_int_equal(end()->facts.recipients, 1);
	run_free(&run);
}

static void test_filter(void **state)
{
	const uint8_t nothing[60] = {0};
	struct file_packet packet = {.link = DLT_EN10MB, .bytes = nothing};
	char error[512] = "";

	(void)state;
	assert_true(filter_passes(NULL, &packet));
	assert_null(filter_new("no such words", error, sizeof(error)));
	assert_true(error[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_link_types),  cmocka_unit_test(test_ipv6_extensions),
		cmocka_unit_test(test_fragments),   cmocka_unit_test(test_fragments_flood),
		cmocka_unit_test(test_snap_length), cmocka_unit_test(test_refused_and_unanswered),
		cmocka_unit_test(test_reset),	    cmocka_unit_test(test_ports_again),
		cmocka_unit_test(test_one_sided),   cmocka_unit_test(test_joined_late),
		cmocka_unit_test(test_first_wins),  cmocka_unit_test(test_filter),
	};

	return cmocka_run_group_tests_name("capture", tests, NULL, NULL);
}
