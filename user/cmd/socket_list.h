/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * socket_list.h - a snapshot's list of sockets, for the unprivileged half
 */
#ifndef SMTPSNOOP_SOCKET_LIST_H
#define SMTPSNOOP_SOCKET_LIST_H

#include "cmd/trace_options.h"
#include "enrich/enrich.h"
#include "pass/channel.h"

/*
 * Writes a FRAME_SOCKET for each that the options select, FRAME_HIDINGs, and a FRAME_LOOKED. 0; -EPIPE: the other half is gone; else -errno, and the
 * message is out.
 */
int socket_list_write(struct tracer *tracer, struct enrich *enrich, struct channel_writer *writer,
		      const struct trace_options *options);

#endif
