/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * record.c - the one description of all fields of the JSON record: connections and their steps
 *
 * What is not known is absent. Where the dialogue was encrypted or never seen, counters of zero are not known either.
 */
#include <inttypes.h>
#include <string.h>

#include "base/limits.h"
#include "present/label.h"
#include "present/mask.h"
#include "present/record.h"
#include "present/record_process.h"
#include "present/record_script.h"

enum record_outcome record_outcome(const struct connection *connection)
{
	const struct session_facts *facts =
		connection->session ? &connection->session->facts : NULL;
	bool tried;

	if (facts && facts->accepted)
		return RECORD_SUCCESS;
	if (!connection->ended || connection->reason == CONNECTION_OPEN)
		return RECORD_UNKNOWN;
	if (!connection->established)
		return RECORD_FAILURE;
	if (!facts || facts->tls != SESSION_TLS_NONE || facts->gaps || connection->lost_bytes)
		return RECORD_UNKNOWN;
	tried = facts->from_count || facts->recipients || facts->messages || facts->worst_code ||
		facts->refused_greeting;
	return tried ? RECORD_FAILURE : RECORD_UNKNOWN;
}

static void event_id(struct json *json, const struct record_origin *origin,
		     const struct connection *connection)
{
	char id[80];
	int length = snprintf(id, sizeof(id), "%s-%" PRIx64, origin->boot_id, connection->cookie);

	if (connection->generation)
		length += snprintf(id + length, sizeof(id) - (size_t)length, "-%" PRIx32,
				   connection->generation);
	json_bytes(json, "id", id, (size_t)length);
}

void record_origin_set(struct record_origin *origin, const struct frame_start *start)
{
	for (unsigned int i = 0; i < sizeof(start->boot_id); i++)
		snprintf(origin->boot_id + 2 * i, 3, "%02x", start->boot_id[i]);
	memcpy(origin->host, start->host, sizeof(origin->host));
	origin->host[sizeof(origin->host) - 1] = '\0';
}

void record_begin(struct json *json, const struct record_origin *origin, const char *action,
		  int64_t unix_ns)
{
	json_time(json, "@timestamp", unix_ns);
	json_number(json, "v", RECORD_VERSION);
	json_open_object(json, "host");
	if (origin->host[0])
		json_text(json, "name", origin->host);
	json_close(json);
	json_open_object(json, "event");
	json_text(json, "kind", "event");
	json_text(json, "action", action);
}

static void event_members(struct json *json, const struct record_origin *origin,
			  const struct connection *connection, int64_t wall_minus_boot)
{
	static const char *const outcomes[] = {"unknown", "success", "failure"};
	/* A connection that was there before has no beginning that we know. */
	bool begun = connection->opened && !(connection->flags & EVENT_F_EXISTING);

	event_id(json, origin, connection);
	if (begun)
		json_time(json, "start", (int64_t)connection->opened + wall_minus_boot);
	if (connection->closed) {
		json_time(json, "end", (int64_t)connection->closed + wall_minus_boot);
		if (begun && connection->closed >= connection->opened)
			json_number(json, "duration", connection->closed - connection->opened);
	}
	json_text(json, "outcome", outcomes[record_outcome(connection)]);
	json_text(json, "reason", connection_reason_name(connection->reason));
}

uint64_t record_time(const struct connection *connection)
{
	return connection->closed ? connection->closed : connection->last_seen;
}

/* An attempt that ended before the kernel chose its own address has 0.0.0.0 or :: there. */
static bool address_known(const uint8_t address[16])
{
	static const uint8_t none[16], none4[16] = {[10] = 0xff, [11] = 0xff};

	return memcmp(address, none, 16) != 0 && memcmp(address, none4, 16) != 0;
}

/* `address` NULL = not known. */
static void endpoint(struct json *json, const char *key, const uint8_t address[16], uint16_t port,
		     bool counted, uint64_t bytes)
{
	char text[LABEL_ADDRESS];

	json_open_object(json, key);
	if (address) {
		label_address(text, sizeof(text), address);
		json_text(json, "ip", text);
	}
	if (port)
		json_number(json, "port", port);
	if (counted)
		json_number(json, "bytes", bytes);
	json_close(json);
}

void record_endpoints(struct json *json, const struct event_endpoints *ends, bool counted,
		      uint64_t out, uint64_t in)
{
	endpoint(json, "source", address_known(ends->local) ? ends->local : NULL, ends->local_port,
		 counted, out);
	endpoint(json, "destination", ends->remote, ends->remote_port, counted, in);
}

static void text_member(struct json *json, const char *key, const struct session_text *text,
			const char *bytes)
{
	if (text->seen)
		json_bytes(json, key, bytes, text->length);
}

/* Servers repeat recipients in their replies. */
static void reply_member(struct json *json, const char *key, const struct session_text *text,
			 const char *bytes, bool names)
{
	char masked[MASK_BYTES];

	if (names || !text->seen)
		text_member(json, key, text, bytes);
	else
		json_bytes(json, key, masked, mask_reply(masked, bytes, text->length));
}

/* Texts that lie one after another, each with its length. */
static void list(struct json *json, const char *key, const char *bytes, const uint16_t *lengths,
		 unsigned int count)
{
	json_open_array(json, key);
	for (unsigned int i = 0; i < count; i++) {
		json_bytes(json, NULL, bytes, lengths[i]);
		bytes += lengths[i];
	}
	json_close(json);
}

static void counter(struct json *json, const char *key, uint64_t number, bool known)
{
	if (known || number)
		json_number(json, key, number);
}

static void auth(struct json *json, const struct session_facts *facts)
{
	static const char *const outcomes[] = {
		[SESSION_AUTH_TRIED] = "unknown",
		[SESSION_AUTH_SUCCESS] = "success",
		[SESSION_AUTH_FAILURE] = "failure",
	};

	if (facts->auth == SESSION_AUTH_NONE)
		return;
	json_open_object(json, "auth");
	text_member(json, "mechanism", &facts->mechanism, facts->mechanism_bytes);
	json_text(json, "outcome", outcomes[facts->auth]);
	json_close(json);
}

static void recipients(struct json *json, const struct connection *connection)
{
	const char *at = connection->recipients;

	json_open_array(json, "to");
	for (size_t i = 0; i < connection->recipients_kept; i++) {
		size_t length = strlen(at);

		json_bytes(json, NULL, at, length);
		at += length + 1;
	}
	json_close(json);
}

static void replies(struct json *json, const struct session_facts *facts)
{
	static const char *const classes[] = {"2xx", "3xx", "4xx", "5xx"};

	json_open_object(json, "replies");
	for (unsigned int i = 0; i < 4; i++)
		json_number(json, classes[i], facts->replies[i]);
	json_close(json);
}

static void dialogue(struct json *json, const struct connection *connection, bool names)
{
	const struct session_facts *facts = &connection->session->facts;
	bool replied =
		facts->replies[0] || facts->replies[1] || facts->replies[2] || facts->replies[3];
	bool known = facts->tls == SESSION_TLS_NONE && (facts->smtp || replied);

	text_member(json, "greeting", &facts->greeting, facts->greeting_bytes);
	text_member(json, "helo", &facts->helo, facts->helo_bytes);
	list(json, "from", facts->from_bytes, facts->from_lengths, facts->from_kept);
	if (facts->from_count > facts->from_kept)
		json_number(json, "from_total", facts->from_count);
	counter(json, "messages", facts->messages, known);
	counter(json, "accepted", facts->accepted, known);
	counter(json, "recipients", facts->recipients, known);
	counter(json, "refused", facts->refused, known);
	recipients(json, connection);
	list(json, "domains", facts->domain_bytes, facts->domain_lengths, facts->domains_kept);
	if (facts->domains_over)
		json_number(json, "domains_over", facts->domains_over);
	auth(json, facts);
	if (facts->smtp || replied)
		replies(json, facts);
	reply_member(json, "last_reply", &facts->last_reply, facts->last_reply_bytes, names);
	reply_member(json, "receipt", &facts->receipt, facts->receipt_bytes, names);
	if (facts->blocklist)
		json_text(json, "blocklist", facts->blocklist);
	counter(json, "gaps", facts->gaps, known);
}

static void smtp(struct json *json, const struct connection *connection, bool names)
{
	static const char *const found[] = {
		[FOUND_PORT] = "port",
		[FOUND_GREETING] = "greeting",
		[FOUND_CLIENT] = "client",
		[FOUND_PROXY] = "proxy",
	};

	json_open_object(json, "smtp");
	if (connection->found > FOUND_NOT && connection->found <= FOUND_PROXY)
		json_text(json, "found_by", found[connection->found]);
	if (connection->target_length)
		json_bytes(json, "target", connection->target, connection->target_length);
	if (connection->session)
		dialogue(json, connection, names);
	if (connection->lost_bytes)
		json_number(json, "lost_bytes", connection->lost_bytes);
	json_close(json);
}

static void tls(struct json *json, const struct session_facts *facts)
{
	static const char *const modes[] = {
		[SESSION_TLS_NONE] = "none",
		[SESSION_TLS_STARTTLS] = "starttls",
		[SESSION_TLS_IMPLICIT] = "implicit",
	};

	json_open_object(json, "tls");
	json_text(json, "mode", modes[facts->tls]);
	text_member(json, "sni", &facts->sni, facts->sni_bytes);
	json_close(json);
}

static void verdict(struct json *json, const struct verdict *verdict)
{
	json_open_object(json, "verdict");
	json_text(json, "class", verdict_name(verdict->class));
	json_open_array(json, "reasons");
	json_keep(json);
	for (unsigned int i = 0; i < REASON_COUNT; i++)
		if (verdict->reasons & 1ull << i)
			json_text(json, NULL, verdict_reason_name((enum verdict_reason)i));
	json_close(json);
	json_close(json);
}

/* Up to who it was. */
static void before_process(struct json *json, const struct record_origin *origin,
			   const struct connection *connection, const char *action, uint64_t time,
			   int64_t wall_minus_boot)
{
	record_begin(json, origin, action, (int64_t)time + wall_minus_boot);
	event_members(json, origin, connection, wall_minus_boot);
	json_close(json);
	record_endpoints(json, &connection->ends, connection->closed != 0, connection->bytes_out,
			 connection->bytes_in);
}

static void sender(struct json *json, const struct connection *connection, int64_t wall_minus_boot)
{
	if (connection->opener && connection->sender)
		record_process(json, "sender", connection->sender, wall_minus_boot, true);
}

static void after_process(struct json *json, const struct record_origin *origin,
			  const struct connection *connection)
{
	record_login(json, connection);
	record_script(json, connection);
	if (connection->session)
		tls(json, &connection->session->facts);
	smtp(json, connection, origin->recipients);
	verdict(json, &connection->verdict);
}

void record_connection(struct json *json, const struct record_origin *origin,
		       const struct connection *connection, const char *action, uint64_t time,
		       int64_t wall_minus_boot)
{
	const struct process *opener = connection->opener;

	before_process(json, origin, connection, action, time, wall_minus_boot);
	if (opener)
		record_process(json, "process", opener, wall_minus_boot, false);
	sender(json, connection, wall_minus_boot);
	if (opener)
		record_owner(json, opener);
	after_process(json, origin, connection);
}

void record_of_opener(struct json *json, const struct process *opener, int64_t wall_minus_boot)
{
	record_process(json, "process", opener, wall_minus_boot, false);
	record_owner(json, opener);
}

void record_but_opener(struct json *json, const struct record_origin *origin,
		       const struct connection *connection, int64_t wall_minus_boot)
{
	before_process(json, origin, connection, "connection", record_time(connection),
		       wall_minus_boot);
	sender(json, connection, wall_minus_boot);
	after_process(json, origin, connection);
}

void record_step(struct json *json, const struct record_origin *origin,
		 const struct connection *connection, uint64_t time, const char *what,
		 const char *line, size_t length, int64_t wall_minus_boot)
{
	record_begin(json, origin, "step", (int64_t)time + wall_minus_boot);
	event_id(json, origin, connection);
	json_close(json);
	json_open_object(json, "step");
	json_text(json, "what", what);
	if (line)
		json_bytes(json, "line", line, length);
	json_close(json);
}
