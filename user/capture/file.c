/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * file.c - capture files through libpcap
 *
 * libpcap reads from a FILE of ours, which unpacks what begins like gzip and waits at the end where that was asked for. The bytes
 * are hostile. Nothing is fatal here: every failure is a sentence.
 */
#include "capture/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <zlib.h>

#include "capture/library.h"
#include "capture/packet.h"

#define ROOM 262144 /* bytes a read: 4,000 of them make a gigabyte */
#define WAIT_NS 200000000 /* between two looks at the end of a growing file */
#define GZIP_WINDOW (15 + 16) /* the largest window; a gzip header and nothing else */

struct file {
	int fd;
	uint64_t size, done;
	file_idle_fn *idle;
	void *context;
	const struct library *library;
	pcap_t *pcap; /* owns the FILE once it is open */
	uint8_t *raw; /* as in the file */
	size_t raw_at, raw_used;
	bool begun, packed, ended;
	bool damaged; /* the gzip stream */
	z_stream gzip;
};

struct file *file_open(const char *path)
{
	struct file *file = calloc(1, sizeof(*file));
	struct stat status;

	if (!file)
		return NULL;
	file->raw = malloc(ROOM);
	file->fd = !file->raw		    ? -1
		   : strcmp(path, "-") == 0 ? dup(STDIN_FILENO)
					    : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (file->fd < 0 || fstat(file->fd, &status) < 0) {
		file_close(file);
		return NULL;
	}
	if (S_ISDIR(status.st_mode)) {
		file_close(file);
		errno = EISDIR;
		return NULL;
	}
	if (S_ISREG(status.st_mode) && status.st_size > 0)
		file->size = (uint64_t)status.st_size;
	return file;
}

void file_follow(struct file *file, file_idle_fn *idle, void *context)
{
	file->idle = idle;
	file->context = context;
}

/* More raw bytes. False: the end, or an error in errno. */
static bool fill(struct file *file)
{
	const struct timespec wait = {.tv_nsec = WAIT_NS};
	ssize_t got;

	if (file->raw_at > 0) {
		memmove(file->raw, file->raw + file->raw_at, file->raw_used - file->raw_at);
		file->raw_used -= file->raw_at;
		file->raw_at = 0;
	}
	while (!file->ended) {
		got = read(file->fd, file->raw + file->raw_used, ROOM - file->raw_used);
		if (got > 0) {
			file->raw_used += (size_t)got;
			file->done += (uint64_t)got;
			return true;
		}
		if (got < 0 && errno == EINTR && !file->idle)
			continue;
		if (got < 0 && errno != EINTR)
			return false;
		if (!file->idle || !file->idle(file->context))
			file->ended = true;
		else
			clock_nanosleep(CLOCK_MONOTONIC, 0, &wait, NULL);
	}
	errno = 0;
	return false;
}

static ssize_t read_plain(struct file *file, char *buffer, size_t size)
{
	size_t left;

	if (file->raw_at == file->raw_used && !fill(file))
		return errno ? -1 : 0;
	left = file->raw_used - file->raw_at;
	if (size > left)
		size = left;
	memcpy(buffer, file->raw + file->raw_at, size);
	file->raw_at += size;
	return (ssize_t)size;
}

/* Several gzip streams in a row are one, as gzip itself has it. */
static ssize_t read_packed(struct file *file, char *buffer, size_t size)
{
	z_stream *gzip = &file->gzip;
	uInt room = size < ROOM ? (uInt)size : ROOM;

	gzip->next_out = (Bytef *)buffer;
	gzip->avail_out = room;
	while (gzip->avail_out == room && !file->damaged) {
		int rc;

		if (file->raw_at == file->raw_used && !fill(file))
			return errno ? -1 : 0;
		gzip->next_in = file->raw + file->raw_at;
		gzip->avail_in = (uInt)(file->raw_used - file->raw_at);
		rc = inflate(gzip, Z_NO_FLUSH);
		file->raw_at = file->raw_used - gzip->avail_in;
		if (rc == Z_STREAM_END)
			rc = inflateReset(gzip);
		if (rc != Z_OK && rc != Z_BUF_ERROR)
			file->damaged = true;
	}
	if (gzip->avail_out < room)
		return (ssize_t)(room - gzip->avail_out);
	errno = EIO;
	return -1;
}

static ssize_t on_read(void *cookie, char *buffer, size_t size)
{
	struct file *file = cookie;

	if (!file->begun) {
		while (file->raw_used < 2)
			if (!fill(file)) {
				if (errno)
					return -1;
				break;
			}
		file->begun = true;
		file->packed = file->raw_used >= 2 && file->raw[0] == 0x1f && file->raw[1] == 0x8b;
		if (file->packed && inflateInit2(&file->gzip, GZIP_WINDOW) != Z_OK) {
			file->packed = false;
			errno = ENOMEM;
			return -1;
		}
	}
	return file->packed ? read_packed(file, buffer, size) : read_plain(file, buffer, size);
}

static bool begin(struct file *file, char *error, size_t error_size)
{
	static const cookie_io_functions_t functions = {.read = on_read};
	char reason[PCAP_ERRBUF_SIZE] = "";
	const char *name;
	FILE *stream;
	int link;

	file->library = library_get(error, error_size);
	if (!file->library)
		return false;
	stream = fopencookie(file, "r", functions);
	if (!stream) {
		snprintf(error, error_size, "out of memory");
		return false;
	}
	file->pcap = file->library->fopen_offline_with_tstamp_precision(
		stream, PCAP_TSTAMP_PRECISION_NANO, reason);
	if (!file->pcap) {
		fclose(stream);
		snprintf(error, error_size, "%s", reason);
		return false;
	}
	link = file->library->datalink(file->pcap);
	name = file->library->datalink_val_to_name(link);
	if (packet_link_known(link))
		return true;
	snprintf(error, error_size,
		 "link type %s is not read; known are Ethernet, Linux cooked, raw IP and loopback",
		 name ? name : "(unknown)");
	return false;
}

int file_next(struct file *file, struct file_packet *packet, char *error, size_t error_size)
{
	struct pcap_pkthdr *header;
	int rc;

	if (!file->pcap && !begin(file, error, error_size))
		return -1;
	rc = file->library->next_ex(file->pcap, &header, &packet->bytes);
	if (rc == PCAP_ERROR_BREAK)
		return 0;
	if (rc != 1) {
		/* What was waited for in vain is the end, not damage. */
		if (file->idle && file->ended)
			return 0;
		snprintf(error, error_size, "%s",
			 file->damaged ? "the gzip data is damaged"
				       : file->library->geterr(file->pcap));
		return -1;
	}
	packet->link = file->library->datalink(file->pcap);
	packet->header = header;
	packet->captured = header->caplen;
	packet->original = header->len > header->caplen ? header->len : header->caplen;
	/* tv_usec holds nanoseconds. Before 1970, or beyond 64 bits of ns, is nonsense. */
	packet->time = 0;
	if (header->ts.tv_sec >= 0 && header->ts.tv_sec < INT64_MAX / 1000000000 &&
	    header->ts.tv_usec >= 0 && header->ts.tv_usec < 1000000000)
		packet->time =
			(uint64_t)header->ts.tv_sec * 1000000000u + (uint64_t)header->ts.tv_usec;
	return 1;
}

void file_progress(const struct file *file, uint64_t *done, uint64_t *of)
{
	*done = file->size ? file->done : 0;
	*of = file->size;
}

void file_close(struct file *file)
{
	if (!file)
		return;
	if (file->pcap)
		file->library->close(file->pcap);
	if (file->packed)
		inflateEnd(&file->gzip);
	if (file->fd >= 0)
		close(file->fd);
	free(file->raw);
	free(file);
}
