/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * connection.c - why a connection is over
 *
 * The kernel tells an errno and a transition; people ask "refused, or no answer?". Nothing is fatal here.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/limits.h"
#include "store/connection.h"

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
