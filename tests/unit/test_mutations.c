/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_mutations.c - damaged captures: 1,000 of each public one, and every way in which memory can fail while one is read
 *
 * What comes out does not matter here, only that it ends, frees what it took, and stays in its bounds. The N-th allocation of the
 * program fails (linked with --wrap), N from 1 on until there are no more.
 */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "scripts.h"

#define CORPUS "../shared/corpus"
#define MUTATIONS 1000
#define FILE_MAX (1 << 20)
#define MEMORY_MAX_KB (512 * 1024) /* with the sanitizers' own */

/* Linked instead of the libraries' for all of our objects. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static unsigned long allocations, failing; /* 0 = none fails */

static bool fails(void)
{
	if (++allocations != failing)
		return false;
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return fails() ? NULL : __real_realloc(old, size);
}

static uint32_t dice_state;

static uint32_t dice(uint32_t sides)
{
	dice_state ^= dice_state << 13;
	dice_state ^= dice_state >> 17;
	dice_state ^= dice_state << 5;
	return dice_state % sides;
}

static uint8_t original[FILE_MAX], damaged[FILE_MAX];

static void read_damaged(int fd, size_t size)
{
	char path[64], error[512];
	struct run run;

	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, damaged, size, 0), size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert_true(run_start(&run));
	run_file(&run, path, error, sizeof(error));
	run_end(&run);
	assert_int_equal(table_orphans(run.table), 0);
	run_free(&run);
}

/* Few or many bytes changed, a part taken out, the end cut off. Mostly behind the file's own head. */
static size_t mutate(size_t size)
{
	uint32_t changes = 1u << dice(8);
	size_t from, length;

	memcpy(damaged, original, size);
	for (uint32_t i = 0; i < changes; i++) {
		size_t at = dice(10) ? 24 + dice((uint32_t)size - 24) : dice((uint32_t)size);

		damaged[at] = dice(3) ? (uint8_t)dice(256) : damaged[at] ^ (uint8_t)(1u << dice(8));
	}
	if (dice(4) == 0) {
		from = dice((uint32_t)size);
		length = dice((uint32_t)(size - from));
		memmove(damaged + from, damaged + from + length, size - from - length);
		size -= length;
	}
	return dice(4) == 0 ? dice((uint32_t)size + 1) : size;
}

static void test_damaged_captures(void **state)
{
	DIR *corpus = opendir(CORPUS);
	int fd = memfd_create("capture", 0);
	struct rusage usage;
	unsigned int files = 0;
	struct dirent *entry;

	(void)state;
	if (!corpus) {
		print_message("no captures in %s (optional: not part of the tree)\n", CORPUS);
		skip();
	}
	while ((entry = readdir(corpus))) {
		char path[512];
		size_t size;
		FILE *file;

		if (!strstr(entry->d_name, ".pcap"))
			continue;
		snprintf(path, sizeof(path), "%s/%s", CORPUS, entry->d_name);
		file = fopen(path, "rb");
		assert_non_null(file);
		size = fread(original, 1, sizeof(original), file);
		fclose(file);
		for (uint32_t n = 0; n < MUTATIONS; n++) {
			dice_state = 1 + n * 2654435761u;
			read_damaged(fd, mutate(size));
		}
		files++;
	}
	closedir(corpus);
	close(fd);
	getrusage(RUSAGE_SELF, &usage);
	print_message("%u files, %d mutations each, %ld MB\n", files, MUTATIONS,
		      usage.ru_maxrss / 1024);
	assert_true(usage.ru_maxrss < MEMORY_MAX_KB);
}

static void one_run(const struct segments *list, uint16_t port)
{
	struct run run;

	if (!run_start(&run))
		return;
	/* Early ones first, so that some have to be kept. */
	for (unsigned int i = 0; i < list->count; i++) {
		unsigned int at = i < 3 || i + 4 > list->count ? i : i ^ 1;

		feed_segment(&run, &list->all[at < list->count ? at : i], port, 1000000000u + i);
	}
	run_end(&run);
	assert_true(run.count <= 1);
	if (run.count && run.kept[0].has_session)
		assert_true(run.kept[0].facts.accepted <= 1);
	run_free(&run);
}

static void test_no_memory(void **state)
{
	static struct segments list;
	unsigned long tried = 0;

	(void)state;
	for (size_t n = 0; n < SMTP_SCRIPTS; n++) {
		unsigned long most;

		segments_make(&list, &smtp_scripts[n], NULL);
		allocations = failing = 0;
		one_run(&list, smtp_scripts[n].port);
		most = allocations;
		for (unsigned long at = 1; at <= most; at++) {
			allocations = 0;
			failing = at;
			one_run(&list, smtp_scripts[n].port);
			tried++;
		}
		failing = 0;
	}
	print_message("%lu allocations failed\n", tried);
}

static void test_no_memory_for_files(void **state)
{
	int fd = memfd_create("capture", 0);
	char path[64], error[512];
	unsigned long at = 0;

	(void)state;
	/* A head, and nothing behind it. */
	memset(damaged, 0, 24);
	memcpy(damaged, "\xd4\xc3\xb2\xa1\x02\x00\x04\x00", 8);
	damaged[18] = 1;
	damaged[20] = 1;
	assert_int_equal(pwrite(fd, damaged, 24, 0), 24);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	do {
		struct file_packet packet;
		struct file *file;

		allocations = 0;
		failing = ++at;
		file = file_open(path);
		if (file)
			file_next(file, &packet, error, sizeof(error));
		file_close(file);
	} while (allocations >= failing);
	failing = 0;
	close(fd);
	assert_true(at > 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_damaged_captures),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_no_memory_for_files),
	};

	return cmocka_run_group_tests_name("mutations", tests, NULL, NULL);
}
