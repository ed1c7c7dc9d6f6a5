/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * query_filter.c - which connections are asked for, as SQL
 *
 * All text is constant; every value is bound. Actors are few beside connections, so what belongs to them is asked of them first.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "store/query_internal.h"

#define PORTS_TEXT 512 /* 64 ports, as words */

void query_sql_add(struct query_sql *sql, const char *constant)
{
	size_t length = strlen(constant);

	if (length >= sizeof(sql->text) - sql->length) {
		sql->over = true;
		return;
	}
	memcpy(sql->text + sql->length, constant, length + 1);
	sql->length += length;
}

#define TEXT_OF(column) "(SELECT bytes FROM text WHERE id = a." column ")"
#define HAS(column, parameter) "instr(" TEXT_OF(column) ", " parameter ")"

/* An actor of another cgroup, or another PHP that runs the same script, is the same who. */
#define SAME_WHO                                                                                   \
	"EXISTS (SELECT 1 FROM actor s WHERE s.id = :actor"                                        \
	" AND a.uid = s.uid AND a.user = s.user AND a.script = s.script AND a.other = s.other"     \
	" AND a.service = s.service AND a.container = s.container"                                 \
	" AND (a.script != 0 OR a.exe = s.exe))"

static bool about_actor(const struct query *query)
{
	return query->has_uid || query->cgroup || query->exe || query->script || query->service ||
	       query->who || query->actor;
}

static void filter_actors(struct query_sql *sql, const struct query *query)
{
	query_sql_add(sql, " IN (SELECT a.id FROM actor a WHERE 1");
	if (query->has_uid)
		query_sql_add(sql, " AND a.uid = :uid");
	if (query->cgroup)
		query_sql_add(sql, " AND (" TEXT_OF("cgroup") " = :cgroup OR substr(" TEXT_OF(
					   "cgroup") ", 1, length(:below)) = :below)");
	if (query->exe)
		query_sql_add(sql, " AND " HAS("exe", ":exe"));
	if (query->script)
		query_sql_add(sql, " AND "
				   "(" HAS("script", ":script") " OR " HAS("other", ":script") ")");
	if (query->service)
		query_sql_add(sql, " AND " HAS("service", ":service"));
	if (query->who)
		query_sql_add(
			sql,
			" AND (" HAS("script", ":who") " OR " HAS("other", ":who") " OR " HAS("exe", ":who") " OR " HAS(
				"user",
				":who") " OR " HAS("service",
						   ":who") " OR " HAS("container",
								      ":who") " OR " HAS("cgroup",
											 ":who") ")");
	if (query->actor)
		query_sql_add(sql, " AND " SAME_WHO);
	query_sql_add(sql, ")");
}

/* `verdict` and `actor` by the table that they are in. */
static void filter_common(struct query_sql *sql, const struct query *query, const char *verdict,
			  const char *actor)
{
	query_sql_add(sql, verdict);
	if (!about_actor(query))
		return;
	query_sql_add(sql, actor);
	filter_actors(sql, query);
}

void query_filter_hours(struct query_sql *sql, const struct query *query)
{
	filter_common(sql, query, " AND ((:verdicts >> h.verdict) & 1)", " AND h.actor");
}

void query_filter_details(struct query_sql *sql, const struct query *query)
{
	filter_common(sql, query, " AND ((:verdicts >> c.verdict) & 1)", " AND c.actor");
	if (query->helo)
		query_sql_add(sql,
			      " AND c.helo IN (SELECT id FROM text WHERE instr(bytes, :helo))");
	if (query->has_net)
		query_sql_add(sql, " AND c.address BETWEEN :net_first AND :net_last "
				   "AND length(c.address) = length(:net_first)");
	if (query->port_count)
		query_sql_add(sql, " AND instr(:ports, ' ' || c.port || ' ')");
}

static void bind_net(sqlite3_stmt *statement, const struct query *query)
{
	uint8_t first[16], last[16];
	unsigned int skip = address_is_v4(query->net) && query->prefix >= 96 ? 12 : 0;

	for (unsigned int i = 0; i < 16; i++) {
		unsigned int fixed = query->prefix > 8 * i ? query->prefix - 8 * i : 0;
		uint8_t open = fixed >= 8 ? 0 : (uint8_t)(0xff >> fixed);

		first[i] = query->net[i] & (uint8_t)~open;
		last[i] = query->net[i] | open;
	}
	query_bind_bytes(statement, ":net_first",
			 (struct bytes){(const char *)first + skip, 16 - skip});
	query_bind_bytes(statement, ":net_last",
			 (struct bytes){(const char *)last + skip, 16 - skip});
}

static void bind_ports(sqlite3_stmt *statement, const struct query *query)
{
	int at = sqlite3_bind_parameter_index(statement, ":ports");
	char list[PORTS_TEXT];
	size_t length = 0;

	for (unsigned int i = 0; i < query->port_count && length + 8 < sizeof(list); i++)
		length += (size_t)sprintf(list + length, " %u", query->ports[i]);
	list[length++] = ' ';
	if (at)
		sqlite3_bind_text(statement, at, list, (int)length, SQLITE_TRANSIENT);
}

static void bind_word(sqlite3_stmt *statement, const char *name, const char *word)
{
	if (word)
		query_bind_bytes(statement, name, bytes_of(word));
}

void query_filter_bind(sqlite3_stmt *statement, const struct query *query)
{
	char below[4100];

	query_bind_int(statement, ":verdicts", query->verdicts);
	query_bind_int(statement, ":uid", query->uid == QUERY_NO_UID ? -1 : (int64_t)query->uid);
	query_bind_int(statement, ":actor", query->actor);
	bind_word(statement, ":cgroup", query->cgroup);
	if (query->cgroup) {
		snprintf(below, sizeof(below), "%s/", query->cgroup);
		bind_word(statement, ":below", below);
	}
	bind_word(statement, ":exe", query->exe);
	bind_word(statement, ":script", query->script);
	bind_word(statement, ":service", query->service);
	bind_word(statement, ":helo", query->helo);
	bind_word(statement, ":who", query->who);
	if (query->has_net)
		bind_net(statement, query);
	if (query->port_count)
		bind_ports(statement, query);
}

bool query_needs_details(const struct query *query, bool values)
{
	bool beyond = query->helo || query->has_net || query->port_count;

	return beyond || (values && about_actor(query));
}

bool query_address(char out[48], struct bytes address)
{
	uint8_t bytes[16] = {[10] = 0xff, [11] = 0xff};

	if (address.length == 4)
		memcpy(bytes + 12, address.at, 4);
	else if (address.length == 16)
		memcpy(bytes, address.at, 16);
	else
		return false;
	if (address_is_v4(bytes))
		return inet_ntop(AF_INET, bytes + 12, out, 48) != NULL;
	return inet_ntop(AF_INET6, bytes, out, 48) != NULL;
}
