/* SPDX-License-Identifier: GPL-2.0-only */
/* One connection under judgement, for the tests of the judge: a test changes the records and says what the verdict has to be. */
#ifndef JUDGING_H
#define JUDGING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "judge/reasons.h"
#include "judge/verdict.h"
#include "make_frame.h"

#define SECOND 1000000000ull

static struct made_who opener, sender;
static bool handed_over;
static struct session_facts session;
static struct verdict_case facts;
static struct config *config;
static struct judge *judge;

static void configure(const char *text)
{
	char error[256];

	judge_free(judge);
	config_free(config);
	config = config_parse("t.conf", text, strlen(text), error, sizeof(error));
	assert_non_null(config);
	judge = judge_new(config);
	assert_non_null(judge);
}

static int setup(void **state)
{
	(void)state;
	memset(&session, 0, sizeof(session));
	memset(&facts, 0, sizeof(facts));
	make_who(&opener, EVENT_OPEN, 1, SECOND);
	make_who(&sender, EVENT_SENDER, 1, SECOND);
	handed_over = false;
	facts.session = &session;
	facts.flags = EVENT_F_LISTED;
	facts.found = FOUND_PORT;
	facts.established = true;
	facts.opened = facts.now = 1000 * SECOND;
	session.smtp = session.quit = true;
	session.greeting.seen = true;
	configure("");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	judge_free(judge);
	config_free(config);
	judge = NULL;
	config = NULL;
	return 0;
}

static struct verdict ask(void)
{
	struct process *first = process_decode(&opener, opener.size);
	struct process *second = handed_over ? process_decode(&sender, sender.size) : NULL;
	struct verdict verdict;

	assert_non_null(first);
	facts.opener = first;
	facts.sender = second;
	facts.ends = &opener.open.ends;
	verdict = judge_verdict(judge, &facts);
	process_free(first);
	process_free(second);
	return verdict;
}

static void judged(enum verdict_class class, uint64_t reasons)
{
	struct verdict verdict = ask();

	if (verdict.class != class)
		fail_msg("%s instead of %s", verdict_name(verdict.class), verdict_name(class));
	for (int i = 0; i < REASON_COUNT; i++) {
		if ((verdict.reasons ^ reasons) >> i & 1)
			fail_msg("%s: %s", verdict_reason_name((enum verdict_reason)i),
				 reasons >> i & 1 ? "missing" : "wrong");
	}
}

/* An ordinary bypass has direct-mx; `reasons` come on top. */
static void bypass(uint64_t reasons)
{
	judged(VERDICT_BYPASS, REASON(DIRECT_MX) | reasons);
}

static void impostor(uint64_t reasons)
{
	judged(VERDICT_IMPOSTOR, REASON(DIRECT_MX) | reasons);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
