/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * group.c - one actor of the summary
 *
 * Counts are exact; where a bound is reached the words say "over". Out of memory for the set of destinations is shown the
 * same way. Nothing is fatal.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/number.h"
#include "present/answer.h"
#include "present/group.h"
#include "present/text_now.h"

#define HOSTS_FIRST 8
#define GROUP_WORD_BYTES 1024 /* a longer one loses its end */
#define INDENT 11 /* under the user's name */

void sums_add(struct sums *sums, const struct connection *connection)
{
	const struct session_facts *facts =
		connection->session ? &connection->session->facts : NULL;

	if (!sums->connections || connection->opened < sums->first)
		sums->first = connection->opened;
	if (connection->last_seen > sums->last)
		sums->last = connection->last_seen;
	sums->connections++;
	sums->reasons |= connection->verdict.reasons;
	sums->unanswered += !connection->established;
	if (!facts)
		return;
	sums->messages += facts->accepted;
	sums->recipients += facts->accepted_recipients;
	sums->refused += facts->refused;
}

/* Where the address is in the set, or the free place for it. FNV-1a; a bad choice of addresses costs time, not truth. */
static unsigned int hosts_slot(const struct hosts *hosts, const uint8_t address[16])
{
	static const uint8_t empty[16];
	uint32_t hash = 2166136261u;
	unsigned int slot;

	for (int i = 0; i < 16; i++)
		hash = (hash ^ address[i]) * 16777619u;
	slot = (hash ^ hash >> 15) & (hosts->room - 1);
	while (memcmp(hosts->slots[slot], empty, 16) && memcmp(hosts->slots[slot], address, 16))
		slot = (slot + 1) & (hosts->room - 1);
	return slot;
}

static bool hosts_grow(struct hosts *hosts)
{
	static const uint8_t empty[16];
	struct hosts larger = {.room = hosts->room ? hosts->room * 2 : HOSTS_FIRST};

	larger.slots = calloc(larger.room, sizeof(*larger.slots));
	if (!larger.slots)
		return false;
	for (unsigned int i = 0; i < hosts->room; i++)
		if (memcmp(hosts->slots[i], empty, 16))
			memcpy(larger.slots[hosts_slot(&larger, hosts->slots[i])], hosts->slots[i],
			       16);
	free(hosts->slots);
	hosts->slots = larger.slots;
	hosts->room = larger.room;
	return true;
}

void hosts_add(struct hosts *hosts, const uint8_t address[16])
{
	unsigned int slot;

	if (hosts->room && !memcmp(hosts->slots[slot = hosts_slot(hosts, address)], address, 16))
		return;
	if (hosts->count == LIMIT_SUMMARY_HOSTS ||
	    (hosts->count * 2 >= hosts->room && !hosts_grow(hosts))) {
		hosts->over = true;
		return;
	}
	memcpy(hosts->slots[hosts_slot(hosts, address)], address, 16);
	hosts->count++;
}

/* As session.h ranks replies: one that names a blocklist, a 5xx, a 4xx. */
static int rank(uint16_t code, const char *blocklist)
{
	return blocklist ? 3 : code >= 500 ? 2 : code >= 400 ? 1 : 0;
}

static void worst_add(struct group *group, const struct session_facts *facts, bool recipients)
{
	int theirs = rank(facts->worst_code, facts->blocklist);
	int ours = rank(group->worst_code, group->blocklist);

	if (theirs > ours) {
		group->worst_code = facts->worst_code;
		group->blocklist = facts->blocklist;
		group->worst_times = 0;
		answer_reply(group->worst, sizeof(group->worst), facts->worst_reply_bytes,
			     facts->worst_reply.length, recipients);
	}
	if (theirs && facts->worst_code == group->worst_code &&
	    facts->blocklist == group->blocklist)
		group->worst_times++;
}

/* Words that find the process again, joined by one space. */
static void process_words(char *out, size_t size, const struct process *process, bool script,
			  bool worn)
{
	const struct text wide = {.layout.width = COLUMNS_MAX};
	struct line line;

	line_clear(&line);
	text_process(&wide, &line, process, 0);
	if (script)
		text_pool(&wide, &line, process, 0);
	text_parent(&wide, &line, process, 0);
	/* There is no next line here. */
	if (worn && line.columns + TEXT_WORN < COLUMNS_MAX)
		text_worn(&wide, &line, process, 0);
	columns_fit(out, size, line.text, COLUMNS_MAX);
}

static void word_list_add(struct word_list *list, const char *words)
{
	if (!words[0])
		return;
	for (unsigned int i = 0; i < list->kept; i++)
		if (!strcmp(list->words[i], words))
			return;
	if (list->kept < GROUP_WORDS)
		list->words[list->kept] = strndup(words, GROUP_WORD_BYTES);
	if (list->kept < GROUP_WORDS && list->words[list->kept])
		list->kept++;
	else
		list->more = true;
}

void group_add(struct group *group, const struct connection *connection,
	       const struct socket_seen *socket, const char *where, bool recipients)
{
	const struct process *opener = connection->opener;
	const struct script *script = connection_script(connection);
	char words[LABEL_TEXT + LABEL_SUFFIX];
	struct label run;

	if (script) {
		label_request(words, GROUP_REQUEST, script);
		if (words[0])
			strcpy(group->request, words);
		label_called_from(words, sizeof(words), script);
		word_list_add(&group->callers, words);
	}
	if (label_run(&run, connection)) {
		snprintf(words, sizeof(words), "%s%s", run.text, run.suffix);
		word_list_add(&group->programs, words);
	}
	if (!group->sums.connections)
		snprintf(group->where, sizeof(group->where), "%s", where);
	else if (strcmp(group->where, where) != 0)
		group->where[0] = '\0';
	if (!group->sums.connections && opener)
		label_user(group->user, sizeof(group->user), opener);
	if (opener && !connection->closed)
		advice_add(&group->advice, opener, socket);
	if (opener && opener->id.start && (!group->running || opener->id.start < group->running))
		group->running = opener->id.start;
	if (opener)
		process_words(group->process, sizeof(group->process), opener,
			      group->key.label.script,
			      connection->verdict.reasons & 1ull << REASON_NAME_MISMATCH);
	sums_add(&group->sums, connection);
	hosts_add(&group->hosts, connection->ends.remote);
	if (connection->session)
		worst_add(group, &connection->session->facts, recipients);
}

void group_free(struct group *group)
{
	if (!group)
		return;
	free(group->hosts.slots);
	for (unsigned int i = 0; i < GROUP_WORDS; i++) {
		free(group->callers.words[i]);
		free(group->programs.words[i]);
	}
	free(group);
}

void sums_words(char *out, size_t size, const struct sums *sums, const struct hosts *hosts,
		bool unheard)
{
	size_t used = (size_t)snprintf(out, size, "%" PRIu64 " connection%s", sums->connections,
				       plural(sums->connections));

	if (hosts)
		used += (size_t)snprintf(out + used, size - used, " to %s%u host%s",
					 hosts->over ? "over " : "", hosts->count,
					 plural(hosts->count));
	if (unheard)
		used += (size_t)snprintf(out + used, size - used, ", not listened to");
	else
		used += (size_t)snprintf(out + used, size - used,
					 ", %" PRIu64 " message%s accepted", sums->messages,
					 plural(sums->messages));
	if (sums->recipients)
		used += (size_t)snprintf(out + used, size - used,
					 ", %" PRIu64 " recipient%s accepted", sums->recipients,
					 plural(sums->recipients));
	if (sums->refused)
		used += (size_t)snprintf(out + used, size - used,
					 ", %" PRIu64 " recipient%s refused", sums->refused,
					 plural(sums->refused));
	if (sums->unanswered)
		snprintf(out + used, size - used, ", %" PRIu64 " never connected",
			 sums->unanswered);
}

static void reason_words(char *out, size_t size, const struct group *group)
{
	size_t used = 0;

	out[0] = '\0';
	for (unsigned int i = 0; i < REASON_COUNT && used + 64 < size; i++)
		if (group->sums.reasons & 1ull << i)
			used += (size_t)snprintf(
				out + used, size - used, "%s%s%s%s", used ? " " : "",
				verdict_reason_name((enum verdict_reason)i),
				i == REASON_BLOCKLISTED && group->blocklist ? ":" : "",
				i == REASON_BLOCKLISTED && group->blocklist ? group->blocklist
									    : "");
}

/* "2026-11-22 01:05:58 - 01:06:17"; over midnight the second has its date too. */
static void span_words(char *out, size_t size, const struct sums *sums, int64_t wall_minus_boot)
{
	char from[TEXT_DATE], to[TEXT_DATE];
	size_t day = strlen("2026-11-22 ");

	text_date(from, sizeof(from), (int64_t)sums->first + wall_minus_boot);
	text_date(to, sizeof(to), (int64_t)sums->last + wall_minus_boot);
	snprintf(out, size, "%s - %s", from, memcmp(from, to, day) ? to : to + day);
}

static void running_words(char *out, size_t size, uint64_t since, int64_t wall_minus_boot)
{
	char date[TEXT_DATE];

	text_date(date, sizeof(date), (int64_t)since + wall_minus_boot);
	snprintf(out, size, since ? "running since %s" : "", date);
}

static void group_heading(const struct group *group, const struct text *text,
			  int64_t wall_minus_boot)
{
	char name[LABEL_TEXT + LABEL_SUFFIX], span[2 * TEXT_DATE + 4];
	enum verdict_class class = (enum verdict_class)group->key.class;
	unsigned int columns;
	struct line line;
	bool fits;

	snprintf(name, sizeof(name), "%s%s", group->key.label.text, group->where);
	/* Our own few seconds tell nothing. */
	if (text->snapshot)
		running_words(span, sizeof(span), group->running, wall_minus_boot);
	else
		span_words(span, sizeof(span), &group->sums, wall_minus_boot);
	line_clear(&line);
	line_pad(&line, 2);
	line_colour(&line, text_colour(text, text_verdict_style(class)));
	line_cell(&line, verdict_name(class), text->layout.verdict, 1);
	line_colour(&line, text_colour(text, STYLE_END));
	line_add(&line, group->user);
	line_add(&line, "  ");
	columns = (unsigned int)escape_columns(name, strlen(name));
	fits = line.columns + columns + 2 + strlen(span) <= text->layout.width;
	if (fits) {
		line_add(&line, name);
		line_add(&line, "  ");
	}
	line_add(&line, span);
	text_put(text, &line);
	if (!fits) {
		text_whole(text, &line, name, INDENT, 1);
		text_put(text, &line);
	}
}

static void group_line(const struct text *text, const char *what, const char *words)
{
	struct line line;

	if (!words[0])
		return;
	line_clear(&line);
	line_pad(&line, INDENT);
	line_add(&line, what);
	text_whole(text, &line, words, INDENT, 1);
	text_put(text, &line);
}

static void group_list(const struct text *text, const char *what, const struct word_list *list)
{
	for (unsigned int i = 0; i < list->kept; i++)
		group_line(text, what, list->words[i]);
	if (list->more)
		group_line(text, what, "and others: --json has them");
}

void group_print(const struct group *group, const struct text *text, int64_t wall_minus_boot)
{
	bool one = group->sums.connections == 1;
	char words[1024];

	group_heading(group, text, wall_minus_boot);
	sums_words(words, sizeof(words), &group->sums, &group->hosts, text->unheard);
	text_paragraph(text, words, INDENT);
	if (group->worst_code) {
		snprintf(words, sizeof(words), "%" PRIu64 " x %s", group->worst_times,
			 group->worst);
		text_paragraph(text, words, INDENT);
	}
	reason_words(words, sizeof(words), group);
	text_paragraph(text, words, INDENT);
	group_list(text, "called from", &group->callers);
	group_list(text, "ran", &group->programs);
	/* Of one connection it is the one, of several the last. */
	group_line(text, one ? "request:" : "last request:", group->request);
	one = one || group->advice.pid_count == 1;
	group_line(text, one ? "process:" : "last process:", group->process);
	if (group->key.class != VERDICT_LOCAL)
		text_processes(text, group->advice.pids,
			       group->advice.pid_count < ADVICE_PIDS ? group->advice.pid_count
								     : ADVICE_PIDS,
			       (enum verdict_class)group->key.class, wall_minus_boot, INDENT);
	if (text->snapshot &&
	    (group->key.class == VERDICT_BYPASS || group->key.class == VERDICT_IMPOSTOR))
		advice_print(&group->advice, text, group->key.uid, INDENT);
}
