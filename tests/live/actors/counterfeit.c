/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * counterfeit - has PHP's symbols and PHP's version, and in its memory what PHP never has: counterfeit HOW ADDRESS PORT
 *
 * As if every offset that is known of PHP were wrong. HOW says where the reader is led to. Then it sends one message.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "talk.h"

#define EXECUTE_DATA 488 /* in executor_globals of 8.2 */
#define FILENAME 152 /* in its op_array */

char sapi_globals[1024] = "", executor_globals[2048] = "", sapi_module[256] = "";
char version[] = "X-Powered-By: PHP/8.2.0"; /* a test writes another one into a copy */
char executor_globals_Offset = 1; /* likewise: with a small letter it is a build with threads */

struct string {
	uint64_t head[2];
	uint64_t length;
	char text[64];
};

static uint64_t address(const void *at)
{
	return (uint64_t)(uintptr_t)at;
}

static void put(char *where, uint64_t value)
{
	memcpy(where, &value, sizeof(value));
}

/* A stack of one frame that could be PHP's, for `how` to spoil. */
static void build(const char *how)
{
	static uint64_t frame[8], function[64], instruction[8];
	static struct string file = {.length = 6, .text = "/x.php"},
			     name = {.length = 4, .text = "send"};

	/* main/SAPI.h: a request that can be read, before a stack that can't. */
	put(sapi_globals + 8, address("GET"));
	put(sapi_globals + 8 + 32, address("/var/www/entry.php"));
	put(sapi_globals + 8 + 40, address("/url"));
	frame[0] = address(instruction);
	frame[3] = address(function);
	instruction[3] = 7; /* line */
	function[0] = 2; /* code */
	function[1] = address(&name);
	put((char *)function + FILENAME, address(&file));
	put(executor_globals + EXECUTE_DATA, address(frame));
	if (!strcmp(how, "numbers"))
		frame[3] = 41;
	else if (!strcmp(how, "lengths"))
		file.length = 5;
	else if (!strcmp(how, "types"))
		function[0] = 77;
	else if (!strcmp(how, "texts"))
		put((char *)function + FILENAME, address(executor_globals));
	else if (!strcmp(how, "nowhere"))
		put(executor_globals + EXECUTE_DATA, 0x10000);
	else if (!strcmp(how, "kernel"))
		put(executor_globals + EXECUTE_DATA, 0xffff888000000000);
	else if (!strcmp(how, "loop"))
		frame[6] = address(frame);
}

int main(int argc, char **argv)
{
	struct sockaddr_in to;
	int fd;

	if (argc != 4)
		errx(2, "usage: counterfeit HOW ADDRESS PORT");
	build(argv[1]);
	to = talk_address(argv[2], argv[3]);
	fd = talk_socket();
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)))
		err(1, "connect");
	talk_reply(fd);
	talk_message(fd, "actor.example");
	/* The compiler is not to leave it out. */
	return version[0] + executor_globals_Offset == 0;
}
