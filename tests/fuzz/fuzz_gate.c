/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz_gate.c - the gate on any bytes in any pieces: it always moves on, and never keeps more than it was given
 */
#include "fuzz.h"

#define GATE_PORT_LISTED(port) ((port) == 25 || (port) == 465 || (port) == 587)
#include "gate.h"

static void feed(struct gate *gate, int from, const uint8_t *bytes, uint32_t length)
{
	while (length) {
		struct gate_cut cut = {0};
		struct gate_piece piece;
		uint32_t used;
		uint8_t why;

		used = from == FROM_CLIENT ? gate_client_skips(gate, length, &why)
					   : gate_server_skips(gate, length, &why);
		must(used <= length);
		if (!used) {
			uint32_t size = length < GATE_PIECE ? length : GATE_PIECE;

			memcpy(piece.bytes, bytes, size);
			if (from == FROM_CLIENT)
				gate_client(gate, &piece, size, &cut);
			else
				gate_server(gate, &piece, size, &cut);
			must(cut.used && cut.used <= size && cut.keep <= cut.used);
			must(cut.keep == cut.used || (cut.why && cut.why <= WITHHELD_URGENT));
			used = cut.used;
		}
		bytes += used;
		length -= used;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct input input = {bytes, size};
	struct gate gate;

	memset(&gate, 0, sizeof(gate));
	gate.wanted = input_byte(&input) & 1;
	gate.found = gate.wanted ? FOUND_PORT : FOUND_NOT;
	while (input.left) {
		uint8_t head = input_byte(&input);
		uint32_t length;
		const uint8_t *piece =
			input_bytes(&input, (size_t)input_byte(&input) << (head >> 6), &length);

		if ((head & 0x3e) == 0x3e)
			gate_missed(&gate, head & 1);
		feed(&gate, head & 1, piece, length);
	}
	return 0;
}
