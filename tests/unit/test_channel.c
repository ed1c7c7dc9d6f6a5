/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_channel.c - the one-way channel: frames arrive whole, and the writer knows what was taken
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "pass/channel.h"

static int fds[2];
static struct channel_writer writer;
static uint8_t buffer[LIMIT_BATCH] __attribute__((aligned(8)));
static unsigned int frames, bytes;

/* Full: nobody reads meanwhile. */
static int give_up(void *context)
{
	(void)context;
	return -EAGAIN;
}

static int begin(void **state)
{
	(void)state;
	frames = bytes = 0;
	if (channel_open(fds))
		return -1;
	channel_writer_init(&writer, fds[1], give_up, NULL);
	return 0;
}

static int end(void **state)
{
	(void)state;
	close(fds[0]);
	close(fds[1]);
	return 0;
}

static int on_frame(void *context, const struct batch_head *head, uint16_t kind,
		    const void *payload, size_t size)
{
	(void)context;
	(void)payload;
	assert_true(head->now > 0);
	assert_int_equal(kind, FRAME_EVENT);
	frames++;
	bytes += size;
	return 0;
}

static void take(void)
{
	assert_int_equal(channel_read(fds[0], buffer, on_frame, NULL), 1);
}

static void test_taken(void **state)
{
	uint64_t mark;

	(void)state;
	assert_true(channel_taken(&writer, 0));
	assert_int_equal(channel_write(&writer, FRAME_EVENT, "abc", 3, "de", 2), 0);
	assert_int_equal(channel_flush(&writer), 0);
	mark = writer.sent;
	assert_true(mark > 5);
	assert_false(channel_taken(&writer, mark));
	take();
	assert_true(channel_taken(&writer, mark));
	assert_int_equal(frames, 1);
	assert_int_equal(bytes, 5);
}

/* A reader that lives is never without work: it was taken, though something waits. */
static void test_taken_under_load(void **state)
{
	static uint8_t piece[30000];
	uint64_t mark;

	(void)state;
	assert_int_equal(channel_write(&writer, FRAME_EVENT, piece, sizeof(piece), NULL, 0), 0);
	assert_int_equal(channel_flush(&writer), 0);
	mark = writer.sent;
	for (unsigned int i = 0; i < 20; i++) {
		assert_int_equal(channel_write(&writer, FRAME_EVENT, piece, sizeof(piece), NULL, 0),
				 0);
		assert_int_equal(channel_flush(&writer), 0);
		assert_true(i > 0 || !channel_taken(&writer, mark));
		take();
	}
	assert_true(channel_taken(&writer, mark));
	assert_int_equal(frames, 20); /* one still waits */
	assert_false(channel_taken(&writer, writer.sent));
}

static void test_full(void **state)
{
	static uint8_t piece[LIMIT_BATCH / 2];
	int rc = 0;

	(void)state;
	for (unsigned int i = 0; i < 1000 && !rc; i++)
		rc = channel_write(&writer, FRAME_EVENT, piece, sizeof(piece), NULL, 0);
	assert_int_equal(rc, -EAGAIN);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_taken),
		TEST(test_taken_under_load),
		TEST(test_full),
	};

	return cmocka_run_group_tests_name("channel", tests, NULL, NULL);
}
