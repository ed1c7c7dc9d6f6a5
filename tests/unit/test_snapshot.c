/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_snapshot.c - sockets by cookie, their words, and advice that a shell can't take for something else
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "make_connection.h"
#include "present/advice.h"
#include "present/present.h"
#include "present/text_socket.h"
#include "shown.h"

static FILE *out;
static struct present *present;
static struct sockets *sockets;

static int begin(void **state)
{
	struct present_options options = {.width = 120, .snapshot = true, .verdicts = ~0u};
	struct frame_start start = {.ports = {25, 465, 587}, .port_count = 3};

	(void)state;
	setenv("TZ", "UTC", 1);
	out = open_memstream(&shown, &shown_size);
	options.out = out;
	present = present_new(&options);
	sockets = sockets_new();
	assert_true(present && sockets);
	present_start(present, &start, 100 * MAKE_SECOND, MAKE_WALL);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	sockets_free(sockets);
	free(shown);
	return 0;
}

static void end(void)
{
	struct frame_end frame = {.counters = {.attempts = 0}};

	present_end(present, &frame, NULL, 0, 0, 0, 105 * MAKE_SECOND, MAKE_WALL);
	present_free(present);
	fclose(out);
}

static void add_socket(uint64_t cookie, uint32_t state, uint32_t inode)
{
	struct frame_socket socket = {.cookie = cookie,
				      .state = state,
				      .inode = inode,
				      .uid = 33,
				      .idle = 12345,
				      .bytes_out = 40960,
				      .bytes_in = 812,
				      .send_queue = 3000000};

	make_ends(&socket.ends, "192.0.2.10", 4, "203.0.113.7", 25);
	strcpy(socket.user, "www-data");
	strcpy(socket.cgroup, "/system.slice/\033[31mx");
	assert_int_equal(sockets_frame(sockets, FRAME_SOCKET, &socket, sizeof(socket)), 0);
}

static void add_holder(uint64_t cookie, uint32_t pid, const char *name)
{
	struct event_holder holder = {.cookie = cookie, .tgid = pid, .fd = 5};

	strncpy(holder.comm, name, sizeof(holder.comm));
	assert_int_equal(sockets_frame(sockets, FRAME_HOLDER, &holder, sizeof(holder)), 0);
}

static void show(struct made_connection *made)
{
	if (!made->connection.opener)
		make_opener(made);
	present_existing(present, &made->connection, sockets_find(sockets, made->connection.cookie),
			 MAKE_WALL);
	make_free(made);
}

/* The holder that is shown above is not told again; ten of others are not all named. */
static void holders_and_queues(void **state)
{
	struct made_connection made;

	(void)state;
	make_connection(&made, VERDICT_BYPASS);
	made.connection.closed = 0;
	for (uint32_t i = 0; i < 10; i++)
		add_holder(made.connection.cookie, 9000 + i, "ch\033[2Jild");
	add_socket(made.connection.cookie, SOCKET_CLOSE_WAIT, 77);
	show(&made);
	end();
	has("CLOSE-WAIT  BYPASS");
	has("also held by ch\\x1b[2Jild[9000] ch\\x1b[2Jild[9001]");
	has("and 2 more");
	has_not("[9008]");
	has("idle 12 s, 41 kB out, 812 B in 3.0 MB waiting");
}

static void nobodys_sockets(void **state)
{
	(void)state;
	add_socket(1, SOCKET_FIN_WAIT1, 0);
	add_socket(2, SOCKET_ESTABLISHED, 77);
	for (struct socket_seen *seen = sockets_first(sockets); seen; seen = seen->hh.next)
		present_socket(present, seen, 105 * MAKE_SECOND, MAKE_WALL);
	end();
	has("Without a process: 2 (1 ESTAB, 1 FIN-WAIT-1); 1 of them have a file");
	has("FIN-WAIT-1  -         www-data");
	has("/system.slice/\\x1b[31mx");
}

/* Nobody has it open as such, and yet it is no leftover. */
static void part_of_mptcp(void **state)
{
	struct socket_seen *seen;

	(void)state;
	add_socket(1, SOCKET_ESTABLISHED, 77);
	seen = sockets_find(sockets, 1);
	seen->is.mptcp = 1;
	present_socket(present, seen, 105 * MAKE_SECOND, MAKE_WALL);
	end();
	has("Without a process: 1 (1 ESTAB); 1 of them are MPTCP's, and their processes are not "
	    "known\n");
	has("MPTCP: its process");
	has_not("have a file");
}

static void advice_is(const char *cgroup, const char *words, const char *not_words)
{
	struct made_connection made;

	begin(NULL);
	make_connection(&made, VERDICT_BYPASS);
	made.connection.closed = 0;
	MAKE_TEXTS(&made.who, "/usr/bin/perl", "/", cgroup, "perl");
	show(&made);
	end();
	has("to stop: kill 4711\n");
	if (words)
		has(words);
	if (not_words)
		has_not(not_words);
	finish(NULL);
}

/* What a user or a container can name is not put into a command. */
static void advice_is_safe(void **state)
{
	static const char docker[] =
		"/system.slice/"
		"docker-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope";

	(void)state;
	advice_is("/system.slice/cron.service",
		  "or all of its service: systemctl stop cron.service\n", NULL);
	advice_is("/system.slice/x;reboot.service", NULL, "systemctl");
	advice_is("/user.slice/user-1000.slice/user@1000.service/app.slice/cron.service", NULL,
		  "systemctl");
	advice_is(docker, "or all of its container: docker stop 0123456789ab\n", "systemctl");
	advice_is("/", "--uid-owner 33 -j REJECT\n", "systemctl");
}

static void wrong_frames(void **state)
{
	struct frame_socket socket = {.cookie = 1};

	(void)state;
	assert_int_equal(sockets_frame(sockets, FRAME_SOCKET, &socket, sizeof(socket) - 1),
			 -EBADMSG);
	assert_int_equal(sockets_frame(sockets, FRAME_HOLDER, &socket, 8), -EBADMSG);
	assert_int_equal(sockets_frame(sockets, FRAME_EVENT, &socket, sizeof(socket)), -EBADMSG);
	memset(socket.cgroup, 'x', sizeof(socket.cgroup));
	assert_int_equal(sockets_frame(sockets, FRAME_SOCKET, &socket, sizeof(socket)), -EBADMSG);
	assert_null(sockets_first(sockets));
	end();
}

static struct hiding_places places;

static struct frame_hiding *add_place(enum hiding_kind kind, enum hiding_place place)
{
	struct frame_hiding found = {.kind = kind, .place = place, .type = 3, .uid = 0, .id = 12};

	memcpy(found.name, "\033[2Jabcdefghijkl", sizeof(found.name)); /* not terminated */
	strcpy(found.device, "e\n0");
	assert_int_equal(hiding_frame(&places, &found, sizeof(found)), 0);
	return &places.all[places.count - 1];
}

static void show_places(uint32_t programs_unknown)
{
	struct frame_looked looked = {
		.namespaces = 1, .programs_unknown = programs_unknown, .hiding_over = 2};
	struct snapshot_search search = {.looked = &looked, .places = &places};

	present_looked(present, &search);
	end();
}

/* Names as hostile as they get; those that are alike are told together, and not all of the others. */
static void what_could_hide(void **state)
{
	struct frame_hiding *found;

	(void)state;
	memset(&places, 0, sizeof(places));
	add_place(HIDING_PROGRAM, PLACE_TC_EGRESS);
	add_place(HIDING_TUN, PLACE_UNKNOWN)->pid = 4711;
	found = add_place(HIDING_PROGRAM, PLACE_UNKNOWN);
	for (int i = 0; i < 3; i++) {
		found = add_place(HIDING_PROGRAM, PLACE_CGROUP_EGRESS);
		found->device[0] = '\0';
		strcpy(found->cgroup, "/\033[31mx");
	}
	found = add_place(HIDING_TUN, PLACE_UNKNOWN);
	found->elsewhere = 1;
	found->netns = 4026532201;
	show_places(0);
	has("see packets or could change them:");
	has("\"\\x1b[2Jabcdefghijkl\" #12 (tc egress on e\\n0)");
	has("\"\\x1b[2Jabcdefghijkl\" #12 (sched_cls, attached somewhere or nowhere)");
	has("\"\\x1b[2Jabcdefghijkl\" (cgroup egress of /\\x1b[31mx, and 2 more such)");
	has("Tun devices, whose TCP is a program's own: e\\n0 (\\x1b[2Jabcdefghijkl[4711])\n"
	    "  e\\n0 in netns 4026532201 (nobody that is seen)\n");
	has_not("is not known");
}

static void too_much_could_hide(void **state)
{
	struct frame_hiding found;

	(void)state;
	memset(&places, 0, sizeof(places));
	for (uint32_t i = 0; i < LIMIT_HIDING_PLACES + 5; i++) {
		struct frame_hiding *last = add_place(HIDING_PROGRAM, PLACE_XDP);

		if (i < LIMIT_HIDING_PLACES)
			last->type = i;
	}
	assert_int_equal(places.over, 5);
	show_places(EPERM);
	has("and 511 more\n");
	has("Which BPF programs of others see packets is not known: Operation not permitted");
	found = places.all[0];
	assert_int_equal(hiding_frame(&places, &found, sizeof(found) - 1), -EBADMSG);
	found.place = PLACES;
	assert_int_equal(hiding_frame(&places, &found, sizeof(found)), -EBADMSG);
	found.place = PLACE_XDP;
	found.kind = HIDING_TUN + 1;
	assert_int_equal(hiding_frame(&places, &found, sizeof(found)), -EBADMSG);
	found.kind = HIDING_TUN;
	memset(found.device, 'x', sizeof(found.device));
	assert_int_equal(hiding_frame(&places, &found, sizeof(found)), -EBADMSG);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(holders_and_queues),	  CASE(nobodys_sockets), CASE(part_of_mptcp),
		cmocka_unit_test(advice_is_safe), CASE(wrong_frames),	 CASE(what_could_hide),
		CASE(too_much_could_hide),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
