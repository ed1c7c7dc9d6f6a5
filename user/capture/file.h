/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * file.h - capture files: pcap and pcapng, plain or gzip, whole or still growing
 *
 * Opening needs the caller's rights and looks at no byte; the rest needs none, and may be done when they are given up.
 */
#ifndef SMTPSNOOP_FILE_H
#define SMTPSNOOP_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct file;

struct file_packet {
	int link; /* DLT_* */
	uint64_t time; /* Unix time in ns */
	const uint8_t *bytes; /* good until the next call */
	uint32_t captured, original;
	const void *header; /* struct pcap_pkthdr, for a filter */
};

/* Called before a growing file is waited for; false = stop waiting: the file ends here. */
typedef bool file_idle_fn(void *context);

/* "-" is standard input. NULL with errno. Close with file_close(). */
struct file *file_open(const char *path);

/* Waits at the end instead of ending there. */
void file_follow(struct file *file, file_idle_fn *idle, void *context);

/* 1 = a packet, 0 = the end, -1 = no capture, or damaged from here on: a sentence is in `error`. */
int file_next(struct file *file, struct file_packet *packet, char *error, size_t error_size);

/* Bytes read so far of those that the file had when it was opened; 0 of 0 where that is not known. */
void file_progress(const struct file *file, uint64_t *done, uint64_t *of);

void file_close(struct file *file); /* NULL is fine */

#endif
