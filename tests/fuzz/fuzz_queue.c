/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz_queue.c - any text as what an MTA's tool says of its queue
 */
#include "fuzz.h"
#include "store/queue_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct input input = {bytes, size};
	enum queue_mta mta = input_byte(&input) % QUEUE_MTAS;
	struct bytes text = {(const char *)input.at, input.left};
	struct queue_list list;

	queue_list_read(mta, text, INT64_C(1795881600), 0, &list);
	must(list.messages <= text.length && list.oldest >= 0 && list.oldest < INT64_C(1) << 33);
	must(list.deferred >= QUEUE_UNTOLD && list.deferred <= (int64_t)list.messages);
	must(list.held >= QUEUE_UNTOLD && list.held <= (int64_t)list.messages);
	return 0;
}
