/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_process_now.c - a process as it is now: its frame taken apart, and shown as text and JSON
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "make_connection.h"
#include "present/present.h"
#include "present/text_now.h"
#include "shown.h"

/* A frame that is being made: the texts in their order. */
static struct {
	struct frame_process head;
	char text[PROCESS_TEXT_MAX];
} frame;
static size_t text_used;

static void make_frame(void)
{
	memset(&frame, 0, sizeof(frame));
	text_used = 0;
	frame.head.tgid = 4711;
	frame.head.start = 1000000000;
	strcpy(frame.head.comm, "bot");
}

static void add_text(enum process_text which, const char *text, size_t length)
{
	frame.head.lengths[which] = (uint32_t)length;
	memcpy(frame.text + text_used, text, length);
	text_used += length;
}

/* Without the literal's own NUL. */
#define ADD(which, text) add_text(which, text, sizeof(text) - 1)

static void make_whole_frame(void)
{
	make_frame();
	frame.head.tty = 136 << 8 | 3;
	frame.head.session = 812;
	frame.head.group = 813;
	frame.head.threads = 3;
	frame.head.files = 12;
	frame.head.sockets = 2;
	frame.head.deleted = 2;
	frame.head.code = 5;
	frame.head.namespaces[NAMESPACE_NET] = 77;
	frame.head.ancestor_count = 2;
	frame.head.ancestors[0] = (struct event_process){.tgid = 812, .comm = "sh"};
	frame.head.ancestors[1] = (struct event_process){.tgid = 1, .comm = "systemd"};
	ADD(PROCESS_EXE, "/tmp/.x/bot (deleted)");
	ADD(PROCESS_CWD, "/var/www");
	ADD(PROCESS_ROOT, "/");
	ADD(PROCESS_DELETED, "5 1234567 /tmp/a b\0006 10 /tmp/\033[2J\0");
	ADD(PROCESS_STATUS,
	    "Uid:\t33\t34\t33\t33\nCapPrm:\t0000000000002000\nCapEff:\t0000000000000000\n"
	    "NoNewPrivs:\t1\nSeccomp:\t2\n");
	ADD(PROCESS_LIMITS,
	    "Max processes             unlimited            100                  processes \n"
	    "Max open files            1024                 1048576              files     \n");
	ADD(PROCESS_CODE, "7f0000000000-7f0000100000 rwxp 00000000 00:00 0 \n"
			  "7f1000000000-7f1000001000 r-xp 00000000 fd:00 99                        "
			  " /tmp/l b.so (deleted)\n"
			  "7f2000000000-7f2000100000 rwxp 00000000 00:00 0 \n"
			  "no line at all\n");
	ADD(PROCESS_CMDLINE, "./bot\0-x\0\0");
	ADD(PROCESS_ENVIRON, "PATH\0HOME\0");
}

static struct process_now *decode(void)
{
	return process_now_decode(&frame, sizeof(frame.head) + text_used);
}

static void everything_is_taken_apart(void **state)
{
	struct process_now *now;
	struct bytes rest;

	(void)state;
	make_whole_frame();
	now = decode();
	assert_non_null(now);
	assert_true(bytes_are(now->exe, "/tmp/.x/bot") && now->exe_deleted);
	assert_true(now->status && now->no_new_privs);
	assert_int_equal(now->uid, 33);
	assert_int_equal(now->euid, 34);
	assert_int_equal(now->permitted, 1 << 13);
	assert_int_equal(now->effective, 0);
	assert_int_equal(now->seccomp, 2);
	assert_true(now->open_files.known && now->processes.known);
	assert_int_equal(now->open_files.soft, 1024);
	assert_int_equal(now->open_files.hard, 1048576);
	assert_true(now->processes.soft == PROCESS_UNLIMITED);
	assert_int_equal(now->processes.hard, 100);
	assert_int_equal(now->code_count, 2);
	assert_string_equal(now->code[0].permissions, "rwxp");
	assert_int_equal(now->code[0].bytes, 2 << 20);
	assert_int_equal(now->code[0].pieces, 2);
	assert_int_equal(now->code[0].path.length, 0);
	assert_true(bytes_are(now->code[1].path, "/tmp/l b.so") && now->code[1].deleted);
	assert_int_equal(now->deleted_count, 2);
	assert_int_equal(now->deleted[0].fd, 5);
	assert_int_equal(now->deleted[0].bytes, 1234567);
	assert_true(bytes_are(now->deleted[0].path, "/tmp/a b"));
	rest = now->cmdline;
	assert_true(bytes_are(process_now_next(&rest), "./bot"));
	assert_true(bytes_are(process_now_next(&rest), "-x"));
	assert_true(bytes_are(process_now_next(&rest), ""));
	assert_null(process_now_next(&rest).at);
	free(now);
}

static void nothing_is_known(void **state)
{
	struct process_now *now;

	(void)state;
	make_frame();
	now = decode();
	assert_non_null(now);
	assert_false(now->status || now->open_files.known || now->code_count || now->deleted_count);
	free(now);
}

/* More kinds than are told apart, and numbers that are none. */
static void odd_lines(void **state)
{
	char lines[4096];
	size_t used = 0;
	struct process_now *now;

	(void)state;
	make_frame();
	ADD(PROCESS_DELETED, "x y /tmp/a\0"
			     "7\0"
			     "8 9\0"
			     "1 2 ");
	ADD(PROCESS_STATUS, "Uid:\tx\nCapEff:\tzz\nSeccomp:\t99999999999999999999999\n");
	ADD(PROCESS_LIMITS, "Max open files            12x                  1\n");
	for (unsigned int i = 0; i < 2 * LIMIT_PROCESS_CODE; i++)
		used += (size_t)snprintf(lines + used, sizeof(lines) - used,
					 "%x000-%x000 rwxp 00000000 00:00 0 [anon:%u]\n", i, i + 1,
					 i);
	used += (size_t)snprintf(lines + used, sizeof(lines) - used,
				 "9000-1000 rwxp 0 0 0 \n1-2 rwxp");
	add_text(PROCESS_CODE, lines, used);
	now = decode();
	assert_non_null(now);
	assert_int_equal(now->code_count, LIMIT_PROCESS_CODE);
	assert_int_equal(now->deleted_count, 2);
	assert_int_equal(now->deleted[1].path.length, 0);
	assert_false(now->status || now->open_files.known);
	free(now);
}

static void refused(size_t size)
{
	errno = 0;
	assert_null(process_now_decode(&frame, size));
	assert_int_equal(errno, EBADMSG);
}

static void wrong_lengths(void **state)
{
	struct processes *processes = processes_new();
	size_t size;

	(void)state;
	make_whole_frame();
	size = sizeof(frame.head) + text_used;
	refused(size - 1);
	refused(size + 1);
	refused(sizeof(frame.head) - 1);
	refused(0);
	frame.head.lengths[PROCESS_EXE] = UINT32_MAX;
	refused(size);
	make_whole_frame();
	frame.head.ancestor_count = PROCESS_ANCESTORS + 1;
	refused(size);
	make_whole_frame();
	assert_int_equal(processes_frame(processes, FRAME_PROCESSES, &frame, 3), -EBADMSG);
	assert_int_equal(processes_frame(processes, FRAME_EVENT, &frame, size), -EBADMSG);
	assert_int_equal(processes_frame(processes, FRAME_PROCESS, &frame, size), 0);
	assert_int_equal(processes_frame(processes, FRAME_PROCESS, &frame, size), -EBADMSG);
	for (frame.head.tgid = 1; frame.head.tgid < LIMIT_PROCESSES; frame.head.tgid++)
		assert_int_equal(processes_frame(processes, FRAME_PROCESS, &frame, size), 0);
	frame.head.tgid = 9999;
	assert_int_equal(processes_frame(processes, FRAME_PROCESS, &frame, size), -EBADMSG);
	processes_free(processes);
}

static void tty_is(uint32_t tty, const char *name)
{
	char out[PROCESS_TTY];

	process_now_tty(out, tty);
	assert_string_equal(out, name);
}

static void terminals(void **state)
{
	(void)state;
	tty_is(0, "");
	tty_is(4 << 8 | 1, "tty1");
	tty_is(4 << 8 | 64, "ttyS0");
	tty_is(5 << 8 | 1, "console");
	tty_is(136 << 8 | 3, "pts/3");
	tty_is(137 << 8 | 4, "pts/260");
	tty_is(136 << 8 | 1 << 20 | 2, "pts/258");
	tty_is(200 << 8, "");
	tty_is(UINT32_MAX, "");
}

/* What a presenter has to say of one process, and of a connection of its own that is a bypass. */
static void show(bool json, bool values, unsigned int width)
{
	struct present_options options = {
		.json = json, .values = values, .width = width, .snapshot = true, .verdicts = ~0u};
	struct frame_processes sum = {.looked = 1, .late = 2};
	struct processes *processes = processes_new();
	struct frame_start start = {.port_count = 0};
	struct made_connection made;
	struct present *present;
	struct frame_end end = {.status = 0};

	free(shown);
	setenv("TZ", "UTC", 1);
	options.out = open_memstream(&shown, &shown_size);
	present = present_new(&options);
	present_start(present, &start, 100 * MAKE_SECOND, MAKE_WALL);
	assert_int_equal(
		processes_frame(processes, FRAME_PROCESS, &frame, sizeof(frame.head) + text_used),
		0);
	assert_int_equal(processes_frame(processes, FRAME_PROCESSES, &sum, sizeof(sum)), 0);
	make_connection(&made, VERDICT_BYPASS);
	made.connection.closed = 0;
	make_opener(&made);
	processes_judge(processes, &made.connection, NULL);
	present_existing(present, &made.connection, NULL, MAKE_WALL);
	present_processes(present, processes, 105 * MAKE_SECOND, MAKE_WALL);
	present_end(present, &end, NULL, 0, 0, 0, 105 * MAKE_SECOND, MAKE_WALL);
	present_free(present);
	fclose(options.out);
	make_free(&made);
	processes_free(processes);
}

static void as_text(void **state)
{
	(void)state;
	make_whole_frame();
	show(false, false, 120);
	has("           4711: ./bot -x\n"
	    "             since 2026-10-29 21:40:01, terminal pts/3, session 812, 3 threads, "
	    "cap_net_raw, own namespaces net\n"
	    "             from sh[812] <- systemd[1]\n"
	    "             deleted and still open: /tmp/a b (1.2 MB)\n"
	    "             deleted and still open: /tmp/\\x1b[2J (10 B)\n"
	    "             executable memory: 2.1 MB rwx without a file\n"
	    "             executable memory: 4.1 kB r-x of the deleted /tmp/l b.so\n"
	    "             12 files open, in /var/www; environment: PATH HOME\n"
	    "           to stop: kill 4711\n");
	has("Of 2 processes no more is known than their connections tell: there was no time "
	    "left.\n");
}

/* Of what is not known nothing is said; a long command line keeps to its line. */
static void as_short_text(void **state)
{
	char line[300];

	(void)state;
	make_frame();
	show(false, false, 80);
	has("           4711: bot (no command line)\n"
	    "             since 2026-10-29 21:40:01, no terminal\n"
	    "           to stop: kill 4711\n");
	make_frame();
	memset(line, ' ', sizeof(line));
	memcpy(line + sizeof(line) - strlen("to stop: kill 1"), "to stop: kill 1",
	       strlen("to stop: kill 1"));
	line[0] = 'x';
	add_text(PROCESS_CMDLINE, line, sizeof(line));
	show(false, false, 80);
	has("           4711: x");
	has_not("kill 1");
}

static void values_only_where_wanted(void **state)
{
	(void)state;
	make_frame();
	frame.head.flags = PROCESS_VALUES;
	ADD(PROCESS_ENVIRON, "KEY=s3cret\0\033A=\0odd s3cret\0");
	show(true, false, 80);
	has("\"env_vars\":[\"KEY\",\"\\u001bA\"]");
	has_not("s3cret");
	show(true, true, 80);
	has("\"env_vars\":[\"KEY=s3cret\",\"\\u001bA=\",\"odd s3cret\"]");
	show(false, true, 80);
	has("             environment: KEY=s3cret\n             environment: \\x1bA=\n");
}

static void as_json(void **state)
{
	(void)state;
	make_whole_frame();
	show(true, false, 80);
	has("\"action\":\"process\"},\"process\":{\"pid\":4711,\"name\":\"bot\","
	    "\"start\":\"2026-10-29T21:40:01.000000Z\",\"executable\":\"/tmp/.x/"
	    "bot\",\"exe\":{\"deleted\":true},"
	    "\"command_line\":\"./bot "
	    "-x\",\"args\":[\"./bot\",\"-x\",\"\"],\"env_vars\":[\"PATH\",\"HOME\"],"
	    "\"parent\":{\"pid\":812,\"name\":\"sh\"},"
	    "\"ancestors\":[{\"pid\":812,\"name\":\"sh\"},{\"pid\":1,\"name\":\"systemd\"}],"
	    "\"tty\":{\"char_device\":{\"major\":136,\"minor\":3},\"name\":\"pts/3\"},"
	    "\"session_leader\":{\"pid\":812},\"group_leader\":{\"pid\":813},"
	    "\"thread\":{\"count\":3,\"capabilities\":{\"effective\":[],\"permitted\":[\"CAP_NET_"
	    "RAW\"]}},"
	    "\"no_new_privs\":true,\"seccomp\":\"filter\","
	    "\"limits\":{\"open_files\":{\"soft\":1024,\"hard\":1048576},\"processes\":{\"hard\":"
	    "100}},"
	    "\"open_files\":{\"count\":12,\"sockets\":2,\"deleted\":2},"
	    "\"deleted_files\":[{\"fd\":5,\"size\":1234567,\"path\":\"/tmp/a b\"},"
	    "{\"fd\":6,\"size\":10,\"path\":\"/tmp/\\u001b[2J\"}],"
	    "\"executable_memory\":[{\"permissions\":\"rwxp\",\"size\":2097152,\"pieces\":2},"
	    "{\"permissions\":\"r-xp\",\"size\":4096,\"pieces\":1,\"path\":\"/tmp/l "
	    "b.so\",\"deleted\":true}],"
	    "\"executable_memory_total\":5,"
	    "\"working_directory\":\"/var/www\",\"namespaces\":{\"net\":77}},"
	    "\"user\":{\"id\":33,\"effective\":{\"id\":34}}}\n");
	has("\"processes\":{\"told\":1,\"over\":0,\"no_time\":2,\"no_room\":0}");
}

/* What is not known is absent, and no empty object stands for it. */
static void as_short_json(void **state)
{
	(void)state;
	make_frame();
	frame.head.flags = PROCESS_UNFINISHED | PROCESS_ANCESTORS_CUT;
	show(true, false, 80);
	has("\"process\":{\"pid\":4711,\"name\":\"bot\",\"start\":\"2026-10-29T21:40:01.000000Z\","
	    "\"ancestors_cut\":true,\"unfinished\":true}}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_taken_apart),
		cmocka_unit_test(nothing_is_known),
		cmocka_unit_test(odd_lines),
		cmocka_unit_test(wrong_lengths),
		cmocka_unit_test(terminals),
		cmocka_unit_test(as_text),
		cmocka_unit_test(as_short_text),
		cmocka_unit_test(values_only_where_wanted),
		cmocka_unit_test(as_json),
		cmocka_unit_test(as_short_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
