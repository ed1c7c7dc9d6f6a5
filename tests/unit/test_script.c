/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_script.c - a script from its record to the words, and what makes a file PHP
 *
 * The test is its own PHP: it exports the symbols (linked with -rdynamic) and holds the header by which a version is known.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "enrich/php.h"
#include "enrich/script.h"
#include "make_script.h"
#include "present/label_script.h"
#include "present/record_script.h"

char sapi_globals[8], executor_globals[8], sapi_module[8];
const char powered[] = "X-Powered-By: PHP/8.2.36";
extern const char __executable_start[];

static struct made_script made;

static struct script *decoded(void)
{
	struct script *script = script_decode(&made, made.size);

	assert_non_null(script);
	return script;
}

static void make_mailer(enum script_origin origin)
{
	make_script(&made, origin);
	make_word(&made, SCRIPT_METHOD, "POST");
	make_word(&made, SCRIPT_URL, "/?p=2");
	make_word(&made, SCRIPT_HOST, "shop.example");
	make_word(&made, SCRIPT_CLIENT, "198.51.100.9");
	make_word(&made, SCRIPT_ENTRY, "/var/www/index.php");
	make_call(&made, NULL, 0, NULL, "fsockopen");
	make_call(&made, "/var/www/uploads/m.php", 41, "Mailer", "send");
	make_call(&made, "/var/www/index.php", 4, NULL, NULL);
}

static void same(struct bytes bytes, const char *text)
{
	assert_int_equal(bytes.length, strlen(text));
	if (bytes.length)
		assert_memory_equal(bytes.at, text, bytes.length);
}

static void test_decoded(void **state)
{
	struct script *script;

	(void)state;
	make_mailer(SCRIPT_OF_OPENER);
	script = decoded();
	same(script->sapi, "fpm-fcgi");
	same(script->words[SCRIPT_URL], "/?p=2");
	same(script->words[SCRIPT_DOCROOT], "");
	assert_int_equal(script->call_count, 3);
	same(script->calls[0].function, "fsockopen");
	same(script->calls[0].file, "");
	assert_ptr_equal(script_caller(script), &script->calls[1]);
	assert_int_equal(script->calls[1].line, 41);
	same(script->calls[1].class_name, "Mailer");
	same(script->calls[2].function, "");
	same(script_sender(script), "/var/www/uploads/m.php");
	free(script);
	make_script(&made, SCRIPT_OF_OPENER);
	make_word(&made, SCRIPT_ENTRY, "/var/www/a.php");
	script = decoded();
	same(script_sender(script), "/var/www/a.php");
	free(script);
}

/* Each change makes a record that is none; none of them may be read beyond its end. */
static void test_no_record(void **state)
{
	(void)state;
	for (int n = 0; n < 10; n++) {
		size_t size;

		make_mailer(SCRIPT_OF_SENDER);
		size = made.size;
		switch (n) {
		case 0:
			made.record.frame_count = SCRIPT_FRAMES + 1;
			break;
		case 1:
			made.record.status = SCRIPT_ODD + 1;
			break;
		case 2:
			made.record.origin = 0;
			break;
		case 3:
			made.record.origin = SCRIPT_OF_ANCESTOR + 1;
			break;
		case 4:
			made.record.words[SCRIPT_HOST].at = SCRIPT_TEXT_MAX;
			break;
		case 5:
			made.record.words[SCRIPT_HOST].length = UINT16_MAX;
			break;
		case 6:
			made.record.frames[2].file = UINT16_MAX;
			break;
		case 7:
			made.record.frames_at = UINT16_MAX;
			break;
		case 8:
			size--;
			break;
		default:
			memset(made.facts.owner, 'x', sizeof(made.facts.owner));
			break;
		}
		errno = 0;
		assert_null(script_decode(&made, size));
		assert_int_equal(errno, EBADMSG);
	}
	make_mailer(SCRIPT_OF_SENDER);
	for (size_t size = 0; size < made.size; size++)
		assert_null(script_decode(&made, size));
}

static void test_impossible_times(void **state)
{
	static const int64_t times[] = {-1, INT64_MIN, INT64_MAX, INT64_MAX / 1000000000 + 1};

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		struct script *script;

		make_mailer(SCRIPT_OF_OPENER);
		made.facts.known = SCRIPT_FILE_THERE;
		made.facts.changed = times[i];
		script = decoded();
		assert_int_equal(script->facts.known, SCRIPT_FILE_UNKNOWN);
		free(script);
	}
}

static void test_eval(void **state)
{
	static const struct {
		const char *file, *path;
	} cases[] = {
		{"/x.php", "/x.php"},
		{"/x.php(3) : eval()'d code", "/x.php"},
		{"/x.php(3) : eval()'d code(1) : eval()'d code", "/x.php"},
		{"/a (1) : b.php", "/a (1) : b.php"},
		{"/a.php(1) : eval()'d code/x.php", "/a.php(1) : eval()'d code/x.php"},
		{"/a.php(1) : eval()'d code/x.php(7) : eval()'d code",
		 "/a.php(1) : eval()'d code/x.php"},
		{") : eval()'d code", ") : eval()'d code"},
		{") : ", ") : "},
		{"Command line code", "Command line code"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		same(script_path((struct bytes){cases[i].file, strlen(cases[i].file)}),
		     cases[i].path);
}

static void test_which_one(void **state)
{
	struct connection connection = {0};

	(void)state;
	assert_null(connection_script(&connection));
	make_mailer(SCRIPT_OF_ANCESTOR);
	connection_take_script(&connection, decoded());
	/* The environment alone, of perl that CGI started: what PHP has said is nearer. */
	make_script(&made, SCRIPT_OF_OPENER);
	made.record.status = SCRIPT_NONE;
	made.record.version = 0;
	make_word(&made, SCRIPT_HOST, "shop.example");
	connection_take_script(&connection, decoded());
	assert_int_equal(connection_script(&connection)->origin, SCRIPT_OF_ANCESTOR);
	make_mailer(SCRIPT_OF_OPENER);
	connection_take_script(&connection, decoded());
	assert_int_equal(connection_script(&connection)->origin, SCRIPT_OF_OPENER);
	/* Read again in vain: what was known stays. */
	make_script(&made, SCRIPT_OF_OPENER);
	made.record.status = SCRIPT_UNREADABLE;
	connection_take_script(&connection, decoded());
	assert_int_equal(connection_script(&connection)->status, SCRIPT_READ);
	make_mailer(SCRIPT_OF_SENDER);
	connection_take_script(&connection, decoded());
	assert_int_equal(connection_script(&connection)->origin, SCRIPT_OF_SENDER);
	for (int i = 0; i < CONNECTION_SCRIPTS; i++)
		free(connection.scripts[i]);
}

static void json_of(char *out, size_t size, const struct connection *connection)
{
	static struct json json;
	FILE *file = fmemopen(out, size, "w");

	assert_non_null(file);
	json_begin(&json, file);
	record_script(&json, connection);
	json_end(&json);
	fclose(file);
}

static void test_words(void **state)
{
	struct connection connection = {0};
	char words[LABEL_REQUEST], json[8192];
	struct script_file file;
	struct label label;

	(void)state;
	make_mailer(SCRIPT_OF_ANCESTOR);
	made.facts.known = SCRIPT_FILE_GONE;
	connection_take_script(&connection, decoded());
	assert_true(label_script(&label, &connection));
	assert_string_equal(label.text, "/var/www/uploads/m.php");
	assert_string_equal(label.suffix, ":41 Mailer::send()");
	label_fit(words, sizeof(words), &label, 60);
	assert_string_equal(words, "/var/www/uploads/m.php:41 Mailer::send()");
	label_fit(words, sizeof(words), &label, 12);
	assert_string_equal(words, "\xe2\x80\xa6/m.php:41");
	label_request(words, sizeof(words), connection_script(&connection));
	assert_string_equal(words, "from 198.51.100.9: POST shop.example/?p=2");
	label_script_note(words, sizeof(words), connection_script(&connection));
	assert_string_equal(words, "its file is deleted");
	label_started_by(words, sizeof(words), connection_script(&connection));
	assert_string_equal(words, "fsockopen()");
	label_request(words, 20, connection_script(&connection));
	assert_string_equal(words, "from 198.51.100\xe2\x80\xa6:"); /* cut, and said so */
	same(record_script_file(&connection, &file), "/var/www/uploads/m.php");
	same(record_script_other(&connection, &file), "/var/www/index.php");
	json_of(json, sizeof(json), &connection);
	assert_non_null(strstr(json, "\"status\":\"inherited\",\"file\":\"/var/www/uploads/m.php\","
				     "\"line\":41,\"function\":\"Mailer::send\""));
	assert_non_null(strstr(json, "\"deleted\":true"));
	free(connection.scripts[SCRIPT_OF_ANCESTOR]);
}

/* Escape sequences, quotes and bytes that are no UTF-8, wherever there is text. */
static void test_hostile(void **state)
{
	static const char hostile[] = "\x1b[2J\"\xff\n</script>";
	struct connection connection = {0};
	char words[LABEL_REQUEST], json[16384];
	struct label label;

	(void)state;
	make_script(&made, SCRIPT_OF_OPENER);
	for (int i = 0; i < SCRIPT_WORDS; i++)
		make_word(&made, (enum script_word)i, hostile);
	make_call(&made, hostile, 1, hostile, hostile);
	connection_take_script(&connection, decoded());
	assert_true(label_script(&label, &connection));
	label_request(words, sizeof(words), connection_script(&connection));
	json_of(json, sizeof(json), &connection);
	assert_null(strpbrk(label.text, "\x1b\n"));
	assert_null(strpbrk(label.suffix, "\x1b\n"));
	assert_null(strpbrk(words, "\x1b\n"));
	assert_null(strchr(json, '\x1b'));
	assert_ptr_equal(strchr(json, '\n'), json + strlen(json) - 1);
	free(connection.scripts[SCRIPT_OF_OPENER]);
}

static void test_is_php(void **state)
{
	struct script_layout layout;
	struct stat file;
	int fd = open("/proc/self/exe", O_RDONLY);
	char *image, *version;

	(void)state;
	assert_int_equal(fstat(fd, &file), 0);
	image = mmap(NULL, (size_t)file.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	assert_ptr_not_equal(image, MAP_FAILED);
	assert_true(php_layout(image, (size_t)file.st_size, &layout));
	assert_int_equal(layout.status, SCRIPT_READ);
	assert_int_equal(layout.version, 802);
	assert_int_equal(layout.sapi_globals,
			 (uintptr_t)sapi_globals - (uintptr_t)__executable_start);
	assert_int_equal(layout.executor_globals,
			 (uintptr_t)executor_globals - (uintptr_t)__executable_start);
	assert_true(layout.text > 0 && layout.text < (uint64_t)file.st_size);
	version = memmem(image, (size_t)file.st_size, powered, sizeof(powered) - 1);
	assert_non_null(version);
	memcpy(version + strlen("X-Powered-By: PHP/"), "9.9", 3);
	assert_true(php_layout(image, (size_t)file.st_size, &layout));
	assert_int_equal(layout.status, SCRIPT_VERSION);
	/* Any beginning of it is no PHP, or is; never a crash. */
	for (size_t size = 0; size < (size_t)file.st_size; size += (size_t)file.st_size / 97)
		php_layout(image, size, &layout);
	munmap(image, (size_t)file.st_size);
	close(fd);
}

/* Only the first table of symbols counts: with thousands of them a file would be read for seconds. */
static void test_many_tables(void **state)
{
	struct script_layout layout;
	struct stat file;
	int fd = open("/proc/self/exe", O_RDONLY);
	Elf64_Ehdr *head;
	Elf64_Shdr *sections;
	char *image;

	(void)state;
	assert_int_equal(fstat(fd, &file), 0);
	image = mmap(NULL, (size_t)file.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	assert_ptr_not_equal(image, MAP_FAILED);
	head = (Elf64_Ehdr *)(void *)image;
	sections = (Elf64_Shdr *)(void *)(image + head->e_shoff);
	assert_int_not_equal(sections[1].sh_type, SHT_DYNSYM);
	sections[1].sh_type = SHT_DYNSYM;
	sections[1].sh_entsize = sizeof(Elf64_Sym);
	sections[1].sh_size = 0;
	assert_false(php_layout(image, (size_t)file.st_size, &layout));
	munmap(image, (size_t)file.st_size);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decoded),		 cmocka_unit_test(test_no_record),
		cmocka_unit_test(test_impossible_times), cmocka_unit_test(test_eval),
		cmocka_unit_test(test_which_one),	 cmocka_unit_test(test_words),
		cmocka_unit_test(test_hostile),		 cmocka_unit_test(test_many_tables),
		cmocka_unit_test(test_is_php),
	};

	return cmocka_run_group_tests_name("script", tests, NULL, NULL);
}
