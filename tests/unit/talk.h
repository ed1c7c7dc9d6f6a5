/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * talk.h - dialogues for the tests of the session machine, told line by line
 */
#ifndef SMTPSNOOP_TALK_H
#define SMTPSNOOP_TALK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "smtp/session.h"

#define TALK_UNUSED __attribute__((unused))

static struct session talk;
static uint64_t talk_at[2]; /* stream offsets */
static char talk_steps[8192]; /* "C: line\n" and "S: line\n" */
static char talk_recipients[1024]; /* "a@b.example\n" */

static void talk_add(char *all, size_t size, const char *label, const char *bytes, size_t length)
{
	size_t used = strlen(all);

	snprintf(all + used, size - used, "%s%.*s\n", label, (int)length, bytes);
}

static void talk_step(void *context, enum event_direction from, const char *line, size_t length)
{
	(void)context;
	talk_add(talk_steps, sizeof(talk_steps), from == FROM_CLIENT ? "C: " : "S: ", line, length);
}

static void talk_recipient(void *context, const char *address, size_t length)
{
	(void)context;
	talk_add(talk_recipients, sizeof(talk_recipients), "", address, length);
}

static void talk_start(uint16_t port)
{
	session_init(&talk, port, talk_recipient, talk_step, NULL);
	talk_at[0] = talk_at[1] = 0;
	talk_steps[0] = talk_recipients[0] = '\0';
}

static void talk_bytes(enum event_direction from, const char *bytes, size_t length)
{
	session_data(&talk, from, talk_at[from], (const uint8_t *)bytes, length, 0, WITHHELD_NOT,
		     0);
	talk_at[from] += length;
}

static void talk_note(enum event_direction from, uint64_t withheld, enum withheld why,
		      uint8_t flags)
{
	session_data(&talk, from, talk_at[from], NULL, 0, withheld, why, flags);
	talk_at[from] += withheld;
}

static void client(const char *text)
{
	talk_bytes(FROM_CLIENT, text, strlen(text));
}

static void server(const char *text)
{
	talk_bytes(FROM_SERVER, text, strlen(text));
}

/* A command and its reply. */
static TALK_UNUSED void both(const char *command, const char *reply)
{
	client(command);
	client("\r\n");
	server(reply);
	server("\r\n");
}

static TALK_UNUSED void body(uint64_t octets)
{
	talk_note(FROM_CLIENT, octets, WITHHELD_BODY, DATA_DOT);
}

static TALK_UNUSED void chunk(uint64_t octets)
{
	talk_note(FROM_CLIENT, octets, WITHHELD_BODY, 0);
}

static TALK_UNUSED void secret(uint64_t octets)
{
	talk_note(FROM_CLIENT, octets, WITHHELD_SECRET, 0);
}

static TALK_UNUSED void missed(enum event_direction from, uint64_t octets)
{
	talk_note(from, octets, WITHHELD_MISSED, 0);
}

/* Greeted, and EHLO answered. */
static TALK_UNUSED void talk_greeted(void)
{
	talk_start(25);
	server("220 mx.example ESMTP\r\n");
	both("EHLO client.example", "250-mx.example\r\n250 PIPELINING");
}

static TALK_UNUSED void assert_text(const struct session_text *text, const char *bytes,
				    const char *right)
{
	assert_true(text->seen);
	assert_int_equal(text->length, strlen(right));
	assert_memory_equal(bytes, right, text->length);
}

/* Kept texts that lie one after another, as "one|two". */
static TALK_UNUSED void assert_list(const char *bytes, const uint16_t *lengths, unsigned int kept,
				    const char *right)
{
	char all[8192] = "";

	for (unsigned int i = 0; i < kept; i++) {
		size_t used = strlen(all);

		snprintf(all + used, sizeof(all) - used, "%s%.*s", i ? "|" : "", (int)lengths[i],
			 bytes);
		bytes += lengths[i];
	}
	assert_string_equal(all, right);
}

#define assert_senders(right)                                                                      \
	assert_list(talk.facts.from_bytes, talk.facts.from_lengths, talk.facts.from_kept, right)
#define assert_domains(right)                                                                      \
	assert_list(talk.facts.domain_bytes, talk.facts.domain_lengths, talk.facts.domains_kept,   \
		    right)
#define assert_replies(two, three, four, five)                                                     \
	do {                                                                                       \
		const uint32_t right[4] = {two, three, four, five};                                \
		assert_memory_equal(talk.facts.replies, right, sizeof(right));                     \
	} while (0)

#endif
