/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_clienthello.c - the server name, in every cut and with every length wrong
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "smtp/clienthello.h"

#define NAME "mx.example"

struct hello {
	uint8_t bytes[512];
	size_t size;
};

static void put(struct hello *hello, const void *bytes, size_t size)
{
	memcpy(hello->bytes + hello->size, bytes, size);
	hello->size += size;
}

static void put_number(struct hello *hello, unsigned int size, size_t value)
{
	while (size-- > 0)
		hello->bytes[hello->size++] = value >> (8 * size);
}

/* A vector with a length of two bytes that holds `inner`. */
static void put_vector(struct hello *hello, const struct hello *inner)
{
	put_number(hello, 2, inner->size);
	put(hello, inner->bytes, inner->size);
}

/* A whole record; `list` is the body of the server_name extension, NULL = the extension is absent. */
static struct hello make(const struct hello *list)
{
	struct hello record = {.size = 0}, message = {.size = 0}, extensions = {.size = 0};
	const uint8_t random[32] = {0};

	put_number(&extensions, 2, 43); /* supported_versions comes before */
	put_number(&extensions, 2, 3);
	put(&extensions, "\x02\x03\x04", 3);
	if (list) {
		put_number(&extensions, 2, 0);
		put_vector(&extensions, list);
	}
	put_number(&message, 2, 0x0303);
	put(&message, random, sizeof(random));
	put_number(&message, 1, 32);
	put(&message, random, 32);
	put_number(&message, 2, 2);
	put_number(&message, 2, 0x1301);
	put_number(&message, 1, 1);
	put_number(&message, 1, 0);
	put_vector(&message, &extensions);
	put_number(&record, 1, 22);
	put_number(&record, 2, 0x0301);
	put_number(&record, 2, message.size + 4);
	put_number(&record, 1, 1);
	put_number(&record, 3, message.size);
	put(&record, message.bytes, message.size);
	return record;
}

/* One name of this type in a list. */
static struct hello name_list(uint8_t type, const char *name)
{
	struct hello names = {.size = 0}, list = {.size = 0};

	put_number(&names, 1, type);
	put_number(&names, 2, strlen(name));
	put(&names, name, strlen(name));
	put_vector(&list, &names);
	return list;
}

/* On the heap with its exact size, so that the sanitizer sees a byte too many. */
static const char *look(const struct hello *hello, size_t size, char *name)
{
	uint8_t *copy = malloc(size ? size : 1);
	const char *found;
	size_t length = 0;

	assert_non_null(copy);
	memcpy(copy, hello->bytes, size);
	found = clienthello_sni(copy, size, &length);
	if (found) {
		assert_true((const uint8_t *)found >= copy &&
			    (const uint8_t *)found + length <= copy + size);
		memcpy(name, found, length);
		name[length] = '\0';
	}
	free(copy);
	return found ? name : NULL;
}

static void test_name(void **state)
{
	struct hello list = name_list(0, NAME), hello = make(&list);
	char name[512];

	(void)state;
	assert_string_equal(look(&hello, hello.size, name), NAME);
	put(&hello, "more", 4); /* the next record */
	assert_string_equal(look(&hello, hello.size, name), NAME);
}

static void test_none(void **state)
{
	struct hello list = name_list(1, NAME), hello = make(&list);
	char name[512];

	(void)state;
	assert_null(look(&hello, hello.size, name));
	list = name_list(0, "");
	hello = make(&list);
	assert_null(look(&hello, hello.size, name));
	list.size = 0;
	hello = make(&list);
	assert_null(look(&hello, hello.size, name));
	hello = make(NULL);
	assert_null(look(&hello, hello.size, name));
}

static void test_every_cut(void **state)
{
	struct hello list = name_list(0, NAME), hello = make(&list);
	char name[512];

	(void)state;
	for (size_t size = 0; size < hello.size; size++)
		assert_null(look(&hello, size, name));
}

static void test_every_byte_wrong(void **state)
{
	struct hello list = name_list(0, NAME), right = make(&list);
	char name[512];

	(void)state;
	for (size_t at = 0; at < right.size; at++) {
		for (unsigned int value = 0; value < 256; value++) {
			struct hello wrong = right;

			wrong.bytes[at] = value;
			look(&wrong, wrong.size, name);
		}
	}
	right.bytes[0] = 23; /* not a handshake */
	assert_null(look(&right, right.size, name));
	right.bytes[0] = 22;
	right.bytes[5] = 2; /* a ServerHello */
	assert_null(look(&right, right.size, name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_name),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_every_byte_wrong),
	};

	return cmocka_run_group_tests_name("clienthello", tests, NULL, NULL);
}
