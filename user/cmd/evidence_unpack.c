/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evidence_unpack.c - an archive of evidence compared with the list in it; nothing is unpacked to anywhere
 *
 * An archive may be anybody's: all rights are given up before its first byte is looked at, and only zstd, once, and tar are read. It is
 * gone through once and to its end; digests are kept until then, since the list may be anywhere in it. What a plain archive of ours
 * does not have is told as not being as it was kept, or not in the list. What can't be read is one sentence.
 */
#include "cmd/evidence_unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/limits.h"
#include "base/member.h"
#include "base/msg.h"
#include "cmd/evidence_compare.h"
#include "cmd/libarchive.h"
#include "pass/rights.h"

#define PIECE 65536
#define NAME_BYTES 4096 /* of what is longer the beginning is told */

enum kind {
	KIND_FILE,
	KIND_FOLDER,
	KIND_WRONG, /* a link, a device, there twice, or it leads elsewhere */
};

struct entry {
	char *name; /* below the top */
	enum kind kind;
	char sum[SHA256_DIGEST_STRING_LENGTH];
};

struct unpacking {
	const struct libarchive *lib;
	struct archive *zstd, *tar; /* the second reads what the first gives */
	char *top;
	struct entry *entries;
	size_t count;
	char *list;
	size_t list_size;
	uint64_t unpacked, digested; /* bytes; holes in files are in the latter alone */
	char error[256];
};

/* False, always. */
static bool failed(struct unpacking *unpacking, struct archive *reader, const char *why)
{
	const char *text = reader ? unpacking->lib->archive_error_string(reader) : NULL;

	if (!why)
		why = text ? text : "out of memory";
	escape_text(unpacking->error, sizeof(unpacking->error), why, strlen(why), NULL);
	return false;
}

static la_ssize_t next_of_zstd(struct archive *tar, void *context, const void **at)
{
	static char piece[PIECE];
	struct unpacking *unpacking = context;
	la_ssize_t got = unpacking->lib->archive_read_data(unpacking->zstd, piece, sizeof(piece));

	*at = piece;
	if (got < 0) {
		const char *why = unpacking->lib->archive_error_string(unpacking->zstd);

		unpacking->lib->archive_set_error(tar, EIO, "%s", why ? why : "damaged");
		return ARCHIVE_FATAL;
	}
	unpacking->unpacked += (uint64_t)got;
	if (unpacking->unpacked <= LIMIT_EVIDENCE_UNPACKED)
		return got;
	unpacking->lib->archive_set_error(tar, EFBIG, "it is larger than what is kept");
	return ARCHIVE_FATAL;
}

/* Zeros, which end an archive, are read over, so that whatever is behind them is seen. */
static bool begin(struct unpacking *unpacking, int fd)
{
	const struct libarchive *lib = unpacking->lib;
	struct archive *zstd = unpacking->zstd = lib->archive_read_new();
	struct archive *tar = unpacking->tar = lib->archive_read_new();
	struct archive_entry *all;

	if (!zstd || !tar)
		return failed(unpacking, NULL, NULL);
	if (lib->archive_read_append_filter(zstd, ARCHIVE_FILTER_ZSTD) != ARCHIVE_OK ||
	    lib->archive_read_support_format_raw(zstd) != ARCHIVE_OK ||
	    lib->archive_read_open_fd(zstd, fd, PIECE) != ARCHIVE_OK)
		return failed(unpacking, zstd, NULL);
	if (lib->archive_read_next_header(zstd, &all) != ARCHIVE_OK)
		return failed(unpacking, NULL, "it is damaged, or not compressed with zstd");
	if (lib->archive_read_support_format_tar(tar) != ARCHIVE_OK ||
	    lib->archive_read_set_format_option(tar, "tar", "read_concatenated_archives", "1") !=
		    ARCHIVE_OK ||
	    lib->archive_read_open(tar, unpacking, NULL, next_of_zstd, NULL) != ARCHIVE_OK)
		return failed(unpacking, tar, NULL);
	return true;
}

/* Bytes, 0 at the end of the file, or -1. */
static ssize_t next_piece(struct unpacking *unpacking, char piece[PIECE])
{
	la_ssize_t got = unpacking->lib->archive_read_data(unpacking->tar, piece, PIECE);

	if (got < 0) {
		failed(unpacking, unpacking->tar, NULL);
		return -1;
	}
	unpacking->digested += (uint64_t)got;
	if (unpacking->digested <= LIMIT_EVIDENCE_UNPACKED)
		return got;
	failed(unpacking, NULL, "it is larger than what is kept");
	return -1;
}

static bool digest(struct unpacking *unpacking, char sum[SHA256_DIGEST_STRING_LENGTH])
{
	static char piece[PIECE];
	SHA2_CTX context;
	ssize_t got;

	SHA256Init(&context);
	while ((got = next_piece(unpacking, piece)) > 0)
		SHA256Update(&context, (const uint8_t *)piece, (size_t)got);
	SHA256End(&context, sum);
	return got == 0;
}

static bool read_list(struct unpacking *unpacking)
{
	static char piece[PIECE];
	ssize_t got;

	unpacking->list = malloc(LIMIT_EVIDENCE_SUMS + 1);
	if (!unpacking->list)
		return failed(unpacking, NULL, NULL);
	while ((got = next_piece(unpacking, piece)) > 0) {
		if ((size_t)got > LIMIT_EVIDENCE_SUMS - unpacking->list_size)
			return failed(unpacking, NULL, EVIDENCE_LIST " is too large");
		memcpy(unpacking->list + unpacking->list_size, piece, (size_t)got);
		unpacking->list_size += (size_t)got;
	}
	return got == 0;
}

/* The name below the one top folder, or the whole name where it is none such. */
static struct bytes name_below(struct unpacking *unpacking, const char *name, bool *plain)
{
	struct bytes top, below;

	*plain = member_split(name, &top, &below);
	if (*plain && !unpacking->top)
		unpacking->top = strndup(top.at, top.length);
	if (*plain && unpacking->top && bytes_are(top, unpacking->top))
		return below;
	*plain = false;
	return bytes_of(name);
}

/* Folders are as deep as they are made, there is one list, and the rest is files. */
static enum kind kind_of(const struct unpacking *unpacking, struct archive_entry *entry,
			 struct bytes below)
{
	const struct libarchive *lib = unpacking->lib;

	if (lib->archive_entry_hardlink(entry) || below.length >= NAME_BYTES ||
	    (unpacking->list && bytes_are(below, EVIDENCE_LIST)))
		return KIND_WRONG;
	if (lib->archive_entry_filetype(entry) == AE_IFREG && below.length)
		return KIND_FILE;
	if (lib->archive_entry_filetype(entry) == AE_IFDIR && !bytes_hold(below, "/"))
		return KIND_FOLDER;
	return KIND_WRONG;
}

static bool take(struct unpacking *unpacking, struct archive_entry *entry)
{
	const char *name = unpacking->lib->archive_entry_pathname(entry);
	struct entry *kept = &unpacking->entries[unpacking->count];
	struct bytes below;
	bool plain;

	if (unpacking->count == LIMIT_EVIDENCE_ENTRIES)
		return failed(unpacking, NULL, "it has more files than are kept");
	below = name_below(unpacking, name ? name : "", &plain);
	kept->kind = plain ? kind_of(unpacking, entry, below) : KIND_WRONG;
	if (kept->kind == KIND_FILE && bytes_are(below, EVIDENCE_LIST))
		return read_list(unpacking);
	/* That of the top folder is empty. */
	if (kept->kind == KIND_WRONG && !below.length && name)
		below = bytes_of(name);
	kept->name = strndup(below.length ? below.at : "",
			     below.length < NAME_BYTES ? below.length : NAME_BYTES);
	if (!kept->name)
		return failed(unpacking, NULL, NULL);
	unpacking->count++;
	return kept->kind != KIND_FILE || digest(unpacking, kept->sum);
}

static bool read_all(struct unpacking *unpacking)
{
	const struct libarchive *lib = unpacking->lib;
	struct archive_entry *entry;
	int rc;

	/* A warning is about what we don't look at, or leaves an entry without a name. */
	while ((rc = lib->archive_read_next_header(unpacking->tar, &entry)) == ARCHIVE_OK ||
	       rc == ARCHIVE_WARN)
		if (!take(unpacking, entry))
			return false;
	return rc == ARCHIVE_EOF || failed(unpacking, unpacking->tar, NULL);
}

static int by_name(const void *a, const void *b)
{
	const struct entry *left = a, *right = b;

	return strcmp(left->name, right->name);
}

/* Of what is there twice only the last would be left when it is unpacked. */
static void sort(struct unpacking *unpacking)
{
	struct entry *entries = unpacking->entries;

	qsort(entries, unpacking->count, sizeof(entries[0]), by_name);
	for (size_t i = 1; i < unpacking->count; i++)
		if (by_name(&entries[i - 1], &entries[i]) == 0 &&
		    (entries[i - 1].kind != KIND_FOLDER || entries[i].kind != KIND_FOLDER))
			entries[i - 1].kind = entries[i].kind = KIND_WRONG;
}

static int find_sum(void *context, const char *name, char sum[SHA256_DIGEST_STRING_LENGTH])
{
	const struct unpacking *unpacking = context;
	const struct entry wanted = {.name = (char *)name},
			   *found = bsearch(&wanted, unpacking->entries, unpacking->count,
					    sizeof(wanted), by_name);

	if (!found)
		return -ENOENT;
	memcpy(sum, found->sum, sizeof(found->sum));
	return found->kind == KIND_FILE ? 0 : -EBADMSG;
}

static int compare(struct unpacking *unpacking)
{
	struct comparison *comparison = compare_new(unpacking->list, unpacking->list_size);

	if (!comparison) {
		msg_error("out of memory");
		return EXIT_FAILED;
	}
	unpacking->list = NULL;
	sort(unpacking);
	compare_listed(comparison, find_sum, unpacking);
	for (size_t i = 0; i < unpacking->count; i++)
		if (unpacking->entries[i].kind != KIND_FOLDER)
			compare_there(comparison, unpacking->entries[i].name);
	return compare_end(comparison);
}

/* -1 with a sentence. */
static int open_archive(const char *path, const char **why)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat file;

	*why = fd < 0 ? strerror(errno) : NULL;
	if (fd >= 0 && (fstat(fd, &file) || !S_ISREG(file.st_mode))) {
		*why = "it is no regular file";
		close(fd);
		fd = -1;
	}
	return fd;
}

static int compare_open(struct unpacking *unpacking, int fd, const char *shown)
{
	unpacking->entries = calloc(LIMIT_EVIDENCE_ENTRIES, sizeof(*unpacking->entries));
	if (!unpacking->entries) {
		msg_error("out of memory");
		return EXIT_FAILED;
	}
	if (!begin(unpacking, fd) || !read_all(unpacking)) {
		msg_error("--verify %s: it cannot be read to its end: %s", shown, unpacking->error);
		return EXIT_FAILED;
	}
	if (!unpacking->list) {
		msg_error("--verify %s: no evidence is there (" EVIDENCE_LIST "): %s", shown,
			  strerror(ENOENT));
		return EXIT_CANNOT;
	}
	return compare(unpacking);
}

static void clean_up(struct unpacking *unpacking)
{
	if (unpacking->tar)
		unpacking->lib->archive_read_free(unpacking->tar);
	if (unpacking->zstd)
		unpacking->lib->archive_read_free(unpacking->zstd);
	for (size_t i = 0; i < unpacking->count; i++)
		free(unpacking->entries[i].name);
	free(unpacking->entries);
	free(unpacking->list);
	free(unpacking->top);
}

int evidence_unpack(const char *path)
{
	struct unpacking unpacking = {0};
	const char *why;
	char shown[256];
	int fd, status;

	unpacking.lib = libarchive_get(unpacking.error, sizeof(unpacking.error));
	if (!unpacking.lib) {
		msg_error("%s", unpacking.error);
		return EXIT_CANNOT;
	}
	escape_text(shown, sizeof(shown), path, strlen(path), NULL);
	fd = open_archive(path, &why);
	if (fd < 0) {
		msg_error("--verify %s: no evidence is there: %s", shown, why);
		return EXIT_CANNOT;
	}
	if (!rights_give_up())
		return EXIT_FAILED;
	status = compare_open(&unpacking, fd, shown);
	clean_up(&unpacking);
	close(fd);
	return status;
}
