/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * text_queue.c - the queues of this host's MTAs in words
 *
 * What the tools say of errors is foreign, and escaped. Nothing is fatal.
 */
#include <inttypes.h>
#include <string.h>

#include "base/escape.h"
#include "present/text_queue.h"
#include "base/number.h"

static const char *const titles[QUEUE_MTAS] = {
	[QUEUE_POSTFIX] = "Postfix",
	[QUEUE_EXIM] = "Exim",
	[QUEUE_SENDMAIL] = "Sendmail",
	[QUEUE_OPENSMTPD] = "OpenSMTPD",
};

static void failure(char *out, size_t size, const struct mta_seen *mta)
{
	if (mta->said[0])
		snprintf(out, size, "%.*s", (int)strcspn(mta->said, "\n"), mta->said);
	else if (mta->status < 0)
		snprintf(out, size, "its tool was killed by signal %d", -mta->status);
	else
		snprintf(out, size, "its tool ended with status %d", mta->status);
}

void queue_why(char *out, size_t size, const struct mta_seen *mta)
{
	out[0] = '\0';
	switch (mta->end) {
	case TOOL_ABSENT:
		snprintf(out, size, "its tool is not there");
		break;
	case TOOL_UNSAFE:
		snprintf(out, size, "others than root can write its tool");
		break;
	case TOOL_REFUSED:
		snprintf(out, size, "its tool cannot be started: %s", strerror(mta->status));
		break;
	case TOOL_FAILED:
		failure(out, size, mta);
		break;
	case TOOL_LATE:
		snprintf(out, size, "no more within %d s", LIMIT_QUEUE_MS / 1000);
		break;
	case TOOL_OVER:
		snprintf(out, size, "more than is read");
		break;
	default:
		break;
	}
}

/* "40 s", "25 min", "2 h", "3 d": rounded down. */
static void age_words(char *out, size_t size, int64_t seconds)
{
	static const struct {
		int64_t seconds;
		const char *unit;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
	size_t i = 0;

	while (i + 1 < sizeof(units) / sizeof(units[0]) && seconds < units[i].seconds)
		i++;
	snprintf(out, size, "%" PRId64 " %s", seconds > 0 ? seconds / units[i].seconds : 0,
		 units[i].unit);
}

static size_t list_words(char *out, size_t size, const struct mta_seen *mta, int64_t unix_now)
{
	const struct queue_list *list = &mta->list;
	bool whole = mta->end == TOOL_DONE;
	char date[TEXT_DATE], age[32];
	size_t used;

	if (whole && !list->messages)
		return (size_t)snprintf(out, size, "is empty");
	used = (size_t)snprintf(out, size, "%s%" PRIu64 " message%s", whole ? "" : "at least ",
				list->messages, plural(list->messages));
	if (list->oldest) {
		text_date(date, sizeof(date), list->oldest * 1000000000);
		age_words(age, sizeof(age), unix_now / 1000000000 - list->oldest);
		used += (size_t)snprintf(out + used, size - used, ", the oldest since %s (%s)",
					 date, age);
	}
	if (list->deferred > 0)
		used += (size_t)snprintf(out + used, size - used, ", %" PRId64 " deferred",
					 list->deferred);
	if (list->held > 0)
		used += (size_t)snprintf(out + used, size - used, ", %" PRId64 " %s", list->held,
					 mta->mta == QUEUE_EXIM ? "frozen" : "on hold");
	return used;
}

static void queue_print(const struct mta_seen *mta, const struct text *text, int64_t unix_now)
{
	char words[4 * QUEUE_WHY + 256], why[QUEUE_WHY];
	bool whole = mta->end == TOOL_DONE;
	size_t used;

	queue_why(why, sizeof(why), mta);
	used = (size_t)snprintf(words, sizeof(words), "%s's queue%s ", titles[mta->mta],
				whole && !mta->list.messages ? "" : ":");
	if (mta->listed)
		used += list_words(words + used, sizeof(words) - used, mta, unix_now);
	else
		used += (size_t)snprintf(words + used, sizeof(words) - used, "not known");
	used += (size_t)snprintf(words + used, sizeof(words) - used, "%s", why[0] ? ": " : ".");
	escape_text(words + used, sizeof(words) - used, why, strlen(why), NULL);
	text_paragraph(text, words, 0);
}

void queues_print(const struct queues *queues, const struct text *text, int64_t unix_now)
{
	for (unsigned int i = 0; i < queues->count; i++)
		if (queues->seen[i].end != TOOL_RUNS)
			queue_print(&queues->seen[i], text, unix_now);
}
