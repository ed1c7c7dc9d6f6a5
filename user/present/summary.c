/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * summary.c - what a trace came to, by who
 *
 * The MTA and the relays are one sum each; the rest is grouped by user, program and verdict. Nothing is fatal: without
 * memory a connection is in "others".
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/number.h"
#include "present/group.h"
#include "present/summary.h"
#include "present/text_queue.h"

struct summary {
	struct sums classes[VERDICT_CLASSES];
	struct group *groups;
	unsigned int feeders; /* of the groups: those that fed the local MTA */
	struct sums others, other_feeders;
	bool recipients;
};

struct summary *summary_new(bool recipients)
{
	struct summary *summary = calloc(1, sizeof(*summary));

	if (summary)
		summary->recipients = recipients;
	return summary;
}

void summary_free(struct summary *summary)
{
	if (!summary)
		return;
	while (summary->groups) {
		struct group *group = summary->groups;

		HASH_DEL(summary->groups, group);
		group_free(group);
	}
	free(summary);
}

static struct group *group_new(struct summary *summary, const struct group_key *key)
{
	struct group *group;

	bool feeder = key->class == VERDICT_LOCAL;

	/* Those that fed the MTA take no room from those that went round it. */
	if ((feeder ? summary->feeders : HASH_COUNT(summary->groups) - summary->feeders) >=
	    LIMIT_SUMMARY_ROWS)
		return NULL;
	group = calloc(1, sizeof(*group));
	if (!group)
		return NULL;
	memcpy(&group->key, key, sizeof(*key));
	HASH_ADD(hh, summary->groups, key, sizeof(group->key), group);
	if (!group->hh.tbl) {
		free(group);
		return NULL;
	}
	summary->feeders += feeder;
	return group;
}

void summary_count(struct summary *summary, const struct connection *connection)
{
	sums_add(&summary->classes[connection->verdict.class], connection);
}

void summary_add(struct summary *summary, const struct connection *connection,
		 const struct socket_seen *socket)
{
	enum verdict_class class = connection->verdict.class;
	char where[LABEL_SUFFIX];
	struct group_key key;
	struct group *group;

	summary_count(summary, connection);
	if (text_verdict_style(class) == STYLE_QUIET && class != VERDICT_LOCAL)
		return;
	memset(&key, 0, sizeof(key));
	key.class = class;
	key.uid = connection->opener ? connection->opener->id.uid : UINT32_MAX;
	label_source(&key.label, connection);
	/* One script is one actor, whatever line of it sends. */
	memcpy(where, key.label.suffix, sizeof(where));
	if (key.label.script)
		memset(key.label.suffix, 0, sizeof(key.label.suffix));
	HASH_FIND(hh, summary->groups, &key, sizeof(key), group);
	if (!group)
		group = group_new(summary, &key);
	if (group)
		group_add(group, connection, socket, where, summary->recipients);
	else
		sums_add(class == VERDICT_LOCAL ? &summary->other_feeders : &summary->others,
			 connection);
}

uint64_t summary_connections(const struct summary *summary, enum verdict_class class)
{
	return summary->classes[class].connections;
}

static int severity(uint32_t class)
{
	return class == VERDICT_IMPOSTOR ? 2
	       : class == VERDICT_BYPASS ? 1
	       : class == VERDICT_LOCAL	 ? -1
					 : 0;
}

static int worst_first(const struct group *a, const struct group *b)
{
	if (severity(a->key.class) != severity(b->key.class))
		return severity(b->key.class) - severity(a->key.class);
	if (a->sums.connections != b->sums.connections)
		return a->sums.connections < b->sums.connections ? 1 : -1;
	return 0;
}

static void print_sum(const struct summary *summary, const struct text *text,
		      enum verdict_class class, const char *name)
{
	const struct sums *sums = &summary->classes[class];
	char words[256], line[512];

	if (!sums->connections && (class != VERDICT_MTA || text->capture))
		return;
	sums_words(words, sizeof(words), sums, NULL, text->unheard);
	snprintf(line, sizeof(line), "%s: %s.", name, sums->connections ? words : "no connections");
	text_paragraph(text, line, 0);
}

static void print_hidden(const struct text *text, const struct sums *hidden, unsigned int groups)
{
	char words[256];

	if (!groups)
		return;
	sums_words(words, sizeof(words), hidden, NULL, text->unheard);
	fprintf(text->out, "  and %u more: %s\n", groups, words);
}

static void print_others(const struct sums *others, const struct text *text)
{
	char words[256];

	if (others->connections) {
		sums_words(words, sizeof(words), others, NULL, text->unheard);
		fprintf(text->out, "  others, too many to tell apart: %s\n", words);
	}
}

static void sums_join(struct sums *into, const struct sums *from)
{
	into->connections += from->connections;
	into->messages += from->messages;
	into->recipients += from->recipients;
	into->refused += from->refused;
	into->unanswered += from->unanswered;
}

static void heading(const struct summary *summary, const struct text *text, uint64_t seconds)
{
	unsigned int bad = 0, unknown = 0;

	for (const struct group *group = summary->groups; group; group = group->hh.next)
		if (severity(group->key.class) >= 0)
			*(severity(group->key.class) ? &bad : &unknown) += 1;
	if (text->capture) {
		fprintf(text->out, "\nSMTP in %" PRIu64 " s of capture: %u sender%s\n", seconds,
			unknown, plural(unknown));
		return;
	}
	if (text->snapshot)
		fprintf(text->out, "\nRound the MTA at this moment%s: ",
			text->selected ? ", of what was selected" : "");
	else
		fprintf(text->out, "\nRound the MTA in %" PRIu64 " s: ", seconds);
	if (bad)
		fprintf(text->out, "%u actor%s", bad, plural(bad));
	else
		fprintf(text->out, "%s", summary->others.connections ? "see others" : "nobody");
	if (unknown)
		fprintf(text->out, "; %u not judged for want of evidence", unknown);
	fputc('\n', text->out);
	if (text->snapshot && bad && !text->evidence)
		fprintf(text->out,
			"  before you stop anything: smtpsnoop snapshot --evidence DIR\n");
}

/* Those that went round the MTA, or those that fed it. Returns the first that is the other kind. */
static const struct group *print_groups(const struct group *group, const struct text *text,
					bool local, int64_t wall_minus_boot)
{
	struct sums hidden = {0};
	unsigned int shown = 0, hidden_groups = 0;

	for (; group && (group->key.class == VERDICT_LOCAL) == local; group = group->hh.next) {
		if (shown < LIMIT_SUMMARY_SHOWN) {
			group_print(group, text, wall_minus_boot);
			shown++;
		} else {
			sums_join(&hidden, &group->sums);
			hidden_groups++;
		}
	}
	print_hidden(text, &hidden, hidden_groups);
	return group;
}

void summary_print(struct summary *summary, const struct text *text, uint64_t seconds,
		   int64_t wall_minus_boot)
{
	const struct group *feeders;

	HASH_SORT(summary->groups, worst_first);
	heading(summary, text, seconds);
	feeders = print_groups(summary->groups, text, false, wall_minus_boot);
	print_others(&summary->others, text);
	print_sum(summary, text, VERDICT_MTA, "The MTA");
	if (text->queues)
		queues_print(text->queues, text, text->unix_now);
	print_sum(summary, text, VERDICT_LOCAL, "To this host itself");
	print_groups(feeders, text, true, wall_minus_boot);
	print_others(&summary->other_feeders, text);
	print_sum(summary, text, VERDICT_RELAY, "To a configured relay, or allowed");
}
