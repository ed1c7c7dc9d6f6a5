/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * table.c - the live table: kernel records in, connections out
 *
 * Keyed by cookie and generation; uthash keeps insertion order, which is the order of age. Records that come before the OPEN
 * of their connection wait in orphans.c and are replayed. Every length is checked again here although our own kernel programs
 * wrote it. Out of memory loses one record and says -ENOMEM; nothing is fatal.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/limits.h"
#include "store/connection.h"
#include "store/orphans.h"

#define SECOND UINT64_C(1000000000)

/* A socket that connects anew ends what it was before; that many OPEN records in a row may have been lost in between. */
#define GENERATIONS_BACK 16

struct key {
	uint64_t cookie;
	uint64_t generation; /* wide: no padding in a hashed key */
};

struct entry {
	struct connection connection; /* first: callbacks of the session get it back as an entry */
	struct key key;
	struct table *table;
	uint64_t since; /* when it entered the table; never less than that of the one before */
	bool settled; /* for LIMIT_ALERT_SETTLE_MS */
	UT_hash_handle hh;
};

struct table {
	struct table_options options;
	struct entry *all; /* oldest first */
	struct entry *progress_next; /* the first that has not been looked at for a progress line */
	struct entry *attempt_next; /* likewise, for attempts of which no packet left */
	struct entry *alert_next; /* likewise, for alerts */
	struct orphans *orphans;
	uint64_t newest; /* the latest time heard of */
	uint64_t record_time; /* of the record in work, for the steps in it */
	uint64_t over;
};

struct table *table_new(const struct table_options *options)
{
	struct table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->options = *options;
	table->orphans = orphans_new();
	if (!table->orphans) {
		free(table);
		return NULL;
	}
	return table;
}

static void entry_free(struct entry *entry)
{
	process_free(entry->connection.opener);
	process_free(entry->connection.sender);
	for (int i = 0; i < CONNECTION_SCRIPTS; i++)
		free(entry->connection.scripts[i]);
	free(entry->connection.target);
	free(entry->connection.session);
	free(entry->connection.recipients);
	free(entry);
}

static void entry_remove(struct table *table, struct entry *entry)
{
	if (table->progress_next == entry)
		table->progress_next = entry->hh.next;
	if (table->attempt_next == entry)
		table->attempt_next = entry->hh.next;
	if (table->alert_next == entry)
		table->alert_next = entry->hh.next;
	HASH_DEL(table->all, entry);
}

void table_free(struct table *table)
{
	if (!table)
		return;
	while (table->all) {
		struct entry *entry = table->all;

		entry_remove(table, entry);
		entry_free(entry);
	}
	orphans_free(table->orphans);
	free(table);
}

static struct entry *entry_find(struct table *table, uint64_t cookie, uint64_t generation)
{
	struct key key = {cookie, generation};
	struct entry *entry;

	HASH_FIND(hh, table->all, &key, sizeof(key), entry);
	return entry;
}

static void judge_again(struct table *table, struct connection *connection)
{
	struct verdict_case facts = connection_case(connection, table->newest);

	connection->verdict = judge_verdict(table->options.judge, &facts);
}

/* An alert in work. */
struct telling {
	const struct table *table;
	const struct connection *connection;
};

static void on_alert(void *context, const struct alert *alert)
{
	const struct telling *telling = context;
	const struct table_options *options = &telling->table->options;

	options->on_alert(options->context, telling->connection, alert);
}

/* With the verdict as it is now. */
static void look_for_alerts(struct table *table, struct connection *connection)
{
	struct telling telling = {table, connection};
	struct verdict_case facts;

	if (!table->options.alerts)
		return;
	facts = connection_case(connection, table->newest);
	alerts_judge(table->options.alerts, &facts, &connection->verdict, &connection->alerts,
		     on_alert, &telling);
}

/* There is more to say of it. Before it has settled, that is looked at then. */
static void alert_again(struct table *table, struct entry *entry)
{
	if (!table->options.alerts || !entry->settled)
		return;
	judge_again(table, &entry->connection);
	look_for_alerts(table, &entry->connection);
}

/* What a connection's steps are chosen by, before the last word is spoken. */
static void judge_for_steps(struct table *table, struct connection *connection)
{
	if (table->options.on_step)
		judge_again(table, connection);
}

static void step(struct table *table, const struct connection *connection, const char *what,
		 const char *line, size_t length)
{
	if (table->options.on_step)
		table->options.on_step(table->options.context, connection, table->record_time, what,
				       line, length);
}

static void entry_end(struct table *table, struct entry *entry)
{
	struct connection *connection = &entry->connection;

	connection->ended = true;
	if (connection->session)
		session_end(connection->session);
	judge_again(table, connection);
	look_for_alerts(table, connection);
	entry_remove(table, entry);
	if (table->options.on_end)
		table->options.on_end(table->options.context, connection);
	entry_free(entry);
}

/* The session's callbacks. */
static void on_line(void *context, enum event_direction from, const char *line, size_t length)
{
	struct entry *entry = context;

	step(entry->table, &entry->connection, from == FROM_CLIENT ? "client" : "server", line,
	     length);
}

static void on_recipient(void *context, const char *address, size_t length)
{
	struct entry *entry = context;

	connection_add_recipient(&entry->connection, address, length);
}

static int take_state(struct table *table, struct entry *entry, const struct event_state *state)
{
	struct connection *connection = &entry->connection;

	connection_take_state(connection, state);
	if (state->transition == TRANSITION_SENT)
		return 0;
	if (state->transition == TRANSITION_ESTABLISHED) {
		step(table, connection, "established", NULL, 0);
		return 0;
	}
	step(table, connection, "closed", NULL, 0);
	entry_end(table, entry);
	return 0;
}

static int take_data(struct table *table, struct entry *entry, const struct event_data *head,
		     const uint8_t *bytes)
{
	struct connection *connection = &entry->connection;
	uint64_t refusals;

	if (head->flags & DATA_PROXY && connection_take_target(connection, bytes, head->length))
		return -ENOMEM;
	if (!connection->session) {
		connection->session = malloc(sizeof(*connection->session));
		if (!connection->session)
			return -ENOMEM;
		session_init(connection->session, connection->ends.remote_port,
			     table->options.keep_recipients ? on_recipient : NULL,
			     table->options.on_step ? on_line : NULL, entry);
	}
	refusals = connection_refusals(connection);
	session_data(connection->session, (enum event_direction)head->direction, head->offset,
		     bytes, head->length, head->withheld, (enum withheld)head->why, head->flags);
	if (connection_refusals(connection) != refusals)
		alert_again(table, entry);
	return 0;
}

/* FRAME_EVENT of a connection that is known. The record was checked. */
static int take_event(struct table *table, struct entry *entry, const void *payload)
{
	struct event_head head;
	struct event_data data;
	struct event_state state;

	memcpy(&head, payload, sizeof(head));
	entry->connection.last_seen = head.time;
	table->record_time = head.time;
	if (head.kind == EVENT_STATE) {
		memcpy(&state, payload, sizeof(state));
		return take_state(table, entry, &state);
	}
	memcpy(&data, payload, offsetof(struct event_data, bytes));
	return take_data(table, entry, &data,
			 (const uint8_t *)payload + offsetof(struct event_data, bytes));
}

/* An exec between makes another program of the same process. An opener found in /proc may have no file that is known. */
static bool same_program(const struct event_identity *opener, const struct event_identity *sender)
{
	return opener->tgid == sender->tgid && opener->start == sender->start &&
	       (!opener->exe_inode || (opener->exe_inode == sender->exe_inode &&
				       opener->exe_device == sender->exe_device));
}

static int take_sender(struct table *table, struct entry *entry, const struct event_open *open,
		       const void *payload, size_t size)
{
	struct connection *connection = &entry->connection;
	const struct process *opener = connection->opener;
	struct process *sender;

	connection->last_seen = open->head.time;
	table->record_time = open->head.time;
	connection->sends += open->sends;
	connection->sent_bytes += open->sent_bytes;
	/* The opener itself, after another: the other one stays the sender to show. */
	if (opener && same_program(&opener->id, &open->who))
		return 0;
	sender = process_decode(payload, size);
	if (!sender)
		return -errno;
	process_free(connection->sender);
	connection->sender = sender;
	connection->senders++;
	step(table, connection, "sender", NULL, 0);
	alert_again(table, entry);
	return 0;
}

static void end_lower_generations(struct table *table, const struct event_head *head)
{
	for (uint32_t back = 1; back <= GENERATIONS_BACK && back <= head->generation; back++) {
		struct entry *entry = entry_find(table, head->cookie, head->generation - back);

		if (!entry)
			continue;
		entry->connection.reason = CONNECTION_CLOSED;
		entry->connection.closed = head->time;
		entry_end(table, entry);
	}
}

static struct entry *entry_add(struct table *table, const struct event_open *open)
{
	struct entry *entry;

	while (HASH_COUNT(table->all) >= LIMIT_CONNECTIONS) {
		table->over++;
		entry_end(table, table->all);
	}
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->key = (struct key){open->head.cookie, open->head.generation};
	entry->table = table;
	entry->since = table->newest;
	HASH_ADD(hh, table->all, key, sizeof(entry->key), entry);
	if (!entry->hh.tbl) {
		free(entry);
		return NULL;
	}
	if (!table->progress_next)
		table->progress_next = entry;
	if (!table->attempt_next)
		table->attempt_next = entry;
	if (!table->alert_next)
		table->alert_next = entry;
	return entry;
}

/* A second OPEN of the same connection: the iterator's and the connect hook's may both come. The fuller one stays. */
static void merge_open(struct table *table, struct entry *entry, const struct event_open *open,
		       struct process *opener)
{
	struct connection *connection = &entry->connection;

	if (opener && (!connection->opener || (connection->opener->small && !opener->small))) {
		process_free(connection->opener);
		connection->opener = opener;
		connection_check_host(opener, &open->ends, &connection->ends);
		connection->flags &= (uint16_t)~EVENT_F_SMALL;
		connection->flags |= open->head.flags;
	} else {
		connection->flags |= open->head.flags & (uint16_t)~EVENT_F_SMALL;
		process_free(opener);
	}
	judge_for_steps(table, connection);
}

static void replay(struct table *table, struct entry *entry);

static int take_open(struct table *table, const struct event_open *open, const void *payload,
		     size_t size)
{
	struct entry *entry = entry_find(table, open->head.cookie, open->head.generation);
	bool nobody = open->head.flags & EVENT_F_NOBODY;
	struct process *opener = nobody ? NULL : process_decode(payload, size);
	struct connection *connection;
	struct verdict_case facts;

	if (!opener && !nobody)
		return -errno;
	if (entry) {
		merge_open(table, entry, open, opener);
		if (open->head.flags & EVENT_F_UNFOLLOWED)
			entry_end(table, entry);
		return 0;
	}
	end_lower_generations(table, &open->head);
	entry = entry_add(table, open);
	if (!entry) {
		process_free(opener);
		return -ENOMEM;
	}
	connection = &entry->connection;
	connection->cookie = open->head.cookie;
	connection->generation = open->head.generation;
	connection->flags = open->head.flags;
	connection->found = open->found;
	connection->opened = connection->last_seen = open->head.time;
	/* The gate heard something said, or the iterator found it connected: no ESTABLISHED will come. */
	connection->established = open->head.flags & (EVENT_F_EXISTING | EVENT_F_LATE) &&
				  !(open->head.flags & EVENT_F_UNFOLLOWED);
	connection->ends = open->ends;
	connection->opener = opener;
	connection->senders = 1;
	facts = connection_case(connection, table->newest);
	judge_opened(table->options.judge, &facts);
	judge_for_steps(table, connection);
	table->record_time = open->head.time;
	step(table, connection, "open", NULL, 0);
	if (open->head.flags & EVENT_F_UNFOLLOWED)
		entry_end(table, entry); /* with the reason `open`: how it ends nobody will hear */
	else
		replay(table, entry);
	return 0;
}

static void hear_of(struct table *table, uint64_t time)
{
	if (time > table->newest)
		table->newest = time;
}

static int take_who(struct table *table, const void *payload, size_t size)
{
	const size_t fixed = offsetof(struct event_open, text);
	struct event_open open;
	struct entry *entry;

	if (size < sizeof(struct enrichment) + fixed)
		return -EBADMSG;
	memcpy(&open, (const char *)payload + sizeof(struct enrichment), fixed);
	if (open.head.size != size - sizeof(struct enrichment))
		return -EBADMSG;
	hear_of(table, open.head.time);
	if (open.head.kind == EVENT_OPEN)
		return take_open(table, &open, payload, size);
	if (open.head.kind != EVENT_SENDER)
		return -EBADMSG;
	entry = entry_find(table, open.head.cookie, open.head.generation);
	if (!entry)
		return orphans_keep(table->orphans, open.head.cookie, open.head.generation,
				    table->newest, FRAME_WHO, payload, size);
	return take_sender(table, entry, &open, payload, size);
}

/* A later one is of who writes now, or read when more was known. */
static int take_script(struct table *table, const void *payload, size_t size)
{
	struct event_head head;
	struct script *script;
	struct entry *entry;

	if (size < sizeof(struct script_facts) + sizeof(head))
		return -EBADMSG;
	memcpy(&head, (const char *)payload + sizeof(struct script_facts), sizeof(head));
	if (head.kind != EVENT_SCRIPT || head.size != size - sizeof(struct script_facts))
		return -EBADMSG;
	entry = entry_find(table, head.cookie, head.generation);
	if (!entry)
		return orphans_keep(table->orphans, head.cookie, head.generation, table->newest,
				    FRAME_SCRIPT, payload, size);
	script = script_decode(payload, size);
	if (!script)
		return -errno;
	connection_take_script(&entry->connection, script);
	judge_for_steps(table, &entry->connection);
	alert_again(table, entry);
	return 0;
}

static bool event_is_whole(const struct event_head *head, const void *payload, size_t size)
{
	struct event_data data;

	if (head->kind == EVENT_STATE)
		return size == sizeof(struct event_state);
	if (head->kind != EVENT_DATA || size < offsetof(struct event_data, bytes))
		return false;
	memcpy(&data, payload, offsetof(struct event_data, bytes));
	return data.length <= EVENT_PIECE_MAX && data.direction <= FROM_SERVER &&
	       data.why <= WITHHELD_URGENT &&
	       size == offsetof(struct event_data, bytes) + data.length;
}

int table_frame(struct table *table, uint16_t kind, const void *payload, size_t size)
{
	struct event_head head;
	struct entry *entry;

	if (kind == FRAME_WHO)
		return take_who(table, payload, size);
	if (kind == FRAME_SCRIPT)
		return take_script(table, payload, size);
	if (kind != FRAME_EVENT || size < sizeof(head))
		return -EBADMSG;
	memcpy(&head, payload, sizeof(head));
	if (head.size != size || !event_is_whole(&head, payload, size))
		return -EBADMSG;
	hear_of(table, head.time);
	entry = entry_find(table, head.cookie, head.generation);
	if (!entry)
		return orphans_keep(table->orphans, head.cookie, head.generation, table->newest,
				    FRAME_EVENT, payload, size);
	return take_event(table, entry, payload);
}

/* A record that waited fails only for want of memory, and then it is a gap like any other. */
static void replay(struct table *table, struct entry *entry)
{
	struct orphan_record *record =
		orphans_take(table->orphans, entry->key.cookie, (uint32_t)entry->key.generation);

	while (record) {
		struct orphan_record *next = record->next;

		table_frame(table, record->kind, record->payload, record->size);
		free(record);
		record = next;
	}
}

/*
 * connect() was called, and no SYN followed: no route, a forbidden one, another program's refusal. Where the kernel lets us hook the
 * function's exit it says so with the errno; elsewhere the silence does.
 */
static uint64_t tick_attempts(struct table *table, uint64_t now)
{
	while (table->attempt_next) {
		struct entry *entry = table->attempt_next;
		uint64_t until = entry->since + LIMIT_ATTEMPT_SECONDS * SECOND;

		if (until > now)
			return until - now;
		table->attempt_next = entry->hh.next;
		if (!(entry->connection.flags & EVENT_F_ATTEMPT))
			continue;
		entry->connection.reason = CONNECTION_UNREACHABLE;
		entry->connection.closed = entry->connection.opened;
		entry_end(table, entry);
	}
	return UINT64_MAX;
}

/* Those whose first records have come by now. */
static uint64_t tick_alerts(struct table *table, uint64_t now)
{
	while (table->options.alerts && table->alert_next) {
		struct entry *entry = table->alert_next;
		uint64_t until = entry->since + LIMIT_ALERT_SETTLE_MS * (SECOND / 1000);

		if (until > now)
			return until - now;
		table->alert_next = entry->hh.next;
		entry->settled = true;
		alert_again(table, entry);
	}
	return UINT64_MAX;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t table_tick(struct table *table, uint64_t now)
{
	uint64_t wait = sooner(orphans_expire(table->orphans, now), tick_attempts(table, now));
	uint64_t lasts = table->options.progress_seconds * SECOND;

	hear_of(table, now);
	wait = sooner(wait, tick_alerts(table, now));
	while (table->progress_next) {
		struct entry *entry = table->progress_next;

		if (entry->since + lasts > now)
			return sooner(wait, entry->since + lasts - now);
		table->progress_next = entry->hh.next;
		judge_again(table, &entry->connection);
		look_for_alerts(table, &entry->connection);
		if (table->options.on_progress)
			table->options.on_progress(table->options.context, &entry->connection);
		entry->connection.shown_progress = true;
	}
	return wait;
}

void table_end(struct table *table, uint64_t now)
{
	hear_of(table, now);
	while (table->all) {
		table->all->connection.last_seen = now;
		entry_end(table, table->all);
	}
}

size_t table_live(const struct table *table)
{
	return HASH_COUNT(table->all);
}

uint64_t table_over(const struct table *table)
{
	return table->over;
}

uint64_t table_orphans(const struct table *table)
{
	return orphans_dropped(table->orphans) + orphans_waiting(table->orphans);
}
