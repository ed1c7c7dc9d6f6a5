/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libarchive.c - libarchive, loaded when an archive of evidence is made or compared
 *
 * Linked statically it would bring XML, Unicode's tables and more, for formats that nobody asks for: such a program has no archives.
 * Nothing is fatal.
 */
#include "cmd/libarchive.h"

#include <stdbool.h>
#include <stdio.h>

#include "base/load.h"

#define ENTRY(function) {#function, NULL},

static const struct load_function functions[] = {LIBARCHIVE_FUNCTIONS(ENTRY)};
#define COUNT (sizeof(functions) / sizeof(functions[0]))

_Static_assert(sizeof(struct libarchive) == COUNT * sizeof(void *), "one pointer a function");

static const struct load_library description = {
	.files = {"libarchive.so.13"},
	.name = "libarchive",
	.version = "3.4",
#ifdef LINKED_STATICALLY
	.missing = "a statically linked smtpsnoop knows no archives of evidence: use one that was "
		   "built without STATIC=1, or a name that does not end in .tar.zst",
#else
	.missing = "archives of evidence need libarchive: install libarchive13 or libarchive",
#endif
	.functions = functions,
	.count = COUNT,
};

static bool load(struct libarchive *library, char *error, size_t error_size)
{
	struct archive *archive;
	bool zstd;

	if (!load_library(&description, library, error, error_size))
		return false;
	archive = library->archive_write_new();
	zstd = archive && library->archive_write_add_filter_zstd(archive) == ARCHIVE_OK;
	if (archive)
		library->archive_write_free(archive);
	if (!zstd)
		snprintf(error, error_size,
			 "archives of evidence need a libarchive that was built with zstd");
	return zstd;
}

const struct libarchive *libarchive_get(char *error, size_t error_size)
{
	static struct libarchive library;
	static bool loaded;

	if (!loaded)
		loaded = load(&library, error, error_size);
	return loaded ? &library : NULL;
}
