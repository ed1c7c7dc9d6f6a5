/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_corpus.c - captures through all stages to the session machine's facts, against what is known to be in them
 *
 * Every fact of every connection is compared with expected.json (read by corpus.py). The captures are not part of the project:
 * where they are missing, the test says so and is skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include <arpa/inet.h>

#include "run_capture.h"

#define CORPUS "../shared/corpus"
#define ROW_MAX 16384

enum column {
	FILE_NAME,
	CLIENT,
	CLIENT_PORT,
	SERVER,
	SERVER_PORT,
	SMTP,
	FOUND_BY,
	GREETING,
	HELO,
	SENDERS,
	RECIPIENTS,
	REFUSED,
	MESSAGES,
	ACCEPTED,
	REPLIES_2XX,
	REPLIES_3XX,
	REPLIES_4XX,
	REPLIES_5XX,
	LAST_REPLY,
	AUTH,
	TLS,
	GAPS,
	COLUMNS
};

static const char *const names[COLUMNS] = {
	"file",	      "client",	  "client port", "server", "server port", "smtp",
	"found_by",   "greeting", "helo",	 "from",   "recipients",  "refused",
	"messages",   "accepted", "2xx",	 "3xx",	   "4xx",	  "5xx",
	"last_reply", "auth",	  "tls",	 "gaps",
};

static unsigned int mistakes;

/* Is `found` one of the right answers, "a" or "a|b"? */
static void expect(char *const *row, enum column column, const char *found)
{
	char right[ROW_MAX];
	char *answer, *rest = right;

	snprintf(right, sizeof(right), "%s", row[column]);
	while ((answer = strsep(&rest, "|"))) {
		if (strcmp(answer, found) == 0)
			return;
	}
	print_error("%s %s:%s: %s is %s, not %s\n", row[FILE_NAME], row[CLIENT], row[CLIENT_PORT],
		    names[column], found, row[column]);
	mistakes++;
}

static void expect_number(char *const *row, enum column column, uint64_t found)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)found);
	expect(row, column, text);
}

/* As corpus.py writes a text. */
static void put_hex(char *out, size_t size, const char *bytes, size_t length)
{
	size_t used = snprintf(out, size, "x");

	for (size_t i = 0; i < length && used + 3 < size; i++)
		used += snprintf(out + used, size - used, "%02x", (unsigned char)bytes[i]);
}

static void expect_text(char *const *row, enum column column, const struct session_text *text,
			const char *bytes)
{
	char hex[ROW_MAX] = "-";

	if (text->seen)
		put_hex(hex, sizeof(hex), bytes, text->length);
	expect(row, column, hex);
}

static void expect_senders(char *const *row, const struct session_facts *facts)
{
	char all[ROW_MAX] = ".";
	const char *path = facts->from_bytes;
	size_t used = 0;

	assert_int_equal(facts->from_kept, facts->from_count);
	for (unsigned int i = 0; i < facts->from_kept; i++) {
		if (i)
			all[used++] = ',';
		put_hex(all + used, sizeof(all) - used, path, facts->from_lengths[i]);
		used += strlen(all + used);
		path += facts->from_lengths[i];
	}
	expect(row, SENDERS, all);
}

static void parse_address(uint8_t address[16], const char *text)
{
	memset(address, 0, 16);
	address[10] = address[11] = 0xff;
	if (inet_pton(AF_INET, text, address + 12) != 1)
		assert_int_equal(inet_pton(AF_INET6, text, address), 1);
}

static struct run_connection *find(struct run *run, char *const *row)
{
	uint8_t client[16], server[16];

	parse_address(client, row[CLIENT]);
	parse_address(server, row[SERVER]);
	for (unsigned int i = 0; i < run->count; i++) {
		const struct event_endpoints *ends = &run->kept[i].connection.ends;

		if (ends->local_port == atoi(row[CLIENT_PORT]) &&
		    ends->remote_port == atoi(row[SERVER_PORT]) &&
		    memcmp(ends->local, client, 16) == 0 && memcmp(ends->remote, server, 16) == 0)
			return &run->kept[i];
	}
	return NULL;
}

static void check_facts(char *const *row, const struct session_facts *facts)
{
	static const char *const tls[] = {"none", "starttls", "implicit"};

	expect_text(row, GREETING, &facts->greeting, facts->greeting_bytes);
	expect_text(row, HELO, &facts->helo, facts->helo_bytes);
	expect_senders(row, facts);
	expect_number(row, RECIPIENTS, facts->recipients);
	expect_number(row, REFUSED, facts->refused);
	expect_number(row, MESSAGES, facts->messages);
	expect_number(row, ACCEPTED, facts->accepted);
	for (int i = 0; i < 4; i++)
		expect_number(row, REPLIES_2XX + i, facts->replies[i]);
	expect_text(row, LAST_REPLY, &facts->last_reply, facts->last_reply_bytes);
	expect_text(row, AUTH, &facts->mechanism, facts->mechanism_bytes);
	expect(row, TLS, tls[facts->tls]);
	expect(row, GAPS, facts->gaps ? "true" : "false");
}

/* Only SMTP has a record; on a listed port everything has, and what is no SMTP is one without dialogue. */
static void check_connection(char *const *row)
{
	static const char *const words[] = {"-", "port", "greeting", "client", "proxy"};
	char path[512], error[512];
	struct run_connection *found;
	struct run run;

	snprintf(path, sizeof(path), "%s/%s", CORPUS, row[FILE_NAME]);
	assert_true(run_start(&run));
	if (!run_file(&run, path, error, sizeof(error)))
		fail_msg("%s: %s", row[FILE_NAME], error);
	run_end(&run);
	found = find(&run, row);
	if (!found || !found->has_session) {
		const char *nothing = strcmp(row[SMTP], "candidate") ? "false" : "candidate";

		expect(row, SMTP, nothing);
	} else if (strcmp(row[SMTP], "false") == 0) {
		assert_int_equal(found->connection.found, FOUND_PORT);
		assert_false(found->facts.smtp);
	} else {
		expect(row, SMTP, found->facts.smtp ? "true" : "candidate");
		expect(row, FOUND_BY, words[found->connection.found]);
		check_facts(row, &found->facts);
	}
	run_free(&run);
}

static void compare(void)
{
	char line[ROW_MAX];
	unsigned int rows = 0;
	FILE *expected;

	if (access(CORPUS "/expected.json", R_OK) != 0) {
		print_message("no captures in %s (optional: not part of the tree)\n", CORPUS);
		skip();
	}
	expected = popen("python3 tests/unit/corpus.py " CORPUS, "r");
	assert_non_null(expected);
	while (fgets(line, sizeof(line), expected)) {
		char *row[COLUMNS], *rest = line;
		unsigned int column = 0;

		line[strcspn(line, "\n")] = '\0';
		while (column < COLUMNS && (row[column] = strsep(&rest, "\t")))
			column++;
		assert_int_equal(column, COLUMNS);
		check_connection(row);
		rows++;
	}
	assert_int_equal(pclose(expected), 0);
	assert_true(rows > 0);
	print_message("%u connections compared\n", rows);
	assert_int_equal(mistakes, 0);
}

static void test_as_captured(void **state)
{
	(void)state;
	compare();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_captured),
	};

	return cmocka_run_group_tests_name("corpus", tests, NULL, NULL);
}
