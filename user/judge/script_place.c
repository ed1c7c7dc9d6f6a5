/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * script_place.c - is this a place or a name that a script should not have?
 *
 * By the path's bytes alone. Nothing is fatal.
 */
#include <strings.h>

#include "judge/script_place.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

bool script_in_uploads(struct bytes path)
{
	static const char *const directories[] = {"/uploads/", "/upload/", "/wp-content/cache/",
						  "/sites/default/files/", "/images/"};

	for (size_t i = 0; i < COUNT(directories); i++) {
		struct bytes as_leaf = {directories[i], strlen(directories[i]) - 1};

		if (bytes_hold(path, directories[i]))
			return true;
		/* "/var/www/uploads" as a working directory */
		if (path.length >= as_leaf.length &&
		    memcmp(path.at + path.length - as_leaf.length, as_leaf.at, as_leaf.length) == 0)
			return true;
	}
	return false;
}

bool script_is_hidden(struct bytes path)
{
	/* Nothing that an interpreter is rightly given: no .html, which PHP may be set to run. */
	static const char *const endings[] = {
		"jpg", "jpeg", "png",	"gif", "bmp", "ico", "svg", "webp", "tif", "tiff",
		"css", "woff", "woff2", "txt", "log", "pdf", "doc", "docx", "xls", "xlsx",
		"ppt", "odt",  "rtf",	"csv", "mp3", "mp4", "zip", "bak",
	};
	struct bytes leaf = bytes_leaf(path), ending;
	const char *dot = leaf.length ? memrchr(leaf.at, '.', leaf.length) : NULL;

	if (!dot)
		return false;
	if (leaf.at[0] == '.')
		return true;
	ending = bytes_after(leaf, (size_t)(dot - leaf.at) + 1);
	for (size_t i = 0; i < COUNT(endings); i++) {
		if (ending.length == strlen(endings[i]) &&
		    strncasecmp(ending.at, endings[i], ending.length) == 0)
			return true;
	}
	return false;
}
