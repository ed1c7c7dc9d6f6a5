/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_blocklist.c - refusals as the world writes them
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "smtp/blocklist.h"

static const struct refusal {
	const char *line;
	const char *name;
} refusals[] = {
	{"554 5.7.1 Service unavailable; Client host [203.0.113.7] blocked using zen.spamhaus.org",
	 "spamhaus"},
	{"550-5.7.1 https://www.spamhaus.org/query/ip/203.0.113.7", "spamhaus"},
	{"554 5.7.1 203.0.113.7 Blocked by Abusix (combined.mail.abusix.zone)", "abusix"},
	{"553 5.3.0 see http://www.spamcop.net/bl.shtml?203.0.113.7", "spamcop"},
	{"550 listed at b.barracudacentral.org", "barracuda"},
	{"554 Barracuda Reputation: http://bbl.example/q.cgi?ip=203.0.113.7", "barracuda"},
	{"554 in dnsbl-1.uceprotect.net", "uceprotect"},
	{"550 Your IP is listed by UCEPROTECT-Level3", "uceprotect"},
	{"550 listed in dnsbl.sorbs.net", "sorbs"},
	{"550 blocked using cbl.abuseat.org", "cbl"},
	{"450 4.7.1 rejected: CBL", "cbl"},
	{"550 blocked using psbl.surriel.com", "psbl"},
	{"451 bl.mailspike.net", "mailspike"},
	{"554 hostkarma.junkemailfilter.com=127.0.0.2", "hostkarma"},
	{"550 listed at sip.invaluement.com", "invaluement"},
	{"550 ivmSIP/24", "invaluement"},
	{"550 5.7.1 Unfortunately, messages from [203.0.113.7] weren't sent. part of their network "
	 "is "
	 "on our block list (S3140).",
	 "microsoft"},
	{"550 5.7.1 block list (S3150). You can also refer your provider to", "microsoft"},
	{"550-5.7.1 [203.0.113.7      12] Our system has detected that this message is", "gmail"},
	{"550 5.7.1 https://support.google.com/mail/?p=UnsolicitedMessageError x - gsmtp", "gmail"},
	{"421-4.7.0 p=UnsolicitedIPError", "gmail"},
	/* Not one of them. */
	{"550-5.7.26 Unauthenticated email from example.com is not accepted - gsmtp", NULL},
	{"550 5.1.1 no such user - gsmtp", NULL},
	{"550 our sponge absorbs nothing", NULL},
	{"550 S31400", NULL},
	{"550 5.1.1 unknown", NULL},
	/* The recipient, whom the client has chosen. */
	{"550 5.1.1 <cbl@x.example> not found", NULL},
	{"554 user spamcop@example.org unknown", NULL},
	{"554 <x@spamhaus.org>: user unknown", NULL},
	{"554 <x@spamhaus.org>: blocked using zen.spamhaus.org", "spamhaus"},
	{"250 spamhaus is happy", NULL},
	{"354 spamhaus", NULL},
	{"55", NULL},
	{"", NULL},
};

static void test_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		const struct refusal *refusal = &refusals[i];
		const char *name = blocklist_in_reply(refusal->line, strlen(refusal->line));

		if (refusal->name && !name)
			fail_msg("none in \"%s\"", refusal->line);
		if (!refusal->name && name)
			fail_msg("%s in \"%s\"", name, refusal->line);
		if (name)
			assert_string_equal(name, refusal->name);
	}
}

static void test_only_the_length_counts(void **state)
{
	(void)state;
	assert_null(blocklist_in_reply("550 spamhaus", 11));
	assert_string_equal(blocklist_in_reply("550 spamhausen", 12), "spamhaus");
	assert_null(blocklist_in_reply("550 \0\xff@ `spa", 12));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_only_the_length_counts),
	};

	return cmocka_run_group_tests_name("blocklist", tests, NULL, NULL);
}
