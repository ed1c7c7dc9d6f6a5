/* SPDX-License-Identifier: GPL-2.0-only */
/* What MTAs say of their queues: as Postfix 3.7, Exim 4.96, Sendmail 8.17 and OpenSMTPD 6.8 print it, cut, and hostile. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "make_connection.h"
#include "present/present.h"
#include "shown.h"
#include "store/queue_list.h"
#include "store/queues.h"

#define NOW INT64_C(1795881600) /* 2026-11-28T16:00:00Z */

static const char postfix[] =
	"{\"queue_name\": \"deferred\", \"queue_id\": \"72E2C104523\", \"arrival_time\": "
	"1795879754, "
	"\"message_size\": 322, \"forced_expire\": false, \"sender\": \"a@actor.example\", "
	"\"recipients\": [{\"address\": \"b@victim.example\", \"delay_reason\": \"connect to "
	"203.0.113.7[203.0.113.7]:25: Connection refused\"}]}\n"
	"{\"queue_name\": \"active\", \"queue_id\": \"416221045D3\", \"arrival_time\": 1795879723, "
	"\"message_size\": 322, \"forced_expire\": false, \"sender\": \"\", \"recipients\": "
	"[{\"address\": \"b@victim.example\"}]}\n"
	"{\"queue_name\": \"hold\", \"queue_id\": \"41622104600\", \"arrival_time\": 1795879724, "
	"\"message_size\": 322, \"forced_expire\": false, \"sender\": \"\\\"}\\n{\\\"@x.example\", "
	"\"recipients\": []}\n";

static const char exim[] = " 0m   284 1xXJvB-0006ew-09 <alice@example.org>\n"
			   "          bob@example.net\n"
			   "        D carol@example.com\n"
			   "\n"
			   "25h  2.9K 1xXJv5-0006g6-0c <\"a b *** frozen ***\"@example.org>\n"
			   "          \"9m 1K 000000-000000-00\"@example.net\n"
			   "\n"
			   " 3d   245 1xXJvC-0006gB-0n <> *** frozen ***\n"
			   "          dave@example.net\n"
			   "\n";

static const char sendmail[] =
	"\t\t/var/spool/mqueue (2 requests)\n"
	"-----Q-ID----- --Size-- -----Q-Time----- ------------Sender/Recipient-----------\n"
	"6ASFCLFW008578*       6 Sat Nov 28 15:12 \"a b Total requests: 9\"@example.org\n"
	"                 (Deferred: Connection refused by [127.0.0.1])\n"
	"\t\t\t\t\t bob@example.net\n"
	"6ASFBKg7006754        6 Sat Nov 28 15:11 alice@example.org\n"
	"\t\t\t\t\t bob@example.net\n"
	"\t\t\t\t\t carol@example.com\n"
	"\t\tTotal requests: 2\n";

static const char opensmtpd[] =
	"67fe848577aff2e2|local|mta|auth|alice@example.org|carol@example.com|carol@example.com|"
	"1795879052|1795879052|1795879052|0|inflight|1|\n"
	"67fe84859d8c2d02|local|mta|auth|alice@example.org|bob@example.net|bob@example.net|"
	"1795879050|1795879052|1795879052|3|pending|90|Network error on destination MXs\n"
	"a9d929b0888d8102|local|mta|auth|a|b@example.org|c|1|2|3|4|pending|x@example.net|"
	"c|1|2|3|4|pending|x@example.net|1795879052|1795879052|1795879052|0|inflight|1|\n";

static struct queue_list list;

static void read_list(enum queue_mta mta, const char *text, size_t length)
{
	/* At the end of its own memory, for the sanitizer. */
	char *own = malloc(length ? length : 1);

	memcpy(own, text, length);
	queue_list_read(mta, (struct bytes){own, length}, NOW, 0, &list);
	free(own);
}

static void is(uint64_t messages, int64_t deferred, int64_t held, int64_t oldest)
{
	assert_int_equal(list.messages, messages);
	assert_int_equal(list.deferred, deferred);
	assert_int_equal(list.held, held);
	assert_int_equal(list.oldest, oldest);
}

static void from_postfix(void **state)
{
	(void)state;
	read_list(QUEUE_POSTFIX, postfix, strlen(postfix));
	is(3, 1, 1, 1795879723);
	read_list(QUEUE_POSTFIX, "", 0);
	is(0, 0, 0, 0);
#define FUTURE "{\"arrival_time\": 9223372036854775807}\n"
	read_list(QUEUE_POSTFIX, FUTURE, strlen(FUTURE));
	is(1, 0, 0, 0);
	/* What is no object of that kind is still a message; what is none at all is not. */
	read_list(QUEUE_POSTFIX, "{\n{}\nx\n[{\n{\"arrival_time\": \"1\", \"queue_name\": 7}\n",
		  48);
	is(3, 0, 0, 0);
}

/* Ages are told in steps; the id has it by the second. */
static void from_exim(void **state)
{
	(void)state;
	read_list(QUEUE_EXIM, exim, strlen(exim));
	is(3, QUEUE_UNTOLD, 1, 1795878055);
#define NEWER "10m  1.0K 1rNxJc-00000000abc-1DeF <a@b.example>\n"
	read_list(QUEUE_EXIM, NEWER, strlen(NEWER));
	is(1, QUEUE_UNTOLD, 0, 1704988196);
#define BROKEN "10m       1xXJvB-0006ew-09 *** spool format error: size=3 ***\n"
	read_list(QUEUE_EXIM, BROKEN, strlen(BROKEN));
	is(1, QUEUE_UNTOLD, 0, 1795878061);
}

/* Local times without a year, and a list that was made before the turn of it. */
static void from_sendmail(void **state)
{
	(void)state;
	read_list(QUEUE_SENDMAIL, sendmail, strlen(sendmail));
	is(2, 1, QUEUE_UNTOLD, NOW - 49 * 60);
	queue_list_read(QUEUE_SENDMAIL, bytes_of(sendmail), NOW, 3600, &list);
	is(2, 1, QUEUE_UNTOLD, NOW - 49 * 60 - 3600);
	queue_list_read(QUEUE_SENDMAIL, bytes_of(sendmail), NOW - 30 * 86400, 0, &list);
	is(2, 1, QUEUE_UNTOLD, NOW - 49 * 60 - 365 * 86400);
#define DONE "6ASFCLFW008578 (job completed)\n6ASFBKg7006754 (Permission denied)\n"
	read_list(QUEUE_SENDMAIL, DONE, strlen(DONE));
	is(2, 0, QUEUE_UNTOLD, 0);
#define EMPTY "/var/spool/mqueue is empty\n\t\tTotal requests: 0\n"
	read_list(QUEUE_SENDMAIL, EMPTY, strlen(EMPTY));
	is(0, 0, QUEUE_UNTOLD, 0);
}

/* Whose addresses could be taken for other fields tells no time. */
static void from_opensmtpd(void **state)
{
	(void)state;
	read_list(QUEUE_OPENSMTPD, opensmtpd, strlen(opensmtpd));
	is(2, 1, QUEUE_UNTOLD, 1795879050);
}

static const struct sample {
	enum queue_mta mta;
	const char *text;
	size_t length;
	uint64_t messages;
} samples[] = {
	{QUEUE_POSTFIX, postfix, sizeof(postfix) - 1, 3},
	{QUEUE_EXIM, exim, sizeof(exim) - 1, 3},
	{QUEUE_SENDMAIL, sendmail, sizeof(sendmail) - 1, 2},
	{QUEUE_OPENSMTPD, opensmtpd, sizeof(opensmtpd) - 1, 2},
};

/* Wherever it ends, there are no more messages than in the whole, and no fewer than before; another byte makes two more at most. */
static void cut_anywhere(void **state)
{
	char changed[2048];

	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		const struct sample *sample = &samples[i];
		uint64_t before = 0;

		for (size_t length = 0; length <= sample->length; length++) {
			read_list(sample->mta, sample->text, length);
			assert_in_range(list.messages, before, sample->messages);
			before = list.messages;
		}
		assert_int_equal(before, sample->messages);
		for (size_t at = 0; at < sample->length; at++) {
			memcpy(changed, sample->text, sample->length);
			for (int byte = 0; byte < 256; byte += 17) {
				changed[at] = (char)byte;
				read_list(sample->mta, changed, sample->length);
				assert_in_range(list.messages, 0, sample->messages + 2);
				assert_in_range(list.oldest, 0, INT64_C(1) << 33);
			}
		}
	}
}

static void deep_and_wide(void **state)
{
	size_t size = 1 << 20;
	char *text = malloc(size);

	(void)state;
	memset(text, '{', size);
	read_list(QUEUE_POSTFIX, text, size);
	is(1, 0, 0, 0);
	for (size_t i = 0; i < size; i++)
		text[i] = "{\"a\":["[i % 6];
	read_list(QUEUE_POSTFIX, text, size);
	is(1, 0, 0, 0);
	memset(text, '|', size);
	read_list(QUEUE_OPENSMTPD, text, size);
	is(0, 0, QUEUE_UNTOLD, 0);
	free(text);
}

static struct queues queues;

static int begin(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	memset(&queues, 0, sizeof(queues));
	return 0;
}

static int finish(void **state)
{
	(void)state;
	queues_free(&queues);
	free(shown);
	shown = NULL;
	return 0;
}

static int frame(enum queue_mta mta, enum tool_end end, const char *said, const char *text,
		 size_t length)
{
	struct frame_queue queue = {.mta = mta, .end = end, .status = 69};
	char payload[sizeof(queue) + 4096];

	snprintf(queue.said, sizeof(queue.said), "%s", said);
	memcpy(payload, &queue, sizeof(queue));
	memcpy(payload + sizeof(queue), text, length);
	return queues_frame(&queues, payload, sizeof(queue) + length, NOW);
}

static void print(bool json)
{
	struct present_options options = {.width = 160, .snapshot = true, .json = json};
	struct snapshot_search search = {.queues = &queues};
	struct frame_start start = {.port_count = 0};
	struct frame_end end = {.status = 0};
	struct present *present;

	free(shown);
	options.out = open_memstream(&shown, &shown_size);
	present = present_new(&options);
	assert_non_null(present);
	present_start(present, &start, 0, NOW * 1000000000);
	present_looked(present, &search);
	present_end(present, &end, NULL, 0, 0, 0, 0, NOW * 1000000000);
	present_free(present);
	fclose(options.out);
}

static void in_words(void **state)
{
	(void)state;
	for (size_t at = 0; at + 100 < strlen(postfix); at += 100)
		assert_int_equal(frame(QUEUE_POSTFIX, TOOL_RUNS, "", postfix + at, 100), 0);
	assert_int_equal(frame(QUEUE_POSTFIX, TOOL_DONE, "", postfix + strlen(postfix) / 100 * 100,
			       strlen(postfix) % 100),
			 0);
	assert_int_equal(frame(QUEUE_EXIM, TOOL_LATE, "", exim, strlen(exim)), 0);
	assert_int_equal(
		frame(QUEUE_SENDMAIL, TOOL_FAILED, "can not chdir(\033[2J): no\nmore", "", 0), 0);
	assert_int_equal(frame(QUEUE_OPENSMTPD, TOOL_DONE, "", "", 0), 0);
	print(false);
	has("The MTA: no connections.\n"
	    "Postfix's queue: 3 messages, the oldest since 2026-11-28 15:28:43 (31 min), 1 "
	    "deferred, 1 on hold.\n"
	    "Exim's queue: at least 3 messages, the oldest since 2026-11-28 15:00:55 (59 min), 1 "
	    "frozen: no more within 2 s\n"
	    "Sendmail's queue: not known: can not chdir(\\x1b[2J): no\n"
	    "OpenSMTPD's queue is empty.\n");
	print(true);
	has("\"mta\":[{\"name\":\"postfix\",\"connections\":0,\"queue\":{\"messages\":3,\"whole\":"
	    "true,\"deferred\":1,\"held\":1,\"oldest\":\"2026-11-28T15:28:43.000000Z\"}},"
	    "{\"name\":\"exim\",\"connections\":0,\"queue\":{\"messages\":3,\"whole\":false,"
	    "\"held\":1,\"oldest\":\"2026-11-28T15:00:55.000000Z\",\"error\":\"no more within 2 "
	    "s\"}},");
	has("\"queue\":{\"error\":\"can not chdir(\\u001b[2J): no\"}},");
}

static void without_a_list(void **state)
{
	(void)state;
	frame(QUEUE_POSTFIX, TOOL_ABSENT, "", "", 0);
	frame(QUEUE_EXIM, TOOL_UNSAFE, "", "", 0);
	frame(QUEUE_SENDMAIL, TOOL_FAILED, "", "", 0);
	frame(QUEUE_OPENSMTPD, TOOL_LATE, "", "", 0);
	print(false);
	has("Postfix's queue: not known: its tool is not there\n"
	    "Exim's queue: not known: others than root can write its tool\n"
	    "Sendmail's queue: not known: its tool ended with status 69\n"
	    "OpenSMTPD's queue: not known: no more within 2 s\n");
}

static void connections_of_an_mta(void **state)
{
	struct made_connection made;

	(void)state;
	make_connection(&made, VERDICT_MTA);
	strcpy(made.who.extra.mta, "haraka");
	make_opener(&made);
	queues_count(&queues, &made.connection); /* it is over */
	assert_int_equal(queues.count, 0);
	made.connection.closed = 0;
	queues_count(&queues, &made.connection);
	queues_count(&queues, &made.connection);
	made.connection.verdict.class = VERDICT_BYPASS;
	queues_count(&queues, &made.connection);
	make_free(&made);
	print(true);
	has("\"mta\":[{\"name\":\"haraka\",\"connections\":2}]");
	print(false);
	has_not("queue");
}

static void wrong_frames(void **state)
{
	struct frame_queue queue = {.mta = QUEUE_EXIM, .end = TOOL_DONE};
	static char much[sizeof(queue) + 60000];

	(void)state;
	assert_int_equal(queues_frame(&queues, &queue, sizeof(queue) - 1, NOW), -EBADMSG);
	queue.mta = QUEUE_MTAS;
	assert_int_equal(queues_frame(&queues, &queue, sizeof(queue), NOW), -EBADMSG);
	queue.mta = QUEUE_EXIM;
	queue.end = TOOL_OVER + 1;
	assert_int_equal(queues_frame(&queues, &queue, sizeof(queue), NOW), -EBADMSG);
	queue.end = TOOL_RUNS;
	memset(queue.said, 'x', sizeof(queue.said));
	assert_int_equal(queues_frame(&queues, &queue, sizeof(queue), NOW), -EBADMSG);
	memset(queue.said, 0, sizeof(queue.said));
	memcpy(much, &queue, sizeof(queue));
	for (size_t used = 0; used + 60000 <= LIMIT_QUEUE_BYTES; used += 60000)
		assert_int_equal(queues_frame(&queues, much, sizeof(much), NOW), 0);
	assert_int_equal(queues_frame(&queues, much, sizeof(much), NOW), -EBADMSG);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(from_postfix),
		cmocka_unit_test(from_exim),
		cmocka_unit_test(from_sendmail),
		cmocka_unit_test(from_opensmtpd),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(deep_and_wide),
		CASE(in_words),
		CASE(without_a_list),
		CASE(connections_of_an_mta),
		CASE(wrong_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
