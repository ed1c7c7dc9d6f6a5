/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * text_socket.c - a snapshot's sockets as text: state, who has it open, and those that nobody has
 *
 * Names are the processes' own claims, and escaped. Nothing is fatal.
 */
#include <inttypes.h>
#include <string.h>

#include "base/escape.h"
#include "base/number.h"
#include "present/label.h"
#include "present/text_hiding.h"
#include "present/text_socket.h"

static const char *const states[SOCKET_STATES] = {
	[SOCKET_ESTABLISHED] = "ESTAB",	   [SOCKET_SYN_SENT] = "SYN-SENT",
	[SOCKET_FIN_WAIT1] = "FIN-WAIT-1", [SOCKET_FIN_WAIT2] = "FIN-WAIT-2",
	[SOCKET_TIME_WAIT] = "TIME-WAIT",  [SOCKET_CLOSE_WAIT] = "CLOSE-WAIT",
	[SOCKET_LAST_ACK] = "LAST-ACK",	   [SOCKET_CLOSING] = "CLOSING",
};

const char *socket_state_name(uint32_t state)
{
	return state < SOCKET_STATES && states[state] ? states[state] : "?";
}

/* By the kernel's enum tcp_ca_state. */
static const char *const congestion_states[] = {"open", "disorder", "cwr", "recovery", "loss"};

const char *socket_congestion_name(uint32_t state)
{
	return state < sizeof(congestion_states) / sizeof(congestion_states[0])
		       ? congestion_states[state]
		       : NULL;
}

const char *socket_state_of(const struct socket_seen *socket, const struct connection *connection)
{
	if (connection->closed)
		return "CLOSED";
	if (socket && socket->known)
		return socket_state_name(socket->is.state);
	/* On another port, or without tcp_diag: nobody was asked for it. */
	return connection->flags & EVENT_F_EXISTING ? socket_state_name(SOCKET_ESTABLISHED)
						    : "OPENED";
}

static void bytes_words(char *out, size_t size, uint64_t bytes, const char *what)
{
	char number[TEXT_BYTES];

	text_bytes(number, bytes);
	snprintf(out, size, "%s %s", number, what);
}

static void holder_words(const struct text *text, struct line *line,
			 const struct socket_seen *socket, const struct process *opener,
			 unsigned int column)
{
	char name[LABEL_NAMED], word[sizeof(name) + 32];
	unsigned int kept = socket_holders(socket);
	bool first = true;

	for (unsigned int i = 0; i < kept; i++) {
		const struct event_holder *holder = &socket->holders[i];

		if (opener && holder->tgid == opener->id.tgid && holder->start == opener->id.start)
			continue;
		label_named(name, sizeof(name), holder->comm, holder->tgid);
		snprintf(word, sizeof(word), "%s%s", first ? "also held by " : "", name);
		text_word(text, line, word, column, first ? 2 : 1);
		first = false;
	}
	if (socket->holder_count > kept) {
		snprintf(word, sizeof(word), "and %u more", socket->holder_count - kept);
		text_word(text, line, word, column, 1);
	}
}

void socket_words(const struct text *text, struct line *line, const struct socket_seen *socket,
		  const struct process *opener, unsigned int column)
{
	const struct frame_socket *is = &socket->is;
	char word[64];

	holder_words(text, line, socket, opener, column);
	if (!socket->known)
		return;
	if (is->idle != UINT32_MAX) {
		snprintf(word, sizeof(word), "idle %" PRIu32 " s,", is->idle / 1000);
		text_word(text, line, word, column, 2);
	}
	bytes_words(word, sizeof(word), is->bytes_out, "out,");
	text_word(text, line, word, column, 1);
	bytes_words(word, sizeof(word), is->bytes_in, "in");
	text_word(text, line, word, column, 1);
	if (is->send_queue) {
		bytes_words(word, sizeof(word), is->send_queue, "waiting");
		text_word(text, line, word, column, 1);
	}
	if (is->retransmits) {
		snprintf(word, sizeof(word), "%" PRIu32 " retransmitted", is->retransmits);
		text_word(text, line, word, column, 1);
	}
}

bool socket_is_shared(const struct socket_seen *socket, const struct process *opener)
{
	for (unsigned int i = 0; i < socket_holders(socket); i++)
		if (!opener || socket->holders[i].tgid != opener->id.tgid)
			return true;
	return false;
}

/* "uid 33 (no process) ..." in the columns of a connection. */
void text_socket(const struct text *text, const struct socket_seen *socket)
{
	const struct layout *layout = &text->layout;
	const struct frame_socket *is = &socket->is;
	char cell[FRAME_CGROUP_MAX * 4 + 32];
	struct line line;

	line_clear(&line);
	line_colour(&line, text_colour(text, STYLE_DOUBT));
	line_cell(&line, socket_state_name(is->state), layout->time, layout->gap);
	line_cell(&line, "-", layout->verdict, layout->gap);
	label_owner(cell, sizeof(cell), is->user, is->uid);
	line_cell(&line, cell, layout->who, layout->gap);
	line_cell(&line,
		  is->mptcp   ? "MPTCP: its process is not known"
		  : is->inode ? "held by nobody that is seen"
			      : "no process any more",
		  layout->sent_by, layout->gap);
	label_endpoint(cell, sizeof(cell), is->ends.remote, is->ends.remote_port, layout->to);
	line_cell(&line, cell, layout->to, layout->gap);
	line_cell_right(&line, "-", layout->mail, layout->gap);
	line_cell_right(&line, "-", layout->rcpt, layout->gap);
	escape_text(cell, sizeof(cell), is->cgroup, strlen(is->cgroup), NULL);
	line_cell(&line, cell, layout->answer, 0);
	line_colour(&line, text_colour(text, STYLE_END));
	text_put(text, &line);
}

void sockets_sum_add(struct sockets_sum *sum, const struct socket_seen *socket)
{
	sum->count++;
	sum->mptcp += socket->is.mptcp != 0;
	sum->in_flight += socket->is.inode && !socket->is.mptcp;
	sum->states[socket->is.state % SOCKET_STATES]++;
}

static void print_search(const struct snapshot_search *search, const struct text *text)
{
	const struct frame_looked *looked = search->looked;
	char words[512];
	size_t used;

	if (!looked || !looked->namespaces)
		return;
	used = (size_t)snprintf(words, sizeof(words), "Looked in %" PRIu32 " network namespace%s.",
				looked->namespaces, plural(looked->namespaces));
	if (looked->refused)
		used += (size_t)snprintf(words + used, sizeof(words) - used,
					 " %" PRIu32 " of them could not be entered.",
					 looked->refused);
	if (looked->unasked)
		used += (size_t)snprintf(words + used, sizeof(words) - used,
					 " The kernel has no tcp_diag: states, queues and sockets "
					 "without a process are not known.");
	if (looked->over || search->over)
		snprintf(words + used, sizeof(words) - used,
			 " %" PRIu64 " sockets found no room and are not shown.",
			 looked->over + search->over);
	text_paragraph(text, words, 0);
}

void sockets_sum_print(const struct sockets_sum *sum, const struct snapshot_search *search,
		       const struct text *text)
{
	char words[512];
	size_t used;

	if (sum->count) {
		used = (size_t)snprintf(words, sizeof(words), "Without a process: %" PRIu64 " (",
					sum->count);
		for (unsigned int i = 0, any = 0; i < SOCKET_STATES; i++)
			if (sum->states[i])
				used += (size_t)snprintf(words + used, sizeof(words) - used,
							 "%s%" PRIu64 " %s", any++ ? ", " : "",
							 sum->states[i], socket_state_name(i));
		used += (size_t)snprintf(words + used, sizeof(words) - used, ")");
		if (sum->in_flight)
			used += (size_t)snprintf(
				words + used, sizeof(words) - used,
				"; %" PRIu64 " of them have a file that no process has open: it "
				"is in flight in a unix socket, or held by the kernel (io_uring)",
				sum->in_flight);
		if (sum->mptcp)
			snprintf(words + used, sizeof(words) - used,
				 "; %" PRIu64 " of them are MPTCP's, and their processes are not "
				 "known",
				 sum->mptcp);
		text_paragraph(text, words, 0);
	}
	hiding_print(search, text);
	print_search(search, text);
}
