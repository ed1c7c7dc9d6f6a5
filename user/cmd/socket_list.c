/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * socket_list.c - a snapshot's list of sockets, for the unprivileged half
 *
 * The privileged half's part: it asks the kernel, and adds names for the numbers.
 */
#include "cmd/socket_list.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/msg.h"
#include "source/hiding.h"
#include "source/sockets.h"

struct socket_list {
	struct tracer *tracer;
	struct enrich *enrich;
	struct channel_writer *writer;
	const struct trace_options *options;
};

/* With --uid and --cgroup: what can't be told to be theirs is not shown. */
static bool socket_wanted(const struct tracer_options *options, const struct frame_socket *socket,
			  bool inside)
{
	return (!options->cgroup || inside) && (!options->has_uid || socket->uid == options->uid);
}

static int on_socket(void *context, const struct frame_socket *found, uint64_t cgroup_id)
{
	struct socket_list *list = context;
	struct frame_socket socket = *found;
	bool inside = false;

	if (cgroup_id && cgroup2_path(tracer_cgroup(list->tracer), cgroup_id, socket.cgroup,
				      sizeof(socket.cgroup), &inside))
		socket.cgroup[0] = '\0';
	if (!socket_wanted(&list->options->tracer, &socket, inside))
		return 0;
	if (socket.uid != UINT32_MAX)
		enrich_user(list->enrich, socket.uid, clock_ns(CLOCK_BOOTTIME), socket.user,
			    sizeof(socket.user));
	return channel_write(list->writer, FRAME_SOCKET, &socket, sizeof(socket), NULL, 0);
}

static int on_hiding(void *context, const struct frame_hiding *found)
{
	struct socket_list *list = context;

	return channel_write(list->writer, FRAME_HIDING, found, sizeof(*found), NULL, 0);
}

int socket_list_write(struct tracer *tracer, struct enrich *enrich, struct channel_writer *writer,
		      const struct trace_options *options)
{
	struct socket_list list = {
		.tracer = tracer, .enrich = enrich, .writer = writer, .options = options};
	struct sockets_options sockets = {.ports = options->tracer.ports,
					  .port_count = options->tracer.port_count,
					  .fn = on_socket,
					  .context = &list};
	struct frame_looked looked;
	int rc = sockets_each(&sockets, &looked);

	if (rc && rc != -EPIPE) {
		msg_error("cannot read the sockets of this host: %s", strerror(-rc));
		return rc;
	}
	if (!rc)
		rc = hiding_each(tracer, on_hiding, &list, &looked);
	if (rc && rc != -EPIPE)
		msg_error("cannot look for BPF programs and tun devices: %s", strerror(-rc));
	return rc ? rc : channel_write(writer, FRAME_LOOKED, &looked, sizeof(looked), NULL, 0);
}
