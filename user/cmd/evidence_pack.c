/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evidence_pack.c - a directory of evidence made one file
 *
 * ustar, which every tar reads and which takes names as the bytes that they are, compressed with zstd. The archive is made inside the
 * directory: whatever happens, there is one thing to be removed. Nothing is fatal.
 */
#include "cmd/evidence_pack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/evidence_list.h"
#include "cmd/libarchive.h"

#define PIECE 65536
#define PATH_BYTES 1024 /* the top, a folder and a file */

struct packing {
	const struct libarchive *lib;
	struct archive *archive;
	const char *top;
};

/* A full disk, most of all. */
static int went_wrong(const struct packing *packing)
{
	int error = packing->lib->archive_errno(packing->archive);

	return error > 0 ? -error : -EIO;
}

static int pack_bytes(const struct packing *packing, int fd, uint64_t left)
{
	static char piece[PIECE];

	while (left) {
		ssize_t got = read(fd, piece, left < sizeof(piece) ? left : sizeof(piece));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -EIO; /* it was longer a moment ago */
		if (packing->lib->archive_write_data(packing->archive, piece, (size_t)got) != got)
			return went_wrong(packing);
		left -= (uint64_t)got;
	}
	return 0;
}

/* A file or folder that is open, root's and for root alone, wherever it is unpacked. */
static int pack(const struct packing *packing, int fd, const char *path)
{
	const struct libarchive *lib = packing->lib;
	struct archive_entry *entry;
	char name[PATH_BYTES];
	struct stat file;
	bool folder;
	int rc = 0;

	if (fstat(fd, &file))
		return -errno;
	if (snprintf(name, sizeof(name), "%s/%s", packing->top, path) >= (int)sizeof(name))
		return -ENAMETOOLONG;
	entry = lib->archive_entry_new();
	if (!entry)
		return -ENOMEM;
	folder = S_ISDIR(file.st_mode);
	lib->archive_entry_set_pathname(entry, name);
	lib->archive_entry_set_filetype(entry, folder ? AE_IFDIR : AE_IFREG);
	lib->archive_entry_set_perm(entry, folder ? 0700 : 0600);
	lib->archive_entry_set_size(entry, folder ? 0 : file.st_size);
	lib->archive_entry_set_mtime(entry, file.st_mtim.tv_sec, 0);
	lib->archive_entry_set_uname(entry, "root");
	lib->archive_entry_set_gname(entry, "root");
	if (lib->archive_write_header(packing->archive, entry) != ARCHIVE_OK)
		rc = went_wrong(packing);
	lib->archive_entry_free(entry);
	return rc || folder ? rc : pack_bytes(packing, fd, (uint64_t)file.st_size);
}

static int pack_found(int directory, const char *name, const char *path, void *context)
{
	int fd, rc;

	if (!strcmp(path, EVIDENCE_PACKED))
		return 0;
	fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	rc = pack(context, fd, path);
	close(fd);
	return rc;
}

static int begin(struct packing *packing, int out)
{
	const struct libarchive *lib = packing->lib;

	packing->archive = lib->archive_write_new();
	if (!packing->archive)
		return -ENOMEM;
	if (lib->archive_write_set_format_ustar(packing->archive) != ARCHIVE_OK ||
	    lib->archive_write_add_filter_zstd(packing->archive) != ARCHIVE_OK ||
	    lib->archive_write_open_fd(packing->archive, out) != ARCHIVE_OK)
		return went_wrong(packing);
	return 0;
}

int evidence_pack(int directory, const char *top)
{
	char error[256];
	struct packing packing = {.lib = libarchive_get(error, sizeof(error)), .top = top};
	int out = openat(directory, EVIDENCE_PACKED,
			 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int rc;

	if (out < 0)
		return -errno;
	rc = packing.lib ? begin(&packing, out) : -ENOSYS;
	if (!rc)
		rc = pack(&packing, directory, "");
	if (!rc)
		rc = evidence_each(directory, "", pack_found, &packing, FOLDERS_FIRST);
	if (!rc && packing.lib->archive_write_close(packing.archive) != ARCHIVE_OK)
		rc = went_wrong(&packing);
	if (packing.archive)
		packing.lib->archive_write_free(packing.archive);
	if (!rc && fsync(out))
		rc = -errno;
	if (close(out) && !rc)
		rc = -errno;
	return rc;
}
