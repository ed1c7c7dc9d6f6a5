/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * record_socket.c - a snapshot's sockets in the JSON record
 *
 * What is not known is absent. Nothing is fatal.
 */
#include <string.h>

#include "present/record_socket.h"
#include "present/text_hiding.h"
#include "present/text_queue.h"
#include "present/text_socket.h"

static void holders(struct json *json, const struct socket_seen *socket, int64_t wall_minus_boot)
{
	unsigned int kept = socket_holders(socket);

	json_open_array(json, "holders");
	for (unsigned int i = 0; i < kept; i++) {
		const struct event_holder *holder = &socket->holders[i];

		json_open_object(json, NULL);
		json_number(json, "pid", holder->tgid);
		json_bytes(json, "name", holder->comm, strnlen(holder->comm, EVENT_COMM_LEN));
		json_number(json, "fd", holder->fd);
		json_number(json, "uid", holder->uid);
		json_time(json, "start", (int64_t)holder->start + wall_minus_boot);
		json_close(json);
	}
	json_close(json);
	if (socket->holder_count > kept)
		json_number(json, "holders_total", socket->holder_count);
}

static void congestion(struct json *json, const struct frame_socket *is)
{
	const char *state = socket_congestion_name(is->congestion);

	json_open_object(json, "congestion");
	if (is->window) {
		json_number(json, "window", is->window);
		if (state)
			json_text(json, "state", state);
	}
	json_close(json);
}

void record_socket_members(struct json *json, const struct socket_seen *socket,
			   int64_t wall_minus_boot)
{
	const struct frame_socket *is = &socket->is;

	json_open_object(json, "socket");
	if (socket->known) {
		json_text(json, "state", socket_state_name(is->state));
		json_number(json, "send_queue", is->send_queue);
		json_number(json, "receive_queue", is->receive_queue);
		json_number(json, "bytes_out", is->bytes_out);
		json_number(json, "bytes_in", is->bytes_in);
		json_number(json, "retransmits", is->retransmits);
		if (is->round_trip)
			json_number(json, "round_trip_us", is->round_trip);
		congestion(json, is);
		if (is->idle != UINT32_MAX)
			json_number(json, "idle_ms", is->idle);
		if (is->inode)
			json_number(json, "inode", is->inode);
		if (is->mptcp)
			json_bool(json, "mptcp", true);
		json_number(json, "netns", is->ends.netns);
	}
	json_close(json);
	holders(json, socket, wall_minus_boot);
}

void record_socket(struct json *json, const struct record_origin *origin,
		   const struct socket_seen *socket, int64_t unix_ns, int64_t wall_minus_boot)
{
	const struct frame_socket *is = &socket->is;

	record_begin(json, origin, "socket", unix_ns);
	json_close(json);
	record_endpoints(json, &is->ends, false, 0, 0);
	if (is->uid != UINT32_MAX) {
		json_open_object(json, "user");
		json_number(json, "id", is->uid);
		if (is->user[0])
			json_text(json, "name", is->user);
		json_close(json);
	}
	json_open_object(json, "cgroup");
	if (is->cgroup[0])
		json_text(json, "path", is->cgroup);
	json_close(json);
	record_socket_members(json, socket, wall_minus_boot);
}

static void processes(struct json *json, const struct sockets_hiding *hiding)
{
	for (unsigned int i = 0; i < hiding->count && i < LIMIT_HIDING; i++) {
		const struct event_holder *holder = &hiding->holders[i];

		json_open_object(json, NULL);
		json_text(json, "kind", "socket");
		json_number(json, "pid", holder->tgid);
		json_bytes(json, "name", holder->comm, strnlen(holder->comm, EVENT_COMM_LEN));
		json_number(json, "uid", holder->uid);
		json_text(json, "socket", holds_name(holder->holds));
		json_close(json);
	}
}

static void text_if(struct json *json, const char *key, const char *text)
{
	if (text[0])
		json_text(json, key, text);
}

static void number_if(struct json *json, const char *key, uint32_t number)
{
	if (number)
		json_number(json, key, number);
}

static void place(struct json *json, const struct frame_hiding *found)
{
	const bool program = found->kind == HIDING_PROGRAM;

	json_open_object(json, NULL);
	json_text(json, "kind", program ? "bpf" : "tun");
	if (program) {
		json_number(json, "id", found->id);
		text_if(json, "type", hiding_type(found->type));
		text_if(json, "place", hiding_place_name(found->place));
	} else {
		text_if(json, "type", hiding_tun(found->type));
		number_if(json, "pid", found->pid);
	}
	if (found->name[0])
		json_bytes(json, "name", found->name, strnlen(found->name, sizeof(found->name)));
	text_if(json, "interface", found->device);
	number_if(json, "ifindex", found->ifindex);
	number_if(json, "netns", found->netns);
	text_if(json, "cgroup", found->cgroup);
	if (found->uid != UINT32_MAX)
		json_number(json, "uid", found->uid);
	json_close(json);
}

static void could_hide(struct json *json, const struct snapshot_search *search)
{
	const struct hiding_places *places = search->places;
	unsigned int over = 0, kept = 0;

	json_open_array(json, "could_hide");
	if (search->hiding) {
		processes(json, search->hiding);
		kept += search->hiding->count;
		over += search->hiding->count > LIMIT_HIDING;
	}
	for (unsigned int i = 0; places && i < places->count; i++)
		place(json, &places->all[i]);
	json_close(json);
	if (places)
		over += places->over;
	if (search->looked)
		over += search->looked->hiding_over;
	if (over)
		json_number(json, "could_hide_total", kept + (places ? places->count : 0) + over);
}

static void queue(struct json *json, const struct mta_seen *mta)
{
	const struct queue_list *list = &mta->list;
	char why[QUEUE_WHY];

	json_open_object(json, "queue");
	if (mta->listed) {
		json_number(json, "messages", list->messages);
		json_bool(json, "whole", mta->end == TOOL_DONE);
		if (list->deferred != QUEUE_UNTOLD)
			json_number(json, "deferred", (uint64_t)list->deferred);
		if (list->held != QUEUE_UNTOLD)
			json_number(json, "held", (uint64_t)list->held);
		if (list->oldest)
			json_time(json, "oldest", list->oldest * 1000000000);
	}
	queue_why(why, sizeof(why), mta);
	if (why[0])
		json_text(json, "error", why);
	json_close(json);
}

static void mtas(struct json *json, const struct queues *queues)
{
	json_open_array(json, "mta");
	for (unsigned int i = 0; i < queues->count; i++) {
		const struct mta_seen *mta = &queues->seen[i];

		json_open_object(json, NULL);
		json_text(json, "name", mta->name);
		json_number(json, "connections", mta->connections);
		if (mta->end != TOOL_RUNS)
			queue(json, mta);
		json_close(json);
	}
	json_close(json);
}

void record_search(struct json *json, const struct snapshot_search *search)
{
	json_open_object(json, "looked");
	if (search->looked) {
		json_number(json, "namespaces", search->looked->namespaces);
		json_number(json, "namespaces_refused", search->looked->refused);
		json_number(json, "namespaces_unasked", search->looked->unasked);
		json_number(json, "sockets_over", search->looked->over + search->over);
		json_bool(json, "programs_known", search->looked->programs_unknown == 0);
	}
	json_close(json);
	if (search->queues)
		mtas(json, search->queues);
	could_hide(json, search);
}
