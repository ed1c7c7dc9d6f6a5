/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_properties.c - how bytes come in packets says nothing about what they mean
 *
 * Dialogues are cut, mixed up within a window, doubled and cut short at random; the seed is fixed and told when a case fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "scripts.h"

#define ROUNDS 200
#define WINDOW 12 /* packets that one can overtake */

static uint32_t dice_state;

/* xorshift32: the same on every machine. */
static uint32_t dice(uint32_t sides)
{
	dice_state ^= dice_state << 13;
	dice_state ^= dice_state >> 17;
	dice_state ^= dice_state << 5;
	return dice_state % sides;
}

static uint32_t some(uint32_t left)
{
	uint32_t most = dice(4) == 0 ? 1 : dice(3) == 0 ? left : 24;

	return 1 + dice(most < left ? most : left);
}

static void run_segments(const struct segments *list, unsigned int count, uint16_t port,
			 struct run_connection *result)
{
	struct run run;

	assert_true(run_start(&run));
	for (unsigned int i = 0; i < count; i++)
		feed_segment(&run, &list->all[i], port, 1000000000u + i);
	run_end(&run);
	memset(result, 0, sizeof(*result));
	if (run.count)
		*result = run.kept[0];
	assert_true(run.count <= 1);
	run_free(&run);
}

/* Neither the handshake nor the last word moves. */
static void mix(struct segments *list)
{
	for (unsigned int i = 3; i + 3 < list->count; i++) {
		unsigned int room = list->count - 3 - i;
		unsigned int other = i + dice(room < WINDOW ? room : WINDOW);
		struct segment kept = list->all[i];

		if (dice(3))
			continue;
		list->all[i] = list->all[other];
		list->all[other] = kept;
	}
}

/* Sends some again, whole or in part, later than the original. */
static void repeat(struct segments *list)
{
	unsigned int original = list->count;

	for (unsigned int n = 0; n < original / 4 && list->count < SEGMENTS_MAX; n++) {
		unsigned int from = 3 + dice(original - 6);
		unsigned int to = from + 1 + dice(list->count - 3 - from);
		struct segment again = list->all[from];
		uint32_t skip = again.length > 1 ? dice(again.length) : 0;

		again.sequence += skip;
		again.bytes += again.bytes ? skip : 0;
		again.length -= skip;
		memmove(&list->all[to + 1], &list->all[to],
			(list->count - to) * sizeof(list->all[0]));
		list->all[to] = again;
		list->count++;
	}
}

/* Where in struct session_facts, for who looks for the reason. */
static const char *first_difference(const struct session_facts *right,
				    const struct session_facts *found)
{
	static char text[64];
	size_t at = 0;

	while (((const uint8_t *)right)[at] == ((const uint8_t *)found)[at])
		at++;
	snprintf(text, sizeof(text), "facts from byte %zu on", at);
	return text;
}

static void assert_same(const struct dialogue *script, uint32_t seed,
			const struct run_connection *right, const struct run_connection *found)
{
	const char *what = NULL;

	if (found->connection.found != right->connection.found)
		what = "found_by";
	else if (found->connection.reason != right->connection.reason)
		what = "reason";
	else if (found->connection.bytes_out != right->connection.bytes_out ||
		 found->connection.bytes_in != right->connection.bytes_in)
		what = "bytes";
	else if (found->connection.verdict.reasons != right->connection.verdict.reasons)
		what = "reasons";
	else if (memcmp(&found->facts, &right->facts, sizeof(found->facts)) != 0)
		what = first_difference(&right->facts, &found->facts);
	if (what)
		fail_msg("%s, seed %u: other %s (gaps %u, messages %u, replies %u/%u)",
			 script->name, seed, what, found->facts.gaps, found->facts.messages,
			 found->facts.replies[0], right->facts.replies[0]);
}

static void any_order(bool mixed)
{
	static struct segments list;
	struct run_connection right, found;

	for (size_t n = 0; n < SMTP_SCRIPTS; n++) {
		const struct dialogue *script = &smtp_scripts[n];

		segments_make(&list, script, NULL);
		run_segments(&list, list.count, script->port, &right);
		assert_true(right.has_session);
		assert_int_equal(right.facts.gaps, 0);
		assert_int_equal(right.connection.reason, CONNECTION_CLOSED);
		for (uint32_t round = 1; round <= ROUNDS; round++) {
			uint32_t seed = dice_state = round * 2654435761u + (uint32_t)n;

			segments_make(&list, script, some);
			if (mixed) {
				mix(&list);
				repeat(&list);
			}
			run_segments(&list, list.count, script->port, &found);
			assert_same(script, seed, &right, &found);
		}
	}
}

static void test_any_cut(void **state)
{
	(void)state;
	any_order(false);
}

static void test_any_order(void **state)
{
	(void)state;
	any_order(true);
}

/* A prefix claims nothing that the whole does not. */
static void test_any_prefix(void **state)
{
	static struct segments list;
	struct run_connection right, found;

	(void)state;
	for (size_t n = 0; n < SMTP_SCRIPTS; n++) {
		const struct dialogue *script = &smtp_scripts[n];

		segments_make(&list, script, NULL);
		run_segments(&list, list.count, script->port, &right);
		dice_state = 77 + (uint32_t)n;
		segments_make(&list, script, some);
		for (unsigned int count = 0; count < list.count; count++) {
			run_segments(&list, count, script->port, &found);
			assert_int_equal(found.facts.gaps, 0);
			assert_true(found.facts.messages <= right.facts.messages);
			assert_true(found.facts.accepted <= right.facts.accepted);
			assert_true(found.facts.recipients <= right.facts.recipients);
			assert_true(found.facts.refused <= right.facts.refused);
			assert_true(found.facts.from_count <= right.facts.from_count);
			for (int i = 0; i < 4; i++)
				assert_true(found.facts.replies[i] <= right.facts.replies[i]);
		}
	}
}

/* What is lost is a gap, in whichever direction, and never a claim. */
static void test_any_loss(void **state)
{
	static struct segments list;
	struct run_connection right, found;

	(void)state;
	for (size_t n = 0; n < SMTP_SCRIPTS; n++) {
		const struct dialogue *script = &smtp_scripts[n];

		segments_make(&list, script, NULL);
		run_segments(&list, list.count, script->port, &right);
		for (unsigned int lost = 3; lost + 3 < list.count; lost++) {
			struct segment kept = list.all[lost];

			memmove(&list.all[lost], &list.all[lost + 1],
				(list.count - lost - 1) * sizeof(kept));
			run_segments(&list, list.count - 1, script->port, &found);
			memmove(&list.all[lost + 1], &list.all[lost],
				(list.count - lost - 1) * sizeof(kept));
			list.all[lost] = kept;
			assert_true(found.facts.messages <= right.facts.messages);
			assert_true(found.facts.recipients <= right.facts.recipients);
		}
	}
}

static void test_not_smtp(void **state)
{
	static struct segments list;
	struct run_connection found;

	(void)state;
	for (size_t n = 0; n < OTHER_SCRIPTS; n++) {
		const struct dialogue *script = &other_scripts[n];

		for (uint32_t round = 1; round <= 20; round++) {
			dice_state = round * 7919;
			segments_make(&list, script, round == 1 ? NULL : some);
			run_segments(&list, list.count, script->port, &found);
			if (found.connection.cookie)
				fail_msg("%s is taken for SMTP", script->name);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_cut),	   cmocka_unit_test(test_any_order),
		cmocka_unit_test(test_any_prefix), cmocka_unit_test(test_any_loss),
		cmocka_unit_test(test_not_smtp),
	};

	return cmocka_run_group_tests_name("properties", tests, NULL, NULL);
}
