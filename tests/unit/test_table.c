/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_table.c - records in any order become whole connections, and nothing grows without bound
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "base/limits.h"
#include "make_connection.h"
#include "store/orphans.h"

#define KEPT 8

/* What the callbacks saw; texts of steps joined by '|'. */
struct seen {
	struct config *config;
	struct judge *judge;
	struct table *table;
	unsigned int ended, progress;
	struct connection last; /* pointers in it are gone */
	bool had_opener;
	uint32_t sender_tgid;
	struct session_facts facts;
	bool had_session;
	char recipients[256];
	size_t recipients_used;
	uint64_t cookies[KEPT];
	char steps[2048];
};

static void on_end(void *context, const struct connection *connection)
{
	struct seen *seen = context;

	seen->cookies[seen->ended++ % KEPT] = connection->cookie;
	seen->last = *connection;
	seen->had_opener = connection->opener != NULL;
	seen->sender_tgid = connection->sender ? connection->sender->id.tgid : 0;
	seen->had_session = connection->session != NULL;
	if (connection->session)
		seen->facts = connection->session->facts;
	seen->recipients_used = connection->recipients_used;
	if (connection->recipients && connection->recipients_used < sizeof(seen->recipients))
		memcpy(seen->recipients, connection->recipients, connection->recipients_used);
}

static void on_progress(void *context, const struct connection *connection)
{
	struct seen *seen = context;

	seen->progress++;
	seen->last = *connection;
}

static void on_step(void *context, const struct connection *connection, uint64_t time,
		    const char *what, const char *line, size_t length)
{
	struct seen *seen = context;
	size_t used = strlen(seen->steps);

	assert_non_null(connection->opener);
	assert_true(time > 0);
	snprintf(seen->steps + used, sizeof(seen->steps) - used, "%s%s%.*s|", what, line ? ":" : "",
		 (int)length, line ? line : "");
}

static int setup_with(void **state, bool all)
{
	struct seen *seen = calloc(1, sizeof(*seen));
	struct table_options options = {.keep_recipients = all,
					.progress_seconds = 30,
					.context = seen,
					.on_end = on_end,
					.on_progress = on_progress,
					.on_step = all ? on_step : NULL};

	seen->config = config_default();
	seen->judge = judge_new(seen->config);
	options.judge = seen->judge;
	seen->table = table_new(&options);
	assert_non_null(seen->table);
	*state = seen;
	return 0;
}

static int setup(void **state)
{
	return setup_with(state, true);
}

static int setup_plain(void **state)
{
	return setup_with(state, false);
}

static int teardown(void **state)
{
	struct seen *seen = *state;

	table_free(seen->table);
	judge_free(seen->judge);
	config_free(seen->config);
	free(seen);
	return 0;
}

static void give_open(struct seen *seen, uint64_t cookie, uint32_t generation, uint64_t time)
{
	struct made_who made;

	make_who(&made, EVENT_OPEN, cookie, time);
	made.open.head.generation = generation;
	assert_int_equal(table_frame(seen->table, FRAME_WHO, &made, made.size), 0);
}

static void give_state(struct seen *seen, uint64_t cookie, uint64_t time, uint32_t transition,
		       int error, uint8_t how)
{
	struct event_state state;

	make_state(&state, cookie, time, transition, error);
	state.how = how;
	state.bytes_out = 10;
	state.sends = 2;
	state.sent_bytes = 20;
	assert_int_equal(table_frame(seen->table, FRAME_EVENT, &state, sizeof(state)), 0);
}

static void give_data(struct seen *seen, uint64_t cookie, uint64_t time, enum event_direction from,
		      uint64_t offset, const char *text)
{
	struct event_data data;
	size_t size =
		make_data(&data, cookie, time, from, offset, text, strlen(text), 0, WITHHELD_NOT);

	assert_int_equal(table_frame(seen->table, FRAME_EVENT, &data, size), 0);
}

static void an_ordinary_connection(void **state)
{
	struct seen *seen = *state;

	give_open(seen, 7, 0, 100);
	give_state(seen, 7, 200, TRANSITION_ESTABLISHED, 0, STATE_VIA_LOOPBACK);
	give_data(seen, 7, 300, FROM_SERVER, 0, "220 hi\r\n");
	give_data(seen, 7, 400, FROM_CLIENT, 0,
		  "EHLO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\n");
	assert_int_equal(table_live(seen->table), 1);
	give_state(seen, 7, 900, TRANSITION_CLOSED, 0, 0);
	assert_int_equal(table_live(seen->table), 0);
	assert_int_equal(seen->ended, 1);
	assert_int_equal(seen->last.reason, CONNECTION_CLOSED);
	assert_true(seen->last.established && seen->last.ended && seen->last.via_loopback);
	assert_int_equal(seen->last.opened, 100);
	assert_int_equal(seen->last.established_at, 200);
	assert_int_equal(seen->last.closed, 900);
	assert_int_equal(seen->last.sends, 2);
	assert_int_equal(seen->last.sent_bytes, 20);
	assert_int_equal(seen->facts.recipients, 1);
	assert_memory_equal(seen->recipients, "d@e.f", 6);
	assert_string_equal(seen->steps,
			    "open|established|server:220 hi|client:EHLO x|client:MAIL FROM:<a@b.c>|"
			    "client:RCPT TO:<d@e.f>|closed|");
}

static void nobody_listens_to_steps(void **state)
{
	struct seen *seen = *state;

	give_open(seen, 7, 0, 100);
	give_data(seen, 7, 300, FROM_CLIENT, 0, "EHLO x\r\nRCPT TO:<d@e.f>\r\n");
	give_state(seen, 7, 900, TRANSITION_CLOSED, ECONNRESET, 0);
	assert_int_equal(seen->last.reason, CONNECTION_RESET);
	assert_int_equal(seen->recipients_used, 0);
	assert_string_equal(seen->steps, "");
}

static void details_before_the_identity_wait_for_it(void **state)
{
	struct seen *seen = *state;

	give_data(seen, 8, 50, FROM_SERVER, 0, "220 hi\r\n");
	give_state(seen, 8, 60, TRANSITION_CLOSED, 0, 0);
	assert_int_equal(seen->ended, 0);
	assert_int_equal(table_orphans(seen->table), 1);
	give_open(seen, 8, 0, 40);
	assert_int_equal(seen->ended, 1);
	assert_true(seen->had_opener && seen->had_session);
	assert_string_equal(seen->steps, "open|server:220 hi|closed|");
	assert_int_equal(table_orphans(seen->table), 0);
}

static void what_never_gets_an_identity_is_counted(void **state)
{
	struct seen *seen = *state;
	uint64_t limit = LIMIT_ORPHAN_SECONDS * MAKE_SECOND;

	give_data(seen, 8, MAKE_SECOND, FROM_SERVER, 0, "220 hi\r\n");
	assert_int_equal(table_tick(seen->table, 2 * MAKE_SECOND), limit - MAKE_SECOND);
	assert_int_equal(table_tick(seen->table, limit + MAKE_SECOND), UINT64_MAX);
	assert_int_equal(table_orphans(seen->table), 1);
	give_open(seen, 8, 0, limit + 2 * MAKE_SECOND);
	table_end(seen->table, limit + 3 * MAKE_SECOND);
	assert_int_equal(seen->ended, 1);
	assert_false(seen->had_session);
	assert_int_equal(seen->last.reason, CONNECTION_OPEN);
	assert_int_equal(seen->last.last_seen, limit + 3 * MAKE_SECOND);
}

static void orphans_are_bounded(void **state)
{
	struct seen *seen = *state;
	char piece[EVENT_PIECE_MAX + 1];

	memset(piece, 'x', EVENT_PIECE_MAX);
	piece[EVENT_PIECE_MAX] = '\0';
	for (uint64_t i = 0; i < LIMIT_ORPHAN_BYTES / EVENT_PIECE_MAX; i++)
		give_data(seen, 1000 + i % 100, 5, FROM_CLIENT, i * EVENT_PIECE_MAX, piece);
	assert_in_range(table_orphans(seen->table), 100, 200);
	give_data(seen, 5000, 6, FROM_SERVER, 0, "220 hi\r\n");
	give_open(seen, 5000, 0, 7);
	assert_non_null(strstr(seen->steps, "220 hi"));
}

static void reason_after(struct seen *seen, uint32_t transition, int error, uint8_t how,
			 enum connection_reason reason)
{
	static uint64_t cookie = 100;

	give_open(seen, ++cookie, 0, 10);
	give_state(seen, cookie, 20, transition, error, how);
	assert_int_equal(seen->last.cookie, cookie);
	assert_int_equal(seen->last.reason, reason);
	assert_int_equal(seen->last.error, error);
	assert_int_equal(seen->last.established,
			 transition == TRANSITION_CLOSED && !(how & STATE_UNANSWERED));
}

static void every_end_has_its_reason(void **state)
{
	struct seen *seen = *state;
	const uint8_t unanswered = STATE_UNANSWERED;

	reason_after(seen, TRANSITION_CLOSED, ECONNREFUSED, unanswered, CONNECTION_REFUSED);
	reason_after(seen, TRANSITION_CLOSED, ETIMEDOUT, unanswered, CONNECTION_TIMEOUT);
	reason_after(seen, TRANSITION_CLOSED, 0, unanswered, CONNECTION_TIMEOUT);
	reason_after(seen, TRANSITION_CLOSED, EHOSTUNREACH, unanswered, CONNECTION_UNREACHABLE);
	reason_after(seen, TRANSITION_CLOSED, ECONNRESET, 0, CONNECTION_RESET);
	reason_after(seen, TRANSITION_CLOSED, EPIPE, 0, CONNECTION_RESET);
	reason_after(seen, TRANSITION_CLOSED, 0, 0, CONNECTION_CLOSED);
	reason_after(seen, TRANSITION_FAILED, ENETUNREACH, 0, CONNECTION_UNREACHABLE);
	reason_after(seen, TRANSITION_FAILED, EACCES, 0, CONNECTION_DENIED);
	reason_after(seen, TRANSITION_FAILED, EPERM, 0, CONNECTION_DENIED);
	reason_after(seen, TRANSITION_FAILED, 0, 0, CONNECTION_UNREACHABLE);
	assert_string_equal(connection_reason_name(CONNECTION_DENIED), "denied");
}

static void a_reconnect_ends_what_was_before(void **state)
{
	struct seen *seen = *state;

	give_open(seen, 9, 0, 10);
	give_open(seen, 9, 2, 30);
	assert_int_equal(seen->ended, 1);
	assert_int_equal(seen->last.generation, 0);
	assert_int_equal(seen->last.closed, 30);
	assert_int_equal(table_live(seen->table), 1);
	table_end(seen->table, 40);
	assert_int_equal(seen->last.generation, 2);
}

static void a_hand_over_names_both(void **state)
{
	struct seen *seen = *state;
	struct made_who made;

	give_open(seen, 9, 0, 10);
	make_who(&made, EVENT_SENDER, 9, 20);
	made.open.sends = 3;
	made.open.sent_bytes = 30;
	made.open.who.tgid = 99;
	assert_int_equal(table_frame(seen->table, FRAME_WHO, &made, made.size), 0);
	make_who(&made, EVENT_SENDER, 9, 25); /* and the opener again */
	assert_int_equal(table_frame(seen->table, FRAME_WHO, &made, made.size), 0);
	give_state(seen, 9, 30, TRANSITION_CLOSED, 0, 0);
	assert_int_equal(seen->sender_tgid, 99);
	assert_int_equal(seen->last.senders, 2);
	assert_int_equal(seen->last.sends, 5);
	assert_int_equal(seen->last.sent_bytes, 50);
	assert_string_equal(seen->steps, "open|sender|closed|");
}

static void an_exec_is_a_hand_over(void **state)
{
	struct seen *seen = *state;
	struct made_who made;

	make_who(&made, EVENT_OPEN, 9, 10);
	made.open.who.exe_inode = 70;
	assert_int_equal(table_frame(seen->table, FRAME_WHO, &made, made.size), 0);
	make_who(&made, EVENT_SENDER, 9, 20);
	made.open.who.exe_inode = 71;
	assert_int_equal(table_frame(seen->table, FRAME_WHO, &made, made.size), 0);
	give_state(seen, 9, 30, TRANSITION_CLOSED, 0, 0);
	assert_int_equal(seen->last.senders, 2);
	assert_string_equal(seen->steps, "open|sender|closed|");
}

static void a_sender_may_come_first(void **state)
{
	struct seen *seen = *state;
	struct made_who made;

	make_who(&made, EVENT_SENDER, 9, 20);
	made.open.who.tgid = 99;
	assert_int_equal(table_frame(seen->table, FRAME_WHO, &made, made.size), 0);
	give_open(seen, 9, 0, 10);
	table_end(seen->table, 30);
	assert_int_equal(seen->sender_tgid, 99);
}

static void the_fuller_identity_stays(void **state)
{
	struct seen *seen = *state;
	struct made_who made;

	make_who(&made, EVENT_OPEN, 9, 20);
	MAKE_TEXTS(&made, NULL, NULL, NULL, "");
	made.open.argv_len = 0;
	made.open.head.size -= 1;
	made.size -= 1;
	made.open.head.flags = EVENT_F_SMALL | EVENT_F_EXISTING;
	assert_int_equal(table_frame(seen->table, FRAME_WHO, &made, made.size), 0);
	give_open(seen, 9, 0, 20);
	assert_int_equal(table_frame(seen->table, FRAME_WHO, &made, made.size), 0);
	assert_int_equal(table_live(seen->table), 1);
	table_end(seen->table, 30);
	assert_int_equal(seen->last.flags, EVENT_F_LISTED | EVENT_F_EXISTING);
	assert_true(seen->last.established);
}

static void one_progress_line_for_what_lasts(void **state)
{
	struct seen *seen = *state;

	give_open(seen, 1, 0, 10 * MAKE_SECOND);
	give_open(seen, 2, 0, 15 * MAKE_SECOND);
	give_open(seen, 3, 0, 16 * MAKE_SECOND);
	assert_int_equal(table_tick(seen->table, 20 * MAKE_SECOND), 20 * MAKE_SECOND);
	give_state(seen, 2, 21 * MAKE_SECOND, TRANSITION_CLOSED, 0, 0);
	assert_int_equal(table_tick(seen->table, 40 * MAKE_SECOND), 6 * MAKE_SECOND);
	assert_int_equal(seen->progress, 1);
	assert_int_equal(seen->last.cookie, 1);
	assert_false(seen->last.ended);
	assert_int_equal(table_tick(seen->table, 50 * MAKE_SECOND), UINT64_MAX);
	assert_int_equal(seen->progress, 2);
	table_tick(seen->table, 500 * MAKE_SECOND);
	assert_int_equal(seen->progress, 2);
}

static void a_full_table_ends_the_oldest(void **state)
{
	struct seen *seen = *state;

	for (uint64_t i = 0; i < LIMIT_CONNECTIONS + 3; i++)
		give_open(seen, 100 + i, 0, 10 + i);
	assert_int_equal(table_live(seen->table), LIMIT_CONNECTIONS);
	assert_int_equal(table_over(seen->table), 3);
	assert_int_equal(seen->ended, 3);
	assert_int_equal(seen->cookies[0], 100);
	assert_int_equal(seen->cookies[2], 102);
	assert_int_equal(seen->last.reason, CONNECTION_OPEN);
}

static void recipients_are_bounded(void **state)
{
	struct seen *seen = *state;
	uint64_t offset = 0;

	give_open(seen, 1, 0, 10);
	for (int i = 0; i < LIMIT_RECIPIENTS + 5; i++) {
		give_data(seen, 1, 20, FROM_CLIENT, offset, "RCPT TO:<someone@example.net>\r\n");
		offset += strlen("RCPT TO:<someone@example.net>\r\n");
	}
	table_end(seen->table, 30);
	assert_int_equal(seen->last.recipients_kept, LIMIT_RECIPIENTS);
	assert_int_equal(seen->recipients_used, LIMIT_RECIPIENTS * sizeof("someone@example.net"));
	assert_int_equal(seen->facts.recipients, LIMIT_RECIPIENTS + 5);
}

static void what_is_no_record_is_refused(void **state)
{
	struct seen *seen = *state;
	struct made_who made;
	struct event_state closed;
	struct event_data data;
	size_t size;

	make_who(&made, EVENT_OPEN, 9, 20);
	assert_int_equal(table_frame(seen->table, FRAME_WHO, &made, 10), -EBADMSG);
	assert_int_equal(table_frame(seen->table, FRAME_WHO, &made, made.size - 1), -EBADMSG);
	assert_int_equal(table_frame(seen->table, FRAME_LOSS, &made, made.size), -EBADMSG);
	made.open.head.kind = EVENT_STATE;
	assert_int_equal(table_frame(seen->table, FRAME_WHO, &made, made.size), -EBADMSG);
	make_who(&made, EVENT_OPEN, 9, 20);
	made.open.exe_len = 5000;
	assert_int_equal(table_frame(seen->table, FRAME_WHO, &made, made.size), -EBADMSG);

	make_state(&closed, 9, 20, TRANSITION_CLOSED, 0);
	assert_int_equal(table_frame(seen->table, FRAME_EVENT, &closed, 8), -EBADMSG);
	assert_int_equal(table_frame(seen->table, FRAME_EVENT, &closed, sizeof(closed) - 8),
			 -EBADMSG);
	closed.head.kind = 77;
	assert_int_equal(table_frame(seen->table, FRAME_EVENT, &closed, sizeof(closed)), -EBADMSG);

	size = make_data(&data, 9, 20, FROM_CLIENT, 0, "QUIT\r\n", 6, 0, WITHHELD_NOT);
	data.direction = 2;
	assert_int_equal(table_frame(seen->table, FRAME_EVENT, &data, size), -EBADMSG);
	data.direction = FROM_CLIENT;
	data.why = WITHHELD_URGENT + 1;
	assert_int_equal(table_frame(seen->table, FRAME_EVENT, &data, size), -EBADMSG);
	data.why = WITHHELD_NOT;
	data.length = 7;
	assert_int_equal(table_frame(seen->table, FRAME_EVENT, &data, size), -EBADMSG);
	assert_int_equal(table_live(seen->table), 0);
	assert_int_equal(table_orphans(seen->table), 0);
}

/* The privileged half looked at the address of the OPEN; what a firewall's hook made of it is another. */
static void another_destination_is_not_the_host(void **state)
{
	struct seen *seen = *state;
	struct made_who made;
	struct event_state closed;

	for (int changed = 0; changed <= 1; changed++) {
		make_who(&made, EVENT_OPEN, 7 + changed, 100);
		made.extra.host_address = 1;
		assert_int_equal(table_frame(seen->table, FRAME_WHO, &made, made.size), 0);
		make_state(&closed, 7 + changed, 200, TRANSITION_CLOSED, 0);
		closed.ends.local_port = 41000;
		if (changed)
			make_address(closed.ends.remote, "203.0.113.8");
		assert_int_equal(table_frame(seen->table, FRAME_EVENT, &closed, sizeof(closed)), 0);
		assert_int_equal(seen->ended, 1 + changed);
		assert_int_equal(seen->last.verdict.class,
				 changed ? VERDICT_BYPASS : VERDICT_LOCAL);
	}
}

/* A fuller identity brings the answer for its own address. */
static void a_fuller_identity_of_another_destination(void **state)
{
	struct seen *seen = *state;
	struct made_who made;

	make_who(&made, EVENT_OPEN, 7, 100);
	made.open.head.flags |= EVENT_F_SMALL;
	assert_int_equal(table_frame(seen->table, FRAME_WHO, &made, made.size), 0);
	make_who(&made, EVENT_OPEN, 7, 110);
	make_address(made.open.ends.remote, "203.0.113.8");
	made.extra.host_address = 1;
	assert_int_equal(table_frame(seen->table, FRAME_WHO, &made, made.size), 0);
	give_state(seen, 7, 200, TRANSITION_CLOSED, 0, 0);
	assert_int_equal(seen->last.verdict.class, VERDICT_BYPASS);
}

static void give_unfollowed(struct seen *seen, uint64_t cookie, uint16_t flags)
{
	struct made_who made;

	make_who(&made, EVENT_OPEN, cookie, 100);
	made.open.head.flags |= EVENT_F_UNFOLLOWED | flags;
	assert_int_equal(table_frame(seen->table, FRAME_WHO, &made, made.size), 0);
}

static void what_cannot_be_followed_is_shown_at_once(void **state)
{
	struct seen *seen = *state;

	give_unfollowed(seen, 7, EVENT_F_LATE);
	assert_int_equal(seen->ended, 1);
	assert_int_equal(table_live(seen->table), 0);
	assert_int_equal(seen->last.reason, CONNECTION_OPEN);
	assert_true(seen->last.ended && !seen->last.established);
	assert_int_equal(seen->last.verdict.class, VERDICT_BYPASS);
	assert_int_equal(seen->last.verdict.reasons,
			 1ull << REASON_DIRECT_MX | 1ull << REASON_UNFOLLOWED);
	give_open(seen, 8, 0, 100);
	give_unfollowed(seen, 8, 0); /* found out later */
	assert_int_equal(seen->ended, 2);
	assert_true(seen->last.verdict.reasons & 1ull << REASON_UNFOLLOWED);
	assert_int_equal(table_live(seen->table), 0);
}

static void freeing_calls_nobody(void **state)
{
	struct seen *seen = *state;

	give_open(seen, 1, 0, 10);
	give_data(seen, 2, 20, FROM_CLIENT, 0, "EHLO x\r\n");
	table_free(seen->table);
	table_free(NULL);
	seen->table = NULL;
	assert_int_equal(seen->ended, 0);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(an_ordinary_connection),
		cmocka_unit_test_setup_teardown(nobody_listens_to_steps, setup_plain, teardown),
		CASE(details_before_the_identity_wait_for_it),
		CASE(what_never_gets_an_identity_is_counted),
		CASE(orphans_are_bounded),
		CASE(every_end_has_its_reason),
		CASE(a_reconnect_ends_what_was_before),
		CASE(a_hand_over_names_both),
		CASE(an_exec_is_a_hand_over),
		CASE(a_sender_may_come_first),
		CASE(the_fuller_identity_stays),
		CASE(one_progress_line_for_what_lasts),
		cmocka_unit_test_setup_teardown(a_full_table_ends_the_oldest, setup_plain,
						teardown),
		CASE(recipients_are_bounded),
		CASE(what_is_no_record_is_refused),
		CASE(another_destination_is_not_the_host),
		CASE(a_fuller_identity_of_another_destination),
		CASE(what_cannot_be_followed_is_shown_at_once),
		CASE(freeing_calls_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
