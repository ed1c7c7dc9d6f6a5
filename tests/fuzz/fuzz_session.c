/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz_session.c - the session machine on any pieces and notes in any order
 *
 * A piece is a head of two bytes (direction, what it is; its length) and its bytes. Offsets mostly go on, sometimes jump.
 */
#include "fuzz.h"
#include "smtp/session.h"

static void on_recipient(void *context, const char *address, size_t length)
{
	(void)context;
	must(length == 0 || address != NULL);
}

static void on_step(void *context, enum event_direction from, const char *line, size_t length)
{
	(void)context;
	(void)from;
	must(length <= LIMIT_LINE && (length == 0 || line != NULL));
}

static void check(const struct session_facts *facts)
{
	must(facts->from_kept <= LIMIT_SENDERS && facts->from_kept <= facts->from_count);
	must(facts->from_used <= LIMIT_SENDER_BYTES && facts->domains_used <= LIMIT_DOMAIN_BYTES);
	must(facts->greeting.length <= LIMIT_GREETING && facts->helo.length <= LIMIT_HELO);
	must(facts->last_reply.length <= LIMIT_REPLY && facts->sni.length <= LIMIT_SNI);
	must(facts->refused + facts->accepted_recipients <= facts->recipients);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct session session;
	struct input input = {bytes, size};
	uint64_t offset[2] = {0, 0};

	session_init(&session, input_byte(&input) & 1 ? 465 : 25, on_recipient, on_step, NULL);
	while (input.left) {
		uint8_t head = input_byte(&input);
		int from = head & 1;
		enum withheld why = (enum withheld)(head >> 1 & 7);
		uint64_t withheld = why ? input_word(&input) : 0;
		uint32_t length;
		const uint8_t *piece = input_bytes(&input, input_byte(&input), &length);

		if ((head & 0xf0) == 0xf0)
			offset[from] += (uint64_t)(int8_t)input_byte(&input);
		session_data(&session, (enum event_direction)from, offset[from], piece, length,
			     withheld, why, head >> 4 & (DATA_HELLO | DATA_DOT | DATA_PROXY));
		offset[from] += length + withheld;
	}
	session_end(&session);
	check(&session.facts);
	return 0;
}
