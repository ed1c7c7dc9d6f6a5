/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz_assembly.c - TCP reassembly on any segments: nothing is told twice, and nothing that is held is forgotten
 *
 * Each segment's bytes are those that its numbers stand for, so that what is told can be checked.
 */
#include "fuzz.h"
#include "base/limits.h"
#include "capture/assembly.h"

struct heard {
	uint32_t start[2];
	uint64_t told[2]; /* bytes and gaps */
};

static uint8_t byte_at(uint32_t sequence)
{
	return (uint8_t)(sequence * 167 >> 3);
}

static void on_bytes(void *context, enum event_direction from, const uint8_t *bytes,
		     uint32_t length)
{
	struct heard *heard = context;
	uint32_t sequence = heard->start[from] + (uint32_t)heard->told[from];

	must(length > 0);
	for (uint32_t i = 0; i < length; i++)
		must(bytes[i] == byte_at(sequence + i));
	heard->told[from] += length;
}

static void on_missing(void *context, enum event_direction from, uint32_t length)
{
	struct heard *heard = context;

	must(length > 0);
	heard->told[from] += length;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const struct assembly_output output = {on_bytes, on_missing};
	struct assembly_budget budget = {.most = 4096};
	struct input input = {bytes, size};
	struct assembly assembly;
	struct heard heard = {{0}, {0}};
	uint8_t payload[1024];

	heard.start[FROM_CLIENT] = 0xfffffe00u;
	heard.start[FROM_SERVER] = 0x7ffffe00u;
	assembly_init(&assembly, &output, &heard, &budget);
	while (input.left) {
		uint8_t head = input_byte(&input);
		int from = head & 1;
		struct packet_tcp tcp;

		memset(&tcp, 0, sizeof(tcp));
		tcp.flags = head & 2 ? PACKET_ACK : 0;
		tcp.flags |= (head & 0x1c) == 0x1c ? PACKET_FIN : 0;
		tcp.sequence = heard.start[from] + input_word(&input);
		if ((head & 0xe0) == 0xe0) /* far away */
			tcp.sequence += (uint32_t)input_byte(&input) << 24;
		tcp.acknowledged = heard.start[!from] + input_word(&input);
		tcp.length = input_word(&input) % sizeof(payload);
		tcp.captured = head & 0x40 ? tcp.length / 2 : tcp.length;
		tcp.bytes = payload;
		for (uint32_t i = 0; i < tcp.captured; i++)
			payload[i] = byte_at(tcp.sequence + i);
		if (!assembly.side[from].known)
			heard.start[from] = tcp.sequence;
		assembly_packet(&assembly, (enum event_direction)from, &tcp);
		must(budget.used == assembly.held && budget.used <= budget.most);
	}
	assembly_end(&assembly);
	must(budget.used == 0 && !assembly.side[0].early && !assembly.side[1].early);
	return 0;
}
