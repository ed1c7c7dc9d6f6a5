/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rows.c - the live view for people: a line a connection, and the steps of --events
 *
 * What went round the MTA is in capitals and gets a second line with what is needed to find it; the rest stays quiet.
 */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "base/escape.h"
#include "present/answer.h"
#include "present/label_script.h"
#include "present/mask.h"
#include "present/text.h"
#include "present/text_socket.h"

#define SECOND UINT64_C(1000000000)
#define PROGRESS_COLUMNS 26 /* "... still open after 30 s" */
#define LONG_SECONDS 10 /* from here on it is worth saying how long it lasted */

/* Details stand under VERDICT. */
static unsigned int indent(const struct text *text)
{
	return text->layout.time + text->layout.gap;
}

static void verdict_word(char *out, size_t size, enum verdict_class class)
{
	size_t i;

	snprintf(out, size, "%s", verdict_name(class));
	if (class == VERDICT_BYPASS || class == VERDICT_IMPOSTOR)
		for (i = 0; out[i]; i++)
			out[i] = (char)toupper((unsigned char)out[i]);
}

/* "postfix/smtp" where the executable is perl: the other name that it wears. */
void text_worn(const struct text *text, struct line *line, const struct process *process,
	       unsigned int column)
{
	struct bytes name = process_name(process);
	struct bytes worn = {process->id.comm, strnlen(process->id.comm, EVENT_COMM_LEN)};
	char escaped[TEXT_WORN - 44], word[TEXT_WORN];

	/* comm holds 15 characters of a longer name. */
	if (worn.length <= name.length && memcmp(worn.at, name.at, worn.length) == 0)
		worn = process_argument(process, 0);
	if (!worn.length)
		return;
	escape_text(escaped, sizeof(escaped), worn.at, strnlen(worn.at, worn.length), NULL);
	snprintf(word, sizeof(word), "calls itself \"%s\"", escaped);
	text_word(text, line, word, column, 1);
}

void text_process(const struct text *text, struct line *line, const struct process *process,
		  unsigned int column)
{
	struct bytes name = process_name(process);
	struct bytes place = process->container.length ? process->container : process->unit;
	char escaped[512], word[600];

	escape_text(escaped, sizeof(escaped), name.at, name.length, NULL);
	snprintf(word, sizeof(word), "%s[%" PRIu32 "]", escaped, process->id.tgid);
	text_word(text, line, word, column, 1);
	if (!place.length)
		return;
	/* Twelve characters are how every tool shows a container. */
	escape_text(escaped, sizeof(escaped), place.at,
		    process->container.length && place.length == 64 ? 12 : place.length, NULL);
	if (process->container.length && process->runtime)
		snprintf(word, sizeof(word), "%s:%s", process->runtime, escaped);
	else
		snprintf(word, sizeof(word), "%s", escaped);
	text_word(text, line, word, column, 1);
}

void text_pool(const struct text *text, struct line *line, const struct process *process,
	       unsigned int column)
{
	struct bytes pool = label_pool(process);
	char escaped[512];

	escape_text(escaped, sizeof(escaped), pool.at, pool.length, NULL);
	if (escaped[0])
		text_word(text, line, escaped, column, 1);
}

void text_parent(const struct text *text, struct line *line, const struct process *process,
		 unsigned int column)
{
	const struct event_process *parent = process->id.ancestors;
	char name[LABEL_NAMED], word[sizeof(name) + 16];

	if (!process->id.ancestor_count || parent->tgid <= 1 || parent->tgid != process->id.ppid ||
	    !memcmp(parent->comm, process->id.comm, EVENT_COMM_LEN))
		return;
	label_named(name, sizeof(name), parent->comm, parent->tgid);
	snprintf(word, sizeof(word), "started by %s", name);
	text_word(text, line, word, column, 2);
}

static void handed_over(const struct text *text, struct line *line, const struct process *sender)
{
	struct bytes name = process_name(sender);
	char escaped[256], word[300];

	escape_text(escaped, sizeof(escaped), name.at, name.length, NULL);
	snprintf(word, sizeof(word), "written by %s[%" PRIu32 "]", escaped, sender->id.tgid);
	text_word(text, line, word, indent(text), 1);
}

static void proxy(const struct text *text, struct line *line, const struct connection *connection)
{
	char endpoint[LABEL_ENDPOINT], word[LABEL_ENDPOINT + 16];

	label_endpoint(endpoint, sizeof(endpoint), connection->ends.remote,
		       connection->ends.remote_port, sizeof(endpoint));
	snprintf(word, sizeof(word), "via proxy %s", endpoint);
	text_word(text, line, word, indent(text), 1);
}

static void reasons(const struct text *text, struct line *line, const struct connection *connection)
{
	unsigned int gap = 2;

	for (unsigned int i = 0; i < REASON_COUNT; i++) {
		const struct session *session = connection->session;
		char word[96];

		if (!(connection->verdict.reasons & 1ull << i))
			continue;
		snprintf(word, sizeof(word), "%s", verdict_reason_name((enum verdict_reason)i));
		if (i == REASON_BLOCKLISTED && session && session->facts.blocklist)
			snprintf(word, sizeof(word), "%s:%s",
				 verdict_reason_name((enum verdict_reason)i),
				 session->facts.blocklist);
		text_word(text, line, word, indent(text), gap);
		gap = 1;
	}
}

/* What the script has started, the request that it serves, and what is odd about it. */
static void script_words(const struct text *text, struct line *line,
			 const struct connection *connection)
{
	const struct script *script = connection_script(connection);
	char from[LABEL_TEXT], words[sizeof(from) + LABEL_TEXT + LABEL_SUFFIX + 32];
	struct label run;

	if (!script)
		return;
	label_called_from(from, sizeof(from), script);
	if (from[0]) {
		snprintf(words, sizeof(words), "called from %s", from);
		text_whole(text, line, words, indent(text), 2);
	}
	if (label_run(&run, connection)) {
		label_started_by(from, sizeof(from), script);
		snprintf(words, sizeof(words), "ran %s%s%s%s", run.text, run.suffix,
			 from[0] ? " by " : "", from);
		text_whole(text, line, words, indent(text), 2);
	}
	label_request(words, sizeof(words), script);
	if (words[0])
		text_word(text, line, words, indent(text), 2);
	label_script_note(words, sizeof(words), script);
	if (words[0])
		text_word(text, line, words, indent(text), 2);
}

/* The second line. `sent_by`: what of the label had no room in the first; "" = it had. */
static void detail(const struct text *text, const struct connection *connection, bool progress,
		   const struct label *label, const char *sent_by)
{
	enum text_style style = text_verdict_style(connection->verdict.class);
	struct line line;

	line_clear(&line);
	if (style == STYLE_QUIET)
		line_colour(&line, text_colour(text, style));
	text_whole(text, &line, sent_by, indent(text), 1);
	if (connection->opener) {
		text_process(text, &line, connection->opener, indent(text));
		if (label->script)
			text_pool(text, &line, connection->opener, indent(text));
		if (connection->verdict.reasons & 1ull << REASON_NAME_MISMATCH)
			text_worn(text, &line, connection->opener, indent(text));
	}
	if (connection->sender)
		handed_over(text, &line, connection->sender);
	script_words(text, &line, connection);
	if (!progress && connection->closed > connection->opened + LONG_SECONDS * SECOND) {
		char word[40];

		snprintf(word, sizeof(word), "for %" PRIu64 " s",
			 (connection->closed - connection->opened) / SECOND);
		text_word(text, &line, word, indent(text), 1);
	}
	if (text->socket)
		socket_words(text, &line, text->socket, connection->opener, indent(text));
	if (connection->target_length)
		proxy(text, &line, connection);
	reasons(text, &line, connection);
	if (style == STYLE_QUIET)
		line_colour(&line, text_colour(text, STYLE_END));
	if (line.columns)
		text_put(text, &line);
}

static void answer(const struct text *text, char *out, size_t size,
		   const struct connection *connection, uint64_t time, bool progress)
{
	uint64_t seconds = time > connection->opened ? (time - connection->opened) / SECOND : 0;

	if (text->unheard && connection->established && !connection->session)
		snprintf(out, size, "-");
	else if (!progress)
		answer_of(out, size, connection, text->layout.answer, text->recipients);
	else if (text->layout.answer < PROGRESS_COLUMNS)
		snprintf(out, size, "open %" PRIu64 "s", seconds);
	else
		snprintf(out, size, "... still open after %" PRIu64 " s", seconds);
}

/* A number without "uid " where there is no room for both. */
static void who(const struct text *text, char *out, size_t size, const struct process *process)
{
	label_user(out, size, process);
	if (process && !process->extra.user[0] && strlen(out) > text->layout.who)
		snprintf(out, size, "%" PRIu32, process->id.uid);
}

/* The whole of a label of which the cell shows a part: "" where it lacks no more than an interpreter's name. */
static void what_was_cut(char *out, size_t size, const struct label *label, const char *cell)
{
	bool whole = strncmp(cell, label->text, strlen(label->text)) == 0;

	snprintf(out, size, "%s%s", label->text, label->suffix);
	if ((whole && !label->script) || strcmp(cell, out) == 0)
		out[0] = '\0';
}

void text_connection(const struct text *text, const struct connection *connection, uint64_t time,
		     int64_t wall_minus_boot, bool progress)
{
	const struct layout *layout = &text->layout;
	enum verdict_class class = connection->verdict.class;
	enum text_style style = text_verdict_style(class);
	bool quiet = style == STYLE_QUIET;
	char cell[ANSWER_BYTES], sent_by[LABEL_TEXT + LABEL_SUFFIX];
	struct label label;
	struct line line;
	size_t clock_at;

	if (text->fold)
		fold_begin(text->fold, indent(text));
	line_clear(&line);
	if (quiet)
		line_colour(&line, text_colour(text, style));
	clock_at = line.length;
	if (text->snapshot)
		snprintf(cell, sizeof(cell), "%s", socket_state_of(text->socket, connection));
	else
		text_clock(cell, sizeof(cell), (int64_t)time + wall_minus_boot);
	line_cell(&line, cell, layout->time, layout->gap);
	verdict_word(cell, sizeof(cell), class);
	if (!quiet)
		line_colour(&line, text_colour(text, style));
	line_cell(&line, cell, layout->verdict, layout->gap);
	if (!quiet)
		line_colour(&line, text_colour(text, STYLE_END));
	who(text, cell, sizeof(cell), connection->opener);
	line_cell(&line, cell, layout->who, layout->gap);
	label_source(&label, connection);
	label_fit(cell, sizeof(cell), &label, layout->sent_by);
	what_was_cut(sent_by, sizeof(sent_by), &label, cell);
	line_cell(&line, cell, layout->sent_by, layout->gap);
	label_destination(cell, sizeof(cell), connection, layout->to);
	line_cell(&line, cell, layout->to, layout->gap);
	answer_mail(cell, sizeof(cell), connection, layout->mail);
	line_cell_right(&line, cell, layout->mail, layout->gap);
	answer_rcpt(cell, sizeof(cell), connection, layout->rcpt);
	line_cell_right(&line, cell, layout->rcpt, layout->gap);
	answer(text, cell, sizeof(cell), connection, time, progress);
	line_cell(&line, cell, layout->answer, 0);
	if (quiet)
		line_colour(&line, text_colour(text, STYLE_END));
	text_put(text, &line);
	/* Who feeds the MTA is to be found as well, where it is a web application. */
	if (!quiet || label.script || socket_is_shared(text->socket, connection->opener))
		detail(text, connection, progress, &label, sent_by);
	if (text->fold)
		fold_end(text->fold, text->out, clock_at, layout->time, time);
}

/* Whose steps follow, when it is not the connection of the step before. */
static void step_heading(struct text *text, const struct connection *connection, uint64_t time,
			 int64_t wall_minus_boot)
{
	struct line line;
	char word[ANSWER_BYTES];

	if (text->step_any && text->step_cookie == connection->cookie &&
	    text->step_generation == connection->generation)
		return;
	text->step_any = true;
	text->step_cookie = connection->cookie;
	text->step_generation = connection->generation;
	line_clear(&line);
	line_colour(&line, text_colour(text, STYLE_QUIET));
	text_clock(word, sizeof(word), (int64_t)time + wall_minus_boot);
	line_add(&line, word);
	line_pad(&line, indent(text));
	label_user(word, sizeof(word), connection->opener);
	text_word(text, &line, word, indent(text), 1);
	if (connection->opener)
		text_process(text, &line, connection->opener, indent(text));
	label_destination(word, sizeof(word), connection, 60);
	line_add(&line, " to ");
	line_add(&line, word);
	line_colour(&line, text_colour(text, STYLE_END));
	text_put(text, &line);
}

static void step_words(struct line *line, const struct connection *connection, const char *what)
{
	if (!strcmp(what, "open"))
		line_add(line, connection->flags & EVENT_F_EXISTING ? "open before the trace"
								    : "connecting");
	else if (!strcmp(what, "established"))
		line_add(line, "connected");
	else if (!strcmp(what, "closed") && connection->reason != CONNECTION_CLOSED)
		line_format(line, "closed: %s", connection_reason_name(connection->reason));
	else if (!strcmp(what, "sender") && connection->sender) {
		struct bytes name = process_name(connection->sender);

		line_add(line, "now written by ");
		line_bytes(line, name.at, name.length);
		line_format(line, "[%" PRIu32 "]", connection->sender->id.tgid);
	} else
		line_add(line, what);
}

void text_step(struct text *text, const struct connection *connection, uint64_t time,
	       const char *what, const char *bytes, size_t length, int64_t wall_minus_boot)
{
	uint64_t after = time > connection->opened ? time - connection->opened : 0;
	char escaped[4 * MASK_BYTES + 1], fitted[LINE_BYTES];
	struct line line;

	step_heading(text, connection, time, wall_minus_boot);
	line_clear(&line);
	line_pad(&line, indent(text));
	line_format(&line, "%+9.3f  ", (double)after / 1e9);
	if (!strcmp(what, "client") || !strcmp(what, "server")) {
		line_add(&line, *what == 'c' ? "C: " : "S: ");
		escape_text(escaped, sizeof(escaped), bytes, length, NULL);
		columns_fit(fitted, sizeof(fitted), escaped, text->layout.width - line.columns);
		line_add(&line, fitted);
	} else
		step_words(&line, connection, what);
	text_put(text, &line);
}
