/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * writer.c - one transaction: rows, their texts and actors, the roll-ups and the next seq, so that they cannot disagree
 *
 * What is remembered (ids, values of a day) is as of the transaction in work; a rollback forgets all of it.
 */
#include "store/writer.h"

#include <arpa/inet.h>
#include <errno.h>

#include "base/address.h"
#include "base/limits.h"

#define HOUR INT64_C(3600000000000)
#define DAY (24 * HOUR)

int writer_init(struct writer *writer, struct sql *sql, struct pack *pack)
{
	*writer = (struct writer){.sql = sql, .pack = pack};
	writer->texts = ids_new();
	writer->processes = ids_new();
	writer->actors = ids_new();
	if (!writer->texts || !writer->processes || !writer->actors) {
		writer_free(writer);
		return -ENOMEM;
	}
	writer_forget(writer);
	return 0;
}

void writer_free(struct writer *writer)
{
	ids_free(writer->texts);
	ids_free(writer->processes);
	ids_free(writer->actors);
	rollup_clear(&writer->rollup);
}

void writer_forget(struct writer *writer)
{
	ids_clear(writer->texts);
	ids_clear(writer->processes);
	ids_clear(writer->actors);
	for (int i = 0; i < WRITER_DAYS; i++)
		writer->values[i].day = -1;
	for (int i = 0; i < WRITER_USERS; i++)
		writer->users[i].day = -1;
}

/* What is remembered of a text, or else found in the store. *id NULL: it is in neither. */
static int find_text(struct writer *writer, struct bytes text, struct id **id)
{
	int64_t found[3];
	int rc;

	*id = ids_find(writer->texts, text);
	if (*id)
		return SQLITE_OK;
	rc = sql_bytes(writer->sql, SQL_TEXT_FIND, 1, text);
	if (rc != SQLITE_OK)
		return rc;
	rc = sql_ask(writer->sql, SQL_TEXT_FIND, SQL_NOTHING, found, 3);
	if (rc == SQLITE_DONE)
		return SQLITE_OK;
	if (rc != SQLITE_ROW)
		return rc;
	*id = ids_put(writer->texts, text, found[0], found[1], found[2]);
	return *id ? SQLITE_OK : SQLITE_NOMEM;
}

/* Finds it or adds it, as used on these days; -1 = not used in that way. */
static int use_text(struct writer *writer, struct bytes text, int64_t day, int64_t rollup_day,
		    struct id **id)
{
	int rc = find_text(writer, text, id);

	if (rc != SQLITE_OK)
		return rc;
	if (!*id) {
		rc = sql_bytes(writer->sql, SQL_TEXT_ADD, 3, text);
		if (rc == SQLITE_OK)
			rc = sql_run(writer->sql, SQL_TEXT_ADD, SQL_NUMBERS(day, rollup_day));
		if (rc != SQLITE_OK)
			return rc;
		*id = ids_put(writer->texts, text, sqlite3_last_insert_rowid(writer->sql->db), day,
			      rollup_day);
		return *id ? SQLITE_OK : SQLITE_NOMEM;
	}
	if (day <= (*id)->day && rollup_day <= (*id)->rollup_day)
		return SQLITE_OK;
	if (day > (*id)->day)
		(*id)->day = day;
	if (rollup_day > (*id)->rollup_day)
		(*id)->rollup_day = rollup_day;
	return sql_run(writer->sql, SQL_TEXT_USE, SQL_NUMBERS((*id)->id, day, rollup_day));
}

/* *number is 0 for an empty one: not known. */
static int text_number(struct writer *writer, struct bytes text, int64_t day, int64_t rollup_day,
		       int64_t *number)
{
	struct id *id;
	int rc;

	*number = 0;
	if (!text.length)
		return SQLITE_OK;
	rc = use_text(writer, text, day, rollup_day, &id);
	if (rc == SQLITE_OK)
		*number = id->id;
	return rc;
}

static int add_process(struct writer *writer, struct bytes json, int64_t day, struct id **id)
{
	struct bytes packed;
	int rc;

	if (pack_text(writer->pack, json, &packed) != 0)
		return SQLITE_NOMEM;
	rc = sql_bytes(writer->sql, SQL_PROCESS_ADD, 2, packed);
	if (rc == SQLITE_OK)
		rc = sql_run(writer->sql, SQL_PROCESS_ADD, SQL_NUMBERS(day));
	if (rc != SQLITE_OK)
		return rc;
	*id = ids_put(writer->processes, json, sqlite3_last_insert_rowid(writer->sql->db), day, -1);
	return *id ? SQLITE_OK : SQLITE_NOMEM;
}

/* `use` raises the day of what is remembered. */
static int raise_day(struct writer *writer, enum sql_name use, struct id *id, int64_t day)
{
	if (day <= id->day)
		return SQLITE_OK;
	id->day = day;
	return sql_run(writer->sql, use, SQL_NUMBERS(id->id, day));
}

static int process_number(struct writer *writer, struct bytes json, int64_t day, int64_t *number)
{
	struct id *id;
	int rc;

	*number = 0;
	if (!json.length)
		return SQLITE_OK;
	id = ids_find(writer->processes, json);
	rc = id ? raise_day(writer, SQL_PROCESS_USE, id, day) : add_process(writer, json, day, &id);
	if (rc == SQLITE_OK)
		*number = id->id;
	return rc;
}

#define ACTOR_TEXTS 7

/* How many actors of this user were used on this day. */
static int actors_of(struct writer *writer, int64_t uid, int64_t day, struct actors_of_user **user)
{
	const int64_t most[] = {uid, day, LIMIT_STORE_ACTORS};
	int rc;

	*user = &writer->users[(uint64_t)uid % WRITER_USERS];
	if ((*user)->uid == uid && (*user)->day == day)
		return SQLITE_OK;
	(*user)->day = -1;
	rc = sql_ask(writer->sql, SQL_ACTORS_OF_USER, most, 3, &(*user)->count, 1);
	if (rc != SQLITE_ROW)
		return rc;
	(*user)->uid = uid;
	(*user)->day = day;
	return SQLITE_OK;
}

/* An actor as it is asked for; key: uid, the ids of the texts and the day, as in the table. */
struct asked_actor {
	struct bytes texts[ACTOR_TEXTS];
	int64_t key[ACTOR_TEXTS + 2];
};

static struct asked_actor actor_of(const struct store_row *row, int64_t day)
{
	return (struct asked_actor){
		.texts = {row->user, row->exe, row->script, row->with, row->service, row->container,
			  row->cgroup},
		.key = {row->uid == STORE_NO_UID ? -1 : (int64_t)row->uid, [ACTOR_TEXTS + 1] = day},
	};
}

/* *id NULL: the store has none such. */
static int find_actor(struct writer *writer, struct asked_actor *asked, struct id **id)
{
	struct bytes bytes = {(const char *)asked->key, (ACTOR_TEXTS + 1) * sizeof(asked->key[0])};
	int64_t found[2];
	struct id *text;
	int rc;

	*id = NULL;
	for (int i = 0; i < ACTOR_TEXTS; i++) {
		asked->key[i + 1] = 0;
		if (!asked->texts[i].length)
			continue;
		rc = find_text(writer, asked->texts[i], &text);
		if (rc != SQLITE_OK || !text)
			return rc;
		asked->key[i + 1] = text->id;
	}
	*id = ids_find(writer->actors, bytes);
	if (*id)
		return SQLITE_OK;
	rc = sql_ask(writer->sql, SQL_ACTOR_FIND, asked->key, ACTOR_TEXTS + 1, found, 2);
	if (rc != SQLITE_ROW)
		return rc == SQLITE_DONE ? SQLITE_OK : rc;
	*id = ids_put(writer->actors, bytes, found[0], found[1], -1);
	return *id ? SQLITE_OK : SQLITE_NOMEM;
}

/* An actor is needed by connections and by roll-ups, and so are its texts. */
static int use_texts(struct writer *writer, struct asked_actor *asked, int64_t day)
{
	int rc = SQLITE_OK;

	for (int i = 0; i < ACTOR_TEXTS && rc == SQLITE_OK; i++)
		rc = text_number(writer, asked->texts[i], day, day, &asked->key[i + 1]);
	return rc;
}

static int add_actor(struct writer *writer, struct asked_actor *asked, int64_t day, struct id **id)
{
	struct bytes bytes = {(const char *)asked->key, (ACTOR_TEXTS + 1) * sizeof(asked->key[0])};
	int rc = use_texts(writer, asked, day);

	if (rc == SQLITE_OK)
		rc = sql_run(writer->sql, SQL_ACTOR_ADD, asked->key, ACTOR_TEXTS + 2);
	if (rc != SQLITE_OK)
		return rc;
	*id = ids_put(writer->actors, bytes, sqlite3_last_insert_rowid(writer->sql->db), day, -1);
	return *id ? SQLITE_OK : SQLITE_NOMEM;
}

static int use_again(struct writer *writer, struct asked_actor *asked, int64_t day, struct id *id)
{
	int rc = use_texts(writer, asked, day);

	return rc == SQLITE_OK ? raise_day(writer, SQL_ACTOR_USE, id, day) : rc;
}

/* The user's only: the rest of it is what there is too much of. */
static struct asked_actor others_of(const struct store_row *row, int64_t day)
{
	return actor_of(&(struct store_row){.uid = row->uid,
					    .user = row->user,
					    .exe = bytes_of(STORE_OTHER_ACTORS)},
			day);
}

/* An actor's first row of a day: it is new (*id NULL), or was used before. */
static int begin_day(struct writer *writer, const struct store_row *row, struct asked_actor *asked,
		     int64_t day, struct id **id)
{
	struct actors_of_user *user;
	int rc = actors_of(writer, asked->key[0], day, &user);

	if (rc == SQLITE_OK && !*id && user->count >= LIMIT_STORE_ACTORS) {
		*asked = others_of(row, day);
		rc = find_actor(writer, asked, id);
		if (rc == SQLITE_OK && *id && day <= (*id)->day)
			return SQLITE_OK;
	}
	if (rc == SQLITE_OK && !*id)
		rc = add_actor(writer, asked, day, id);
	else if (rc == SQLITE_OK)
		rc = use_again(writer, asked, day, *id);
	if (rc == SQLITE_OK)
		user->count++;
	return rc;
}

static int actor_number(struct writer *writer, const struct store_row *row, int64_t day,
			int64_t *number)
{
	struct asked_actor asked = actor_of(row, day);
	struct id *id;
	int rc = find_actor(writer, &asked, &id);

	if (rc == SQLITE_OK && (!id || day > id->day))
		rc = begin_day(writer, row, &asked, day, &id);
	if (rc == SQLITE_OK)
		*number = id->id;
	return rc;
}

static struct values_of_day *values_of(struct writer *writer, int64_t day)
{
	struct values_of_day *values;

	for (int i = 0; i < WRITER_DAYS; i++)
		if (writer->values[i].day == day)
			return &writer->values[i];
	values = &writer->values[writer->values_next++ % WRITER_DAYS];
	values->day = day;
	for (int i = 0; i < IDS_WHATS; i++)
		values->count[i] = -1;
	return values;
}

/* The value gets a row of its own at once, with zeros: then the store knows it although the sums come later. */
static int list_value(struct writer *writer, enum schema_what what, int64_t day, struct bytes text,
		      const struct store_row *row, int64_t *value)
{
	struct values_of_day *values = values_of(writer, day);
	struct id *id;
	int rc;

	*value = SCHEMA_OTHERS;
	if (values->count[what] < 0) {
		rc = sql_ask(writer->sql, SQL_VALUES_OF_DAY, SQL_NUMBERS(day, what),
			     &values->count[what], 1);
		if (rc != SQLITE_ROW)
			return rc;
	}
	if (values->count[what] >= LIMIT_STORE_VALUES)
		return SQLITE_OK;
	values->count[what]++;
	rc = use_text(writer, text, -1, day, &id);
	if (rc != SQLITE_OK)
		return rc;
	id->listed[what] = day;
	*value = id->id;
	return sql_run(writer->sql, SQL_VALUE_ADD,
		       SQL_NUMBERS(day, what, id->id, row->verdict, 0, 0, 0, 0, 0));
}

static int value_number(struct writer *writer, enum schema_what what, int64_t day,
			struct bytes text, const struct store_row *row, int64_t *value)
{
	int64_t one;
	struct id *id;
	int rc;

	*value = SCHEMA_NONE;
	if (!text.length)
		return SQLITE_OK;
	rc = find_text(writer, text, &id);
	if (rc != SQLITE_OK)
		return rc;
	if (id && id->listed[what] == day) {
		*value = id->id;
		return SQLITE_OK;
	}
	if (id) {
		rc = sql_ask(writer->sql, SQL_VALUE_KNOWN, SQL_NUMBERS(day, what, id->id), &one, 1);
		if (rc == SQLITE_ROW) {
			id->listed[what] = day;
			*value = id->id;
			return SQLITE_OK;
		}
		if (rc != SQLITE_DONE)
			return rc;
	}
	return list_value(writer, what, day, text, row, value);
}

static int roll_up(struct writer *writer, const struct store_row *row, int64_t actor)
{
	char address[INET6_ADDRSTRLEN];
	const bool v4 = address_is_v4(row->address);
	const char *text = inet_ntop(v4 ? AF_INET : AF_INET6, row->address + (v4 ? 12 : 0), address,
				     sizeof(address));
	const struct bytes values[IDS_WHATS] = {
		[SCHEMA_DESTINATION] = bytes_of(text),
		[SCHEMA_HELO] = row->helo,
		[SCHEMA_REPLY] = row->reply,
	};
	int64_t day = row->start / DAY, value;
	int rc = rollup_hour(&writer->rollup, row->start / HOUR, actor, row);

	for (int what = SCHEMA_DESTINATION; what < IDS_WHATS && rc == SQLITE_OK; what++) {
		rc = value_number(writer, (enum schema_what)what, day, values[what], row, &value);
		if (rc == SQLITE_OK)
			rc = rollup_value(&writer->rollup, day, what, value, row);
	}
	return rc;
}

static int add_connection(struct writer *writer, const struct store_row *row,
			  const int64_t numbers[14])
{
	const bool v4 = address_is_v4(row->address);
	struct bytes address = {(const char *)row->address + (v4 ? 12 : 0), v4 ? 4 : 16};
	int rc = sql_bytes(writer->sql, SQL_CONNECTION_ADD, 15, address);

	if (rc == SQLITE_OK)
		rc = sql_bytes(writer->sql, SQL_CONNECTION_ADD, 16, row->rest_json);
	if (rc == SQLITE_OK)
		rc = sql_run(writer->sql, SQL_CONNECTION_ADD, numbers, 14);
	return rc;
}

int writer_begin(struct writer *writer)
{
	int rc = sql_run(writer->sql, SQL_BEGIN, SQL_NOTHING);

	if (rc != SQLITE_OK)
		return rc;
	rc = sql_ask(writer->sql, SQL_SEQ, SQL_NOTHING, &writer->next_seq, 1);
	if (rc == SQLITE_DONE || (rc == SQLITE_ROW && writer->next_seq < 1))
		return SQLITE_CORRUPT; /* every store has one */
	return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

int writer_row(struct writer *writer, const struct store_row *row)
{
	int64_t day = row->start / DAY, actor, helo, reply, process;
	int rc = actor_number(writer, row, day, &actor);

	if (rc == SQLITE_OK)
		rc = text_number(writer, row->helo, day, -1, &helo);
	if (rc == SQLITE_OK)
		rc = text_number(writer, row->reply, day, -1, &reply);
	if (rc == SQLITE_OK)
		rc = process_number(writer, row->process_json, day, &process);
	if (rc == SQLITE_OK)
		rc = roll_up(writer, row, actor);
	if (rc != SQLITE_OK)
		return rc;
	return add_connection(writer, row,
			      (const int64_t[14]){writer->next_seq++, row->start,
						  (int64_t)row->cookie, actor, row->verdict,
						  (int64_t)row->reasons, row->port, helo, reply,
						  row->messages, row->accepted, row->recipients,
						  row->refused, process});
}

int writer_event(struct writer *writer, int64_t time, enum store_event event, uint64_t number,
		 const char *words)
{
	int rc = sql_text(writer->sql, SQL_EVENT_ADD, 4, words && words[0] ? words : NULL);

	if (rc != SQLITE_OK)
		return rc;
	return sql_run(writer->sql, SQL_EVENT_ADD, SQL_NUMBERS(time, event, (int64_t)number));
}

int writer_commit(struct writer *writer)
{
	int rc = rollup_write(&writer->rollup, writer->sql);

	if (rc == SQLITE_OK)
		rc = sql_run(writer->sql, SQL_SEQ_SET, SQL_NUMBERS(writer->next_seq));
	if (rc == SQLITE_OK)
		rc = sql_run(writer->sql, SQL_COMMIT, SQL_NOTHING);
	if (rc == SQLITE_OK)
		rollup_clear(&writer->rollup);
	return rc;
}

void writer_rollback(struct writer *writer)
{
	if (!sqlite3_get_autocommit(writer->sql->db))
		sql_run(writer->sql, SQL_ROLLBACK, SQL_NOTHING);
	rollup_clear(&writer->rollup);
	writer_forget(writer);
}
