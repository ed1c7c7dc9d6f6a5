/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * metrics_library.h - libmicrohttpd, loaded when metrics are asked for
 *
 * Not linked, like libpcap (base/load.h): it brings a TLS library and seven more, of which none is used here.
 */
#ifndef SMTPSNOOP_METRICS_LIBRARY_H
#define SMTPSNOOP_METRICS_LIBRARY_H

#include <stddef.h>

#include <microhttpd.h>

#define METRICS_LIBRARY_FUNCTIONS(X)                                                               \
	X(add_response_header)                                                                     \
	X(create_response_from_buffer)                                                             \
	X(destroy_response)                                                                        \
	X(get_connection_info)                                                                     \
	X(get_daemon_info)                                                                         \
	X(get_timeout)                                                                             \
	X(queue_response)                                                                          \
	X(run)                                                                                     \
	X(start_daemon)                                                                            \
	X(stop_daemon)

/* MHD_run() is run here, and so on. */
struct metrics_library {
#define METRICS_LIBRARY_MEMBER(name) __typeof__(MHD_##name) *name;
	METRICS_LIBRARY_FUNCTIONS(METRICS_LIBRARY_MEMBER)
};

/* Loads it at the first call, which must come before the right to open files is given up. NULL with a sentence in `error`. */
const struct metrics_library *metrics_library_get(char *error, size_t error_size);

#endif
