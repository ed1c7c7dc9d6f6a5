/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kept.c - a connection as a row of the store
 *
 * The columns that are asked for, and the whole record as `trace --json` writes it, in two parts: what is the same for all connections of
 * a process is stored once. Texts are the attacker's bytes; the store keeps them as they are. Nothing is fatal.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "present/kept.h"
#include "present/record_process.h"
#include "present/record_script.h"

int kept_init(struct kept *kept)
{
	memset(kept, 0, sizeof(*kept));
	kept->process.out = open_memstream(&kept->process.bytes, &kept->process.size);
	kept->rest.out = open_memstream(&kept->rest.bytes, &kept->rest.size);
	return kept->process.out && kept->rest.out ? 0 : -ENOMEM;
}

static void text_free(struct kept_text *text)
{
	if (text->out)
		fclose(text->out);
	free(text->bytes);
}

void kept_free(struct kept *kept)
{
	text_free(&kept->process);
	text_free(&kept->rest);
}

static int64_t distance(int64_t a, int64_t b)
{
	return a > b ? a - b : b - a;
}

int64_t kept_clock(struct kept *kept, int64_t wall_minus_boot)
{
	int64_t before = kept->seen, step = wall_minus_boot - before;

	kept->seen = wall_minus_boot;
	if (distance(wall_minus_boot, kept->wall_minus_boot) > LIMIT_CLOCK_NOISE)
		kept->wall_minus_boot = wall_minus_boot;
	return before && distance(wall_minus_boot, before) > LIMIT_CLOCK_STEP ? step : 0;
}

static struct json *text_begin(struct kept *kept, struct kept_text *text)
{
	rewind(text->out);
	json_begin_members(&kept->json, text->out);
	return &kept->json;
}

static int text_end(struct kept *kept, struct kept_text *text, struct bytes *out)
{
	json_end_members(&kept->json);
	if (fflush(text->out) || ferror(text->out)) {
		clearerr(text->out);
		return -ENOMEM;
	}
	*out = (struct bytes){text->bytes, text->size};
	return 0;
}

/* Who did it. */
static void actor_columns(const struct process *opener, struct store_row *row)
{
	row->uid = opener->id.uid;
	row->user = (struct bytes){opener->extra.user,
				   strnlen(opener->extra.user, sizeof(opener->extra.user))};
	row->exe = opener->exe;
	row->service = opener->unit;
	row->container = opener->container;
	row->cgroup = opener->cgroup;
}

/* What was answered, in so few words that many connections have the same. */
static struct bytes reply_key(struct kept *kept, const struct session_facts *facts)
{
	if (facts->worst_code)
		snprintf(kept->reply, sizeof(kept->reply), "%u%s%s", facts->worst_code,
			 facts->blocklist ? " " : "", facts->blocklist ? facts->blocklist : "");
	else if (facts->tls != SESSION_TLS_NONE)
		snprintf(kept->reply, sizeof(kept->reply), "tls");
	else if (
		facts->accepted) /* the code of the receipt: whether QUIT was said tells nothing of it */
		snprintf(kept->reply, sizeof(kept->reply), "250");
	else if (facts->last_code)
		snprintf(kept->reply, sizeof(kept->reply), "%u", facts->last_code);
	else
		kept->reply[0] = '\0';
	return bytes_of(kept->reply);
}

static void dialogue_columns(struct kept *kept, const struct session_facts *facts,
			     struct store_row *row)
{
	row->helo = (struct bytes){facts->helo_bytes, facts->helo.length};
	row->reply = reply_key(kept, facts);
	row->messages = facts->messages;
	row->accepted = facts->accepted;
	row->recipients = facts->recipients;
	row->refused = facts->refused;
}

static bool has_reason(const struct connection *connection, enum verdict_reason reason)
{
	return connection->verdict.reasons >> reason & 1;
}

static void columns(struct kept *kept, const struct connection *connection, struct store_row *row)
{
	uint64_t start = connection->opened ? connection->opened : connection->last_seen;

	memset(row, 0, sizeof(*row));
	row->start = (int64_t)start + kept->wall_minus_boot;
	row->cookie = connection->cookie;
	row->verdict = connection->verdict.class;
	row->reasons = connection->verdict.reasons;
	row->uid = STORE_NO_UID;
	if (connection->opener)
		actor_columns(connection->opener, row);
	row->script = record_script_file(connection, &kept->script);
	row->with = record_script_other(connection, &kept->other);
	memcpy(row->address, connection->ends.remote, sizeof(row->address));
	row->port = connection->ends.remote_port;
	if (connection->session)
		dialogue_columns(kept, &connection->session->facts, row);
	row->attempt_only = has_reason(connection, REASON_ATTEMPT_ONLY);
	row->refusal = has_reason(connection, REASON_REFUSED);
	row->blocklisted = has_reason(connection, REASON_BLOCKLISTED);
	row->bytes_out = connection->bytes_out;
}

int kept_row(struct kept *kept, const struct connection *connection, struct store_row *row)
{
	struct json *json;
	int rc = 0;

	columns(kept, connection, row);
	if (connection->opener) {
		json = text_begin(kept, &kept->process);
		record_of_opener(json, connection->opener, kept->wall_minus_boot);
		rc = text_end(kept, &kept->process, &row->process_json);
	}
	if (rc)
		return rc;
	json = text_begin(kept, &kept->rest);
	record_but_opener(json, &kept->origin, connection, kept->wall_minus_boot);
	return text_end(kept, &kept->rest, &row->rest_json);
}
