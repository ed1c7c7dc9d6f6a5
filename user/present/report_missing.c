/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report_missing.c - what a report does not know, in sentences
 *
 * The same loss again and again is one sentence with its sum: a disk that was full for an hour says so once. Words of the store are
 * escaped: they are of the half that reads what attackers write. Nothing is fatal.
 */
#include <inttypes.h>
#include <string.h>

#include "base/escape.h"
#include "present/report_table.h"
#include "store/store.h"

#define INDENT 2
#define GAPS_SHOWN 10 /* the longest of them: an hour of restarts is told in a sentence */
#define WORDS 768

struct missing {
	void (*say)(void *context, const char *words);
	void *context;
	bool any; /* something was said */
};

static void sentence(struct missing *missing, const char *words)
{
	missing->any = true;
	missing->say(missing->context, words);
}

static void before_the_store(struct missing *missing, const struct report *report)
{
	const struct query_extent *extent = &report->extent;
	int64_t begin = extent->created;
	char date[REPORT_DATE], words[WORDS];

	if (extent->first && extent->first < begin)
		begin = extent->first;
	if (report->query->since >= begin)
		return;
	report_date(date, begin);
	snprintf(words, sizeof(words), "The store begins at %s: nothing is known of before.", date);
	sentence(missing, words);
}

/* Retention: destinations may be kept shorter than who sent. */
static void before_values(struct missing *missing, const struct report *report)
{
	const struct query_extent *extent = &report->extent;
	char date[REPORT_DATE], words[WORDS];

	if (!extent->details_since || !extent->days_since ||
	    extent->days_since >= extent->details_since || extent->first >= extent->days_since ||
	    report->query->since >= extent->days_since)
		return;
	report_date(date, extent->days_since);
	snprintf(words, sizeof(words),
		 "Destinations, HELO names and answers are not kept from before %s.", date);
	sentence(missing, words);
}

static int64_t length(const struct query_gap *gap, const struct report *report)
{
	int64_t since = gap->since > report->query->since ? gap->since : report->query->since;
	int64_t until = report->query->until < report->now ? report->query->until : report->now;

	return (gap->until < until ? gap->until : until) - since;
}

static void one_gap(struct missing *missing, const struct report *report,
		    const struct query_gap *gap)
{
	char since[REPORT_DATE], until[REPORT_DATE], span[REPORT_SPAN], words[WORDS];

	report_date(since, gap->since);
	report_span(span, length(gap, report));
	if (gap->until == INT64_MAX) {
		snprintf(words, sizeof(words),
			 "The collector has not been running since %s (%s of this time).", since,
			 span);
	} else {
		report_dates(since, until, gap->since, gap->until);
		snprintf(words, sizeof(words),
			 gap->unclean ? "The collector ended without a word: nothing is known from "
					"%s, when it was last heard of, to %s (%s)."
				      : "The collector was not running from %s to %s (%s).",
			 since, until, span);
	}
	sentence(missing, words);
}

/* How many gaps are longer, or as long and earlier. */
static unsigned int rank(const struct report *report, unsigned int which)
{
	const struct query_known *known = &report->known;
	int64_t own = length(&known->gaps[which], report);
	unsigned int longer = 0;

	for (unsigned int i = 0; i < known->gap_count && longer < GAPS_SHOWN; i++) {
		int64_t other = length(&known->gaps[i], report);

		longer += other > own || (other == own && i < which);
	}
	return longer;
}

static void gaps(struct missing *missing, const struct report *report)
{
	const struct query_known *known = &report->known;
	unsigned int hidden = 0;
	int64_t hidden_ns = 0;
	char span[REPORT_SPAN], words[WORDS];

	for (unsigned int i = 0; i < known->gap_count; i++) {
		if (rank(report, i) < GAPS_SHOWN) {
			one_gap(missing, report, &known->gaps[i]);
			continue;
		}
		hidden++;
		hidden_ns += length(&known->gaps[i], report);
	}
	if (!hidden)
		return;
	report_span(span, hidden_ns);
	snprintf(words, sizeof(words),
		 "%u more time%s it was not running, for shorter, together %s (--json).", hidden,
		 plural(hidden), span);
	sentence(missing, words);
}

/* Events of a kind, as one. */
struct sum {
	unsigned int times;
	uint64_t number;
	int64_t first, last;
	char words[4 * 64 + 1]; /* of the last, escaped */
};

static void sum_up(struct sum *sum, const struct query_known *known, int kind)
{
	memset(sum, 0, sizeof(*sum));
	for (unsigned int i = 0; i < known->count; i++) {
		const struct query_event *event = &known->events[i];

		if (event->kind != kind)
			continue;
		if (!sum->times++)
			sum->first = event->time;
		sum->last = event->time;
		sum->number += (uint64_t)event->number;
		escape_text(sum->words, sizeof(sum->words), event->words.at, event->words.length,
			    NULL);
	}
}

/* "at 2026-11-22 03:12" or "3 times from ... to ..." */
static void when(char *out, size_t size, const struct sum *sum)
{
	char first[REPORT_DATE], last[REPORT_DATE];

	report_date(first, sum->first);
	if (sum->times == 1) {
		snprintf(out, size, "at %s", first);
	} else {
		report_dates(first, last, sum->first, sum->last);
		snprintf(out, size, "%u times from %s to %s", sum->times, first, last);
	}
}

static void lost(struct missing *missing, const struct query_known *known)
{
	static const struct {
		int kind;
		const char *one, *more;
	} kinds[] = {
		{STORE_EVENT_LOST_KERNEL,
		 "connection was counted by the kernel, but its details were lost",
		 "connections were counted by the kernel, but their details were lost"},
		{STORE_EVENT_LOST_STORE, "connection could not be stored",
		 "connections could not be stored"},
		{STORE_EVENT_ADOPTED,
		 "connection was open before the collector was: what it did before is not known",
		 "connections were open before the collector was: what they did before is not "
		 "known"},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		char times[2 * REPORT_DATE + 40], words[WORDS];
		struct sum sum;

		sum_up(&sum, known, kinds[i].kind);
		if (!sum.number)
			continue;
		when(times, sizeof(times), &sum);
		snprintf(words, sizeof(words), "%" PRIu64 " %s (%s%s%s).", sum.number,
			 sum.number == 1 ? kinds[i].one : kinds[i].more, times,
			 sum.words[0] ? "; " : "", sum.words);
		sentence(missing, words);
	}
}

static void clock_steps(struct missing *missing, const struct query_known *known)
{
	for (unsigned int i = 0, shown = 0; i < known->count && shown < GAPS_SHOWN; i++) {
		const struct query_event *event = &known->events[i];
		char date[REPORT_DATE], span[REPORT_SPAN], words[WORDS];

		if (event->kind != STORE_EVENT_CLOCK)
			continue;
		report_date(date, event->time);
		report_span(span, event->number < 0 ? -event->number : event->number);
		snprintf(words, sizeof(words),
			 "The clock was set %s by %s at %s: times before it may be wrong.",
			 event->number < 0 ? "back" : "ahead", span, date);
		sentence(missing, words);
		shown++;
	}
}

static void store_events(struct missing *missing, const struct query_known *known)
{
	char times[2 * REPORT_DATE + 40], words[WORDS];
	unsigned int others = 0;
	struct sum sum;

	sum_up(&sum, known, STORE_EVENT_DAMAGED);
	if (sum.times) {
		when(times, sizeof(times), &sum);
		snprintf(words, sizeof(words),
			 "A damaged store was put aside %s: what it knew lies in " STORE_NAME
			 ".damaged, and is not counted here.",
			 times);
		sentence(missing, words);
	}
	for (unsigned int i = 0; i < known->count; i++)
		others += known->events[i].kind > STORE_EVENT_DAMAGED ||
			  known->events[i].kind < STORE_EVENT_STARTED;
	if (!others)
		return;
	snprintf(words, sizeof(words),
		 "%u event%s of a kind that this version does not know (--json).", others,
		 plural(others));
	sentence(missing, words);
}

bool report_missing_each(const struct report *report, void (*say)(void *context, const char *words),
			 void *context)
{
	struct missing missing = {.say = say, .context = context};

	before_the_store(&missing, report);
	before_values(&missing, report);
	if (report->known_failed) {
		sentence(&missing,
			 "What else is missing cannot be told: the store's events cannot be read.");
		return true;
	}
	gaps(&missing, report);
	lost(&missing, &report->known);
	clock_steps(&missing, &report->known);
	store_events(&missing, &report->known);
	return missing.any;
}

static void say_text(void *context, const char *words)
{
	const struct text *text = context;

	fputs(text_colour(text, STYLE_DOUBT), text->out);
	text_paragraph(text, words, INDENT);
	fputs(text_colour(text, STYLE_END), text->out);
}

bool report_missing(const struct text *text, const struct report *report)
{
	struct text own = *text;

	return report_missing_each(report, say_text, &own);
}

/* With nothing to show in this time, it helps to know when there was something. */
void report_last(char out[REPORT_LAST], const struct report *report)
{
	char date[REPORT_DATE];

	if (!report->extent.last) {
		snprintf(
			out, REPORT_LAST,
			"The store has no connection yet; those that are open come when they end.");
		return;
	}
	report_date(date, report->extent.last);
	snprintf(out, REPORT_LAST,
		 "The last connection that was stored was opened at %s. Those that are open now "
		 "come when they end: smtpsnoop snapshot has them.",
		 date);
}
