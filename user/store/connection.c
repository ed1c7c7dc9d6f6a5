/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * connection.c - what is known of a connection, and why it is over
 *
 * The kernel tells an errno and a transition; people ask "refused, or no answer?". Nothing is fatal here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "store/connection.h"
#include "store/tunnel.h"

const char *connection_reason_name(enum connection_reason reason)
{
	static const char *const names[] = {
		[CONNECTION_OPEN] = "open",	  [CONNECTION_CLOSED] = "closed",
		[CONNECTION_RESET] = "reset",	  [CONNECTION_REFUSED] = "refused",
		[CONNECTION_TIMEOUT] = "timeout", [CONNECTION_UNREACHABLE] = "unreachable",
		[CONNECTION_DENIED] = "denied",
	};

	return names[reason];
}

enum connection_reason connection_reason_of(const struct event_state *state)
{
	switch (state->error) {
	case ECONNREFUSED:
		return CONNECTION_REFUSED;
	case ETIMEDOUT:
		return CONNECTION_TIMEOUT;
	case ECONNRESET:
	case ECONNABORTED:
	case EPIPE:
		return CONNECTION_RESET;
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EHOSTDOWN:
	case ENETDOWN:
	case EADDRNOTAVAIL:
		return CONNECTION_UNREACHABLE;
	case EACCES:
	case EPERM:
		return CONNECTION_DENIED;
	}
	if (state->transition == TRANSITION_FAILED)
		return CONNECTION_UNREACHABLE;
	/* The program gave up before the other side said anything: a dropped SYN, seen from here. */
	if (state->how & STATE_UNANSWERED)
		return CONNECTION_TIMEOUT;
	return CONNECTION_CLOSED;
}

void connection_check_host(struct process *process, const struct event_endpoints *then,
			   const struct event_endpoints *now)
{
	if (process && memcmp(then->remote, now->remote, sizeof(now->remote)) != 0)
		process->extra.host_address = 0;
}

void connection_take_state(struct connection *connection, const struct event_state *state)
{
	connection->flags |= state->head.flags;
	if (state->ends.remote_port) {
		connection_check_host(connection->opener, &connection->ends, &state->ends);
		connection->ends = state->ends;
	}
	if (state->found)
		connection->found = state->found;
	if (state->how & STATE_VIA_LOOPBACK)
		connection->via_loopback = true;
	if (state->senders > connection->senders)
		connection->senders = state->senders;
	connection->flags &= (uint16_t)~EVENT_F_ATTEMPT;
	if (state->transition == TRANSITION_SENT)
		return;
	if (state->transition == TRANSITION_ESTABLISHED) {
		connection->established = true;
		connection->established_at = state->head.time;
		return;
	}
	connection->reason = connection_reason_of(state);
	connection->error = state->error;
	connection->closed = state->head.time;
	connection->bytes_out = state->bytes_out;
	connection->bytes_in = state->bytes_in;
	connection->sends += state->sends;
	connection->sent_bytes += state->sent_bytes;
	connection->retransmits = state->retransmits;
	connection->lost_bytes = state->lost_bytes;
	/* Not from SYN_SENT, so it was established: that record may have found no room. */
	if (state->transition == TRANSITION_CLOSED && !(state->how & STATE_UNANSWERED))
		connection->established = true;
}

int connection_take_target(struct connection *connection, const uint8_t *bytes, size_t length)
{
	char target[LIMIT_TARGET];
	size_t found =
		connection->target ? 0 : tunnel_target(target, sizeof(target), bytes, length);

	if (!found)
		return 0;
	connection->target = malloc(found);
	if (!connection->target)
		return -ENOMEM;
	memcpy(connection->target, target, found);
	connection->target_length = found;
	return 0;
}

/* An address ends with NUL in the list, so a NUL in it is written as the byte 0xff: UTF-8 knows neither as a letter. */
void connection_add_recipient(struct connection *connection, const char *address, size_t length)
{
	size_t need;

	if (length > LIMIT_PATH)
		length = LIMIT_PATH;
	need = connection->recipients_used + length + 1;
	if (connection->recipients_kept == LIMIT_RECIPIENTS)
		return;
	if (need > connection->recipients_room) {
		size_t room = need < 512 ? 512 : need * 2;
		char *larger = realloc(connection->recipients, room);

		if (!larger)
			return;
		connection->recipients = larger;
		connection->recipients_room = room;
	}
	for (size_t i = 0; i < length; i++)
		connection->recipients[connection->recipients_used++] =
			address[i] ? address[i] : '\xff';
	connection->recipients[connection->recipients_used++] = '\0';
	connection->recipients_kept++;
}

void connection_take_script(struct connection *connection, struct script *script)
{
	struct script **place = &connection->scripts[script->origin];

	if (*place && script_sender(*place).length && !script_sender(script).length) {
		free(script);
		return;
	}
	free(*place);
	*place = script;
}

const struct script *connection_script(const struct connection *connection)
{
	static const enum script_origin order[] = {SCRIPT_OF_SENDER, SCRIPT_OF_OPENER,
						   SCRIPT_OF_ANCESTOR};
	const struct script *script, *some = NULL;

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		script = connection->scripts[order[i]];
		if (!script)
			continue;
		/* CGI's environment goes on to all that the script starts: nearer is what was read of PHP. */
		if (script->status == SCRIPT_READ && script_sender(script).length)
			return script;
		if (!some)
			some = script;
	}
	return some;
}

struct verdict_case connection_case(const struct connection *connection, uint64_t now)
{
	return (struct verdict_case){
		.opener = connection->opener,
		.sender = connection->sender,
		.script = connection_script(connection),
		.opener_script = connection->scripts[SCRIPT_OF_OPENER],
		.sender_script = connection->scripts[SCRIPT_OF_SENDER],
		.session = connection->session ? &connection->session->facts : NULL,
		.ends = &connection->ends,
		.flags = connection->flags,
		.found = connection->found,
		.via_loopback = connection->via_loopback,
		.established = connection->established,
		.ended = connection->ended,
		.closed = connection->ended && connection->reason != CONNECTION_OPEN,
		.opened = connection->opened,
		.now = now,
	};
}

uint64_t connection_refusals(const struct connection *connection)
{
	const struct session_facts *facts =
		connection->session ? &connection->session->facts : NULL;

	if (!facts)
		return 0;
	return (uint64_t)facts->refused + facts->worst_code + facts->refused_greeting +
	       (facts->blocklist != NULL);
}
