/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libarchive.h - libarchive, loaded when an archive of evidence is made or compared
 */
#ifndef SMTPSNOOP_LIBARCHIVE_H
#define SMTPSNOOP_LIBARCHIVE_H

#include <stddef.h>

#include <archive.h>
#include <archive_entry.h>

#define LIBARCHIVE_FUNCTIONS(X)                                                                    \
	X(archive_entry_filetype)                                                                  \
	X(archive_entry_free)                                                                      \
	X(archive_entry_hardlink)                                                                  \
	X(archive_entry_new)                                                                       \
	X(archive_entry_pathname)                                                                  \
	X(archive_entry_set_filetype)                                                              \
	X(archive_entry_set_gname)                                                                 \
	X(archive_entry_set_mtime)                                                                 \
	X(archive_entry_set_pathname)                                                              \
	X(archive_entry_set_perm)                                                                  \
	X(archive_entry_set_size)                                                                  \
	X(archive_entry_set_uname)                                                                 \
	X(archive_errno)                                                                           \
	X(archive_error_string)                                                                    \
	X(archive_read_append_filter)                                                              \
	X(archive_read_data)                                                                       \
	X(archive_read_free)                                                                       \
	X(archive_read_new)                                                                        \
	X(archive_read_next_header)                                                                \
	X(archive_read_open)                                                                       \
	X(archive_read_open_fd)                                                                    \
	X(archive_read_set_format_option)                                                          \
	X(archive_read_support_format_raw)                                                         \
	X(archive_read_support_format_tar)                                                         \
	X(archive_set_error)                                                                       \
	X(archive_write_add_filter_zstd)                                                           \
	X(archive_write_close)                                                                     \
	X(archive_write_data)                                                                      \
	X(archive_write_free)                                                                      \
	X(archive_write_header)                                                                    \
	X(archive_write_new)                                                                       \
	X(archive_write_open_fd)                                                                   \
	X(archive_write_set_format_ustar)

struct libarchive {
#define LIBARCHIVE_MEMBER(function) __typeof__(function) *function;
	LIBARCHIVE_FUNCTIONS(LIBARCHIVE_MEMBER)
};

/*
 * Loads it at the first call, which must come before the right to open files is given up. NULL with a sentence in `error`: it is not
 * there, or has no zstd of its own (it would start a program for that).
 */
const struct libarchive *libarchive_get(char *error, size_t error_size);

#endif
