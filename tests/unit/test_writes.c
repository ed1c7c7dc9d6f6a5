/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_writes.c - every write of the output fails in turn, as on a disk that is full: no half line is left
 *
 * The N-th write (linked with --wrap) takes half of what it is given, and the next says ENOSPC; N from 1 on until all succeed.
 * What is in the file then has to be the first lines of what is there when nothing fails.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/whole.h"
#include "scripts.h"

#define OUTPUT_MAX (1 << 18)
#define CHUNK                                                                                      \
	700 /* stdio's buffer: small, so that there are many writes, and lines longer than it */

ssize_t __real_write(int fd, const void *buffer, size_t size);
ssize_t __wrap_write(int fd, const void *buffer, size_t size);

static int output = -1; /* only its writes fail */
static unsigned long writes, failing;
static bool full;

ssize_t __wrap_write(int fd, const void *buffer, size_t size)
{
	if (fd != output)
		return __real_write(fd, buffer, size);
	if (full) {
		errno = ENOSPC;
		return -1;
	}
	if (++writes == failing) {
		full = true;
		size /= 2;
	}
	return __real_write(fd, buffer, size);
}

static bool show_scripts(FILE *out, bool json)
{
	struct present_options options = {.out = out, .json = json, .verdicts = ~0u, .width = 120};
	static struct segments list;
	const struct frame_start start = {.capture = 1};
	struct frame_end end;

	memset(&end, 0, sizeof(end));
	for (size_t n = 0; n < SMTP_SCRIPTS; n++) {
		struct run run;

		segments_make(&list, &smtp_scripts[n], NULL);
		assert_true(run_start(&run));
		run.present = present_new(&options);
		assert_non_null(run.present);
		present_start(run.present, &start, 1000000000u, 0);
		for (unsigned int i = 0; i < list.count; i++)
			feed_segment(&run, &list.all[i], smtp_scripts[n].port, 1000000000u + i);
		run_end(&run);
		present_end(run.present, &end, NULL, 0, 0, 0, flows_now(run.flows), 0);
		present_free(run.present);
		run_free(&run);
	}
	return fflush(out) == 0 && !ferror(out);
}

/* What is in the file afterwards; its length. */
static size_t write_once(char *content, bool json, bool *done)
{
	static char chunk[CHUNK];
	ssize_t size;
	FILE *out;

	output = memfd_create("output", 0);
	assert_true(output >= 0);
	writes = 0;
	full = false;
	out = whole_open(output);
	assert_non_null(out);
	assert_int_equal(setvbuf(out, chunk, _IOFBF, sizeof(chunk)), 0);
	*done = show_scripts(out, json);
	*done = fclose(out) == 0 && *done;
	size = pread(output, content, OUTPUT_MAX, 0);
	assert_true(size >= 0 && size < OUTPUT_MAX);
	close(output);
	return (size_t)size;
}

static void each_line_is_json(const char *content, size_t size)
{
	const char *at = content, *end = content + size;

	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		json_t *record = newline ? json_loadb(at, (size_t)(newline - at), 0, NULL) : NULL;

		assert_non_null(record);
		json_decref(record);
		at = newline + 1;
	}
}

static void fail_in_turn(bool json)
{
	static char whole[OUTPUT_MAX], part[OUTPUT_MAX];
	size_t whole_size, part_size;
	bool done;

	failing = 0;
	whole_size = write_once(whole, json, &done);
	assert_true(done);
	if (json)
		each_line_is_json(whole, whole_size);
	for (failing = 1; !done || failing == 1; failing++) {
		part_size = write_once(part, json, &done);
		assert_true(full == !done);
		assert_true(part_size <= whole_size && (done == (part_size == whole_size)));
		assert_memory_equal(part, whole, part_size);
		assert_true(part_size == 0 || part[part_size - 1] == '\n');
	}
	print_message("%s: %lu writes failed\n", json ? "JSON" : "text", failing - 2);
	assert_true(failing > 10);
}

static void test_json(void **state)
{
	(void)state;
	fail_in_turn(true);
}

static void test_text(void **state)
{
	(void)state;
	fail_in_turn(false);
}

/* What was in the file before stays, and a pipe is not cut. */
static void test_behind_other_lines(void **state)
{
	static char content[64];
	FILE *out;
	int fd = memfd_create("output", 0);

	(void)state;
	assert_int_equal(__real_write(fd, "before", 6), 6);
	output = fd;
	writes = 0;
	failing = 2;
	full = false;
	out = whole_open(fd);
	fputs("one\n", out);
	assert_int_equal(fflush(out), 0);
	fputs("two", out);
	assert_int_equal(fflush(out), 0);
	fputs("\nthree\n", out);
	assert_int_not_equal(fflush(out), 0);
	assert_int_equal(errno, ENOSPC);
	fputs("four\n", out);
	assert_int_not_equal(fclose(out), 0);
	assert_int_equal(pread(fd, content, sizeof(content), 0), 10);
	assert_memory_equal(content, "beforeone\n", 10);
	output = -1;
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_behind_other_lines),
	};

	return cmocka_run_group_tests_name("writes", tests, NULL, NULL);
}
