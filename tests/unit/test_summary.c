/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_summary.c - the summary: worst first, every connection in it, and nothing lost in silence
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "base/escape.h"
#include "make_connection.h"
#include "make_script.h"
#include "present/group.h"
#include "present/present.h"
#include "shown.h"

static FILE *out;
static struct present *present;

static int begin(void **state)
{
	struct present_options options = {.width = 120}; /* no line shown: verdicts = 0 */
	struct frame_start start;

	(void)state;
	setenv("TZ", "UTC", 1);
	out = open_memstream(&shown, &shown_size);
	options.out = out;
	present = present_new(&options);
	memset(&start, 0, sizeof(start));
	present_start(present, &start, 100 * MAKE_SECOND, MAKE_WALL);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	free(shown);
	return 0;
}

static void end_with(const struct frame_end *end, const struct frame_loss_row *rows, size_t count,
		     uint64_t over, uint64_t orphans)
{
	present_end(present, end, rows, count, over, orphans, 161 * MAKE_SECOND, MAKE_WALL);
	present_free(present);
	fclose(out);
}

static void end(uint64_t attempts)
{
	struct frame_end frame = {.counters = {.attempts = attempts, .delivered = attempts}};

	end_with(&frame, NULL, 0, 0, 0);
}

static void add(struct made_connection *made)
{
	if (!made->connection.opener)
		make_opener(made);
	present_connection(present, &made->connection, MAKE_WALL);
	make_free(made);
}

static void bypass_to(const char *address)
{
	struct made_connection made;

	make_connection(&made, VERDICT_BYPASS);
	make_ends(&made.connection.ends, "192.0.2.10", 4, address, 25);
	make_blocklisted(&made);
	add(&made);
}

static void nothing_happened(void **state)
{
	(void)state;
	end(0);
	has("\nRound the MTA in 61 s: nobody\n"
	    "The MTA: no connections.\n"
	    "Nothing lost: 0 attempts = 0 delivered + 0 counted only.\n");
}

static void the_worst_comes_first(void **state)
{
	struct made_connection made;

	(void)state;
	for (int i = 0; i < 2; i++) {
		make_connection(&made, VERDICT_MTA);
		make_delivery(&made);
		add(&made);
	}
	make_connection(&made, VERDICT_LOCAL);
	add(&made);
	make_connection(&made, VERDICT_RELAY);
	add(&made);
	make_connection(&made, VERDICT_UNKNOWN);
	add(&made);
	bypass_to("203.0.113.7");
	bypass_to("203.0.113.8");
	bypass_to("203.0.113.8");
	make_connection(&made, VERDICT_BYPASS);
	MAKE_TEXTS(&made.who, "/opt/bot", "/", "/", "bot");
	made.connection.established = false;
	add(&made);
	make_connection(&made, VERDICT_IMPOSTOR);
	make_delivery(&made);
	add(&made);
	end(10);
	has("Round the MTA in 61 s: 3 actors; 1 not judged for want of evidence\n"
	    "  impostor www-data  pool www (php-fpm8.2)  2026-10-29 21:41:40 - 21:41:41\n"
	    "           1 connection to 1 host, 1 message accepted, 1 recipient accepted\n"
	    "           process: php-fpm8.2[4711] php8.2-fpm.service\n"
	    "  bypass   www-data  pool www (php-fpm8.2)  2026-10-29 21:41:40 - 21:41:41\n"
	    "           3 connections to 2 hosts, 0 messages accepted, 6 recipients refused\n"
	    "           3 x 554 5.7.1 Service unavailable; Client host [192.0.2.10] blocked using "
	    "zen.spamhaus.org\n"
	    "           direct-mx helo-literal refused blocklisted:spamhaus no-quit\n"
	    "           last process: php-fpm8.2[4711] php8.2-fpm.service\n"
	    "  bypass   www-data  /opt/bot  2026-10-29 21:41:40 - 21:41:41\n"
	    "           1 connection to 1 host, 0 messages accepted, 1 never connected\n"
	    "           process: bot[4711]\n"
	    "  unknown  www-data  pool www (php-fpm8.2)");
	has("The MTA: 2 connections, 2 messages accepted, 2 recipients accepted.\n"
	    "To this host itself: 1 connection, 0 messages accepted.\n"
	    "  local    www-data  pool www (php-fpm8.2)  2026-10-29 21:41:40 - 21:41:41\n"
	    "           1 connection to 1 host, 0 messages accepted\n"
	    "           process: php-fpm8.2[4711] php8.2-fpm.service\n"
	    "To a configured relay, or allowed: 1 connection, 0 messages accepted.\n"
	    "Nothing lost: 10 attempts = 10 delivered + 0 counted only.\n");
}

static void by_script(enum verdict_class class, uint32_t line, const char *started)
{
	struct made_connection made;
	struct made_script script;

	make_connection(&made, class);
	make_script(&script, started ? SCRIPT_OF_ANCESTOR : SCRIPT_OF_OPENER);
	make_word(&script, SCRIPT_METHOD, "GET");
	make_word(&script, SCRIPT_URL, "/?p=1");
	make_call(&script, "/srv/a.php", line, NULL, "send");
	if (started)
		MAKE_TEXTS(&made.who, started, "/", "/", "x");
	made.connection.scripts[script.record.origin] = script_decode(&script.facts, script.size);
	add(&made);
}

/* A script is one actor, whatever line of it sends; who feeds the MTA is told to the last connection. */
static void scripts_are_grouped(void **state)
{
	struct made_connection made;

	(void)state;
	by_script(VERDICT_BYPASS, 5, NULL);
	by_script(VERDICT_BYPASS, 7, "/tmp/bot");
	by_script(VERDICT_BYPASS, 7, "/tmp/other");
	by_script(VERDICT_BYPASS, 7, "/tmp/bot");
	by_script(VERDICT_LOCAL, 5, NULL);
	by_script(VERDICT_LOCAL, 5, NULL);
	make_connection(&made, VERDICT_LOCAL);
	add(&made);
	end(7);
	has("  bypass   www-data  /srv/a.php  2026-10-29 21:41:40 - 21:41:41\n"
	    "           4 connections to 1 host, 0 messages accepted\n"
	    "           ran /tmp/bot\n"
	    "           ran /tmp/other\n"
	    "           last request: GET /?p=1\n"
	    "           last process: bot[4711]");
	has("To this host itself: 3 connections, 0 messages accepted.\n"
	    "  local    www-data  /srv/a.php:5 send()  2026-10-29 21:41:40 - 21:41:41\n"
	    "           2 connections to 1 host, 0 messages accepted\n");
	has("  local    www-data  pool www (php-fpm8.2)  2026-10-29 21:41:40 - 21:41:41\n"
	    "           1 connection to 1 host, 0 messages accepted\n");
}

static void the_culprits_path_is_whole(void **state)
{
	static const char path[] = "/var/www/vhosts/shop.example.org/httpdocs/wp-content/uploads/"
				   "2026/11/.cache/.thumbs/a-long-name-for-a-mailer-0123456789.pl";
	struct made_connection made;

	(void)state;
	for (unsigned int width = 80; width <= 200; width += 20) {
		char joined[512], *to = joined;

		present_width(present, width);
		make_connection(&made, VERDICT_BYPASS);
		made.who.open.who.uid = width; /* a group of its own */
		make_texts(&made.who, path, "/", "/", "x", 2);
		made.connection.last_seen += 6 * 3600 * MAKE_SECOND;
		add(&made);
		fflush(out);
		rewind(out);
		present_end(present, NULL, NULL, 0, 0, 0, 161 * MAKE_SECOND, MAKE_WALL);
		fflush(out);
		has("2026-10-29 21:41:40 - 2026-10-30 03:41:41\n");
		for (const char *at = shown; *at; at++) {
			if (*at == '\n') {
				while (at[1] == ' ')
					at++;
				continue;
			}
			if (to < joined + sizeof(joined) - 1)
				*to++ = *at;
		}
		*to = '\0';
		if (!strstr(joined, path))
			fail_msg("at %u: %s", width, shown);
	}
	present_free(present);
	fclose(out);
}

static void a_worse_reply_replaces_the_other(void **state)
{
	struct made_connection made;

	(void)state;
	make_connection(&made, VERDICT_BYPASS);
	make_said(&made, "S: 421 4.7.0 busy");
	add(&made);
	bypass_to("203.0.113.7");
	make_connection(&made, VERDICT_BYPASS);
	make_said(&made, "S: 550 no");
	add(&made);
	end(3);
	has("  1 x 554 5.7.1 Service unavailable");
}

static void groups_are_bounded(void **state)
{
	struct made_connection made;
	char path[64];

	(void)state;
	for (int i = 0; i < LIMIT_SUMMARY_ROWS + 7; i++) {
		make_connection(&made, VERDICT_BYPASS);
		snprintf(path, sizeof(path), "/tmp/bot%d", i);
		make_texts(&made.who, path, "/", "/", "x", 2);
		add(&made);
	}
	end(1);
	has("Round the MTA in 61 s: 4096 actors\n");
	has("  and 4046 more: 4046 connections, 0 messages accepted\n"
	    "  others, too many to tell apart: 7 connections, 0 messages accepted\n");
}

static void destinations_are_counted_exactly_up_to_a_bound(void **state)
{
	struct hosts hosts = {0};
	uint8_t address[16] = {1};

	(void)state;
	for (unsigned int i = 0; i < 3 * LIMIT_SUMMARY_HOSTS; i++) {
		unsigned int host = i % LIMIT_SUMMARY_HOSTS;

		memcpy(address + 8, &host, sizeof(host));
		hosts_add(&hosts, address);
	}
	assert_int_equal(hosts.count, LIMIT_SUMMARY_HOSTS);
	assert_false(hosts.over);
	address[0] = 2;
	hosts_add(&hosts, address);
	assert_int_equal(hosts.count, LIMIT_SUMMARY_HOSTS);
	assert_true(hosts.over);
	free(hosts.slots);
	group_free(NULL);
	end(0);
}

static void a_fan_out_over_the_bound_says_so(void **state)
{
	char address[32];

	(void)state;
	for (int i = 0; i < LIMIT_SUMMARY_HOSTS + 10; i++) {
		snprintf(address, sizeof(address), "198.18.%d.%d", i / 256, i % 256);
		bypass_to(address);
	}
	end(1);
	has("1034 connections to over 1024 hosts");
}

static void every_loss_is_said(void **state)
{
	struct frame_loss_row rows[2] = {
		{.key = {.exe_inode = 12345, .exe_device = 8 << 20 | 1, .uid = 33, .port = 25},
		 .attempts = 20,
		 .user = "www-data"},
		{.key = {.exe_inode = 99, .exe_device = 8 << 20 | 1, .uid = 1000, .port = 465},
		 .attempts = 11}};
	struct frame_end frame = {.counters = {.attempts = 431,
					       .delivered = 400,
					       .counted_only = 31,
					       .senders_lost = 1,
					       .scripts_lost = 3,
					       .states_lost = 2,
					       .data_lost = 3,
					       .data_lost_bytes = 333,
					       .storage_failed = 4,
					       .scratch_busy = 5,
					       .loss_rows_full = 6},
				  .loss_rows = 5,
				  .states_missed = 7,
				  .status = 1};

	(void)state;
	present_loss(present, &frame.counters, 110 * MAKE_SECOND, MAKE_WALL);
	end_with(&frame, rows, 2, 8, 9);
	has("21:41:50 LOSS     31 of 431 connections counted only, 333 bytes of dialogue lost\n");
	has("The privileged half stopped with an error (status 1).\n"
	    "Detail lost: 431 attempts = 400 delivered + 31 counted only.\n"
	    "  31 connections known only by number (ring full, or no memory):\n"
	    "        20  uid 33 (www-data)  port 25  executable inode 12345 on device 8:1\n"
	    "        11  uid 1000  port 465  executable inode 99 on device 8:1\n"
	    "  and 3 more such rows\n"
	    "  6 of them not even by user and executable\n"
	    "  3 pieces of dialogue (333 bytes) not read\n"
	    "  2 openings or ends not heard of\n"
	    "  1 hand-overs not heard of\n"
	    "  3 scripts not named\n"
	    "  4 sockets without memory for their state\n"
	    "  5 records without a place to build them\n"
	    "  7 program runs skipped by the kernel\n"
	    "  8 connections ended early: the table was full\n"
	    "  9 connections of which only fragments came\n");
}

static void counts_that_do_not_add_up_are_shown(void **state)
{
	struct frame_end frame = {.counters = {.attempts = 5, .delivered = 3}};

	(void)state;
	end_with(&frame, NULL, 0, 0, 0);
	has("Detail lost: 5 attempts but 3 delivered + 0 counted only.\n");
}

static void a_dead_half_is_said(void **state)
{
	(void)state;
	end_with(NULL, NULL, 0, 2, 3);
	has("The privileged half died: what it counted, and what is missing here, is not known.\n"
	    "  2 connections ended early: the table was full\n"
	    "  3 connections of which only fragments came\n");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(nothing_happened),
		CASE(the_worst_comes_first),
		CASE(scripts_are_grouped),
		CASE(the_culprits_path_is_whole),
		CASE(a_worse_reply_replaces_the_other),
		CASE(groups_are_bounded),
		CASE(destinations_are_counted_exactly_up_to_a_bound),
		CASE(a_fan_out_over_the_bound_says_so),
		CASE(every_loss_is_said),
		CASE(counts_that_do_not_add_up_are_shown),
		CASE(a_dead_half_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
