/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * alert.c - an alert as a line of the log, and as JSON
 *
 * The line has the facts in the order in which an administrator asks for them: what, who, by which program and script, where to, what
 * speaks against it, what was answered, how much of it, how to stop it. Nothing is fatal.
 */
#include "present/alert.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/escape.h"
#include "base/number.h"
#include "present/advice.h"
#include "present/answer.h"
#include "present/label.h"
#include "present/label_script.h"
#include "present/record_script.h"
#include "present/text.h"

#define ELLIPSIS "\xe2\x80\xa6"
#define PATH_COLUMNS 200
#define ANSWER_COLUMNS 200

struct sentence {
	char *out;
	size_t size, used;
};

/* What has no room is left out as a whole: it may be a command. */
__attribute__((format(printf, 2, 3))) static void add(struct sentence *sentence, const char *format,
						      ...)
{
	size_t room = sentence->size - sentence->used;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(sentence->out + sentence->used, room, format, arguments);
	va_end(arguments);
	if (length >= 0 && (size_t)length + sizeof(ELLIPSIS) < room)
		sentence->used += (size_t)length;
	else if (room > sizeof(ELLIPSIS))
		strcpy(sentence->out + sentence->used, ELLIPSIS);
	else
		sentence->out[sentence->used] = '\0';
}

int alert_priority(const struct alert_view *view)
{
	enum verdict_class class = view->connection->verdict.class;

	return class == VERDICT_BYPASS || class == VERDICT_IMPOSTOR ? ALERT_CRITICAL
								    : ALERT_WARNING;
}

/* The script, or where there is none the program: what would be run the next time. Length 0: none that could be moved. */
static struct bytes file_of(const struct connection *connection, const struct process *process,
			    struct script_file *room)
{
	static const struct bytes none;
	const struct script *script = connection_script(connection);
	const bool php = script && script->version;
	struct bytes path = php ? script_path(script_sender(script)) : none;

	if (path.length)
		return script->facts.known == SCRIPT_FILE_GONE || script_file_cut(script) ? none
											  : path;
	if (record_script_started(connection, room))
		return room->kind == SCRIPT_FILE ? script_file_path(room) : none;
	return php || process->id.flags & IDENTITY_EXE_DELETED ? none : process->exe;
}

static void advise_file(struct advice *advice, const struct connection *connection)
{
	const struct process *process =
		connection->sender ? connection->sender : connection->opener;
	struct script_file room;

	advice_file(advice, process, file_of(connection, process, &room));
}

static unsigned int commands(const struct alert_view *view,
			     struct advice_command out[ADVICE_COMMANDS])
{
	const struct connection *connection = view->connection;
	struct advice advice = {.over = connection->ended};

	if (!connection->opener)
		return 0;
	advice_add(&advice, connection->opener, NULL);
	if (connection->sender)
		advice_add(&advice, connection->sender, NULL);
	advise_file(&advice, connection);
	return advice_commands(&advice, view->config->ports, view->config->port_count,
			       connection->opener->id.uid, out);
}

/* "bypass by www-data: /var/www/x/mailer.php:41 send() (php-fpm8.2[4711])" */
static void add_actor(struct sentence *sentence, const struct connection *connection)
{
	char user[4 * ENRICHMENT_NAME_MAX], path[LABEL_TEXT + LABEL_SUFFIX], name[LABEL_NAMED];
	const struct script *script = connection_script(connection);
	struct label label;

	label_user(user, sizeof(user), connection->opener);
	label_source(&label, connection);
	label_fit(path, sizeof(path), &label, PATH_COLUMNS);
	add(sentence, "%s by %s: %s", verdict_name(connection->verdict.class), user, path);
	if (script) {
		label_called_from(path, sizeof(path), script);
		if (path[0])
			add(sentence, ", called from %s", path);
	}
	if (label_run(&label, connection)) {
		label_fit(path, sizeof(path), &label, PATH_COLUMNS);
		add(sentence, ", which runs %s", path);
	}
	if (!connection->opener)
		return;
	label_named(name, sizeof(name), connection->opener->id.comm, connection->opener->id.tgid);
	add(sentence, ", process %s", name);
	if (!connection->sender)
		return;
	label_named(name, sizeof(name), connection->sender->id.comm, connection->sender->id.tgid);
	add(sentence, ", written by %s", name);
}

static void add_place(struct sentence *sentence, const struct process *process)
{
	char name[128];

	if (process && process->unit.length) {
		escape_text(name, sizeof(name), process->unit.at, process->unit.length, NULL);
		add(sentence, "%s%s", process->unit_claimed ? ", calls itself " : ", in ", name);
	}
	if (process && process->container.length) {
		escape_text(name, sizeof(name), process->container.at, process->container.length,
			    NULL);
		add(sentence, ", container %s", name);
	}
}

static void add_facts(struct sentence *sentence, const struct alert_view *view)
{
	const struct connection *connection = view->connection;
	const struct script *script = connection_script(connection);
	char words[ANSWER_BYTES];

	label_destination(words, sizeof(words), connection, PATH_COLUMNS);
	add(sentence, ", to %s", words);
	if (script)
		label_request(words, LABEL_REQUEST, script);
	if (script && words[0])
		add(sentence, ", request %s", words);
	for (unsigned int i = 0, first = 1; i < REASON_COUNT; i++) {
		if (!(connection->verdict.reasons >> i & 1))
			continue;
		add(sentence, "%s%s", first ? "; " : " ",
		    verdict_reason_name((enum verdict_reason)i));
		first = 0;
	}
	answer_of(words, sizeof(words), connection, ANSWER_COLUMNS, view->origin->recipients);
	if (words[0])
		add(sentence, "; answer: %s", words);
}

static void add_counts(struct sentence *sentence, const struct alert_view *view)
{
	const struct alert *alert = view->alert;
	char since[TEXT_DATE];

	add(sentence, "; %" PRIu64 " connection%s", alert->connections, plural(alert->connections));
	if (alert->refused)
		add(sentence, " and %" PRIu64 " refused recipient%s", alert->refused,
		    plural(alert->refused));
	add(sentence, " in %" PRIu32 " s", alert->rule->window_seconds);
	if (alert->more) {
		text_date(since, sizeof(since), (int64_t)alert->since + view->wall_minus_boot);
		add(sentence, ", and %" PRIu64 " more%s%s", alert->more,
		    alert->since ? " since " : "", alert->since ? since : "");
	}
	if (alert->held)
		add(sentence, "; %" PRIu64 " alert%s of this user %s held back", alert->held,
		    plural(alert->held), alert->held == 1 ? "was" : "were");
	if (alert->last)
		add(sentence, "; further alerts of this user are held back for up to an hour");
}

size_t alert_line(char *out, size_t size, const struct alert_view *view)
{
	struct advice_command advice[ADVICE_COMMANDS];
	unsigned int count = commands(view, advice);
	struct sentence sentence = {.out = out, .size = size};
	const char *first =
		view->connection->ended ? "; it is over; to stop the next one: " : "; to stop it: ";

	out[0] = '\0';
	add(&sentence, "alert %s: ", view->alert->rule->name);
	add_actor(&sentence, view->connection);
	add_place(&sentence, view->connection->opener);
	add_facts(&sentence, view);
	add_counts(&sentence, view);
	for (unsigned int i = 0; i < count; i++)
		add(&sentence, "%s%s", i ? ", or " : first, advice[i].command);
	return strlen(out);
}

static void rule_members(struct json *json, const struct alert_view *view)
{
	const struct alert *alert = view->alert;

	json_open_object(json, "rule");
	json_text(json, "name", alert->rule->name);
	json_close(json);
	json_open_object(json, "alert");
	json_number(json, "window", alert->rule->window_seconds);
	json_number(json, "connections", alert->connections);
	json_number(json, "refused", alert->refused);
	json_number(json, "quiet", alert->rule->quiet_seconds);
	if (alert->since)
		json_time(json, "since", (int64_t)alert->since + view->wall_minus_boot);
	json_number(json, "more", alert->more);
	if (alert->held)
		json_number(json, "held", alert->held);
	if (alert->last)
		json_bool(json, "last", true);
	json_close(json);
}

void alert_json(struct json *json, FILE *out, const struct alert_view *view, const char *line,
		bool only_line)
{
	struct advice_command advice[ADVICE_COMMANDS];
	unsigned int count = commands(view, advice);
	int64_t now = (int64_t)view->now + view->wall_minus_boot;
	char id[RECORD_ID];

	rewind(out);
	json_begin(json, out);
	if (only_line) {
		record_begin(json, view->origin, RECORD_ALERT, now);
		record_id(id, view->origin, view->connection);
		json_text(json, "id", id);
		json_close(json);
		json_bool(json, "cut", true);
	} else {
		record_connection(json, view->origin, view->connection, RECORD_ALERT, view->now,
				  view->wall_minus_boot);
	}
	rule_members(json, view);
	json_text(json, "message", line);
	json_open_array(json, "advice");
	json_keep(json);
	for (unsigned int i = 0; i < count; i++)
		json_text(json, NULL, advice[i].command);
	json_close(json);
	if (count)
		json_text(json, "advice_for", view->connection->ended ? "next" : "this");
	json_end(json);
}
