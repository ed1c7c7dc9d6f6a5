/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * library.h - libpcap, loaded when a capture file is read
 *
 * Not linked: a tracer that runs as root has no use for it, nor for the dozen libraries that it brings along (D-Bus, systemd, a
 * cryptography library), and a mail server needs not have it.
 */
#ifndef SMTPSNOOP_LIBRARY_H
#define SMTPSNOOP_LIBRARY_H

#include <stddef.h>

#include <pcap/pcap.h>

#define LIBRARY_FUNCTIONS(X)                                                                       \
	X(close)                                                                                   \
	X(compile)                                                                                 \
	X(datalink)                                                                                \
	X(datalink_val_to_name)                                                                    \
	X(fopen_offline_with_tstamp_precision)                                                     \
	X(freecode)                                                                                \
	X(geterr)                                                                                  \
	X(next_ex)                                                                                 \
	X(offline_filter)                                                                          \
	X(open_dead)

/* pcap_close() is close here, and so on. */
struct library {
#define LIBRARY_MEMBER(name) __typeof__(pcap_##name) *name;
	LIBRARY_FUNCTIONS(LIBRARY_MEMBER)
};

/* Loads it at the first call, which must come before the right to open files is given up. NULL with a sentence in `error`. */
const struct library *library_get(char *error, size_t error_size);

#endif
