/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * script_place.h - is this a place or a name that a script should not have?
 *
 * Pure, of paths as script_file.h makes them; hostile bytes.
 */
#ifndef SMTPSNOOP_SCRIPT_PLACE_H
#define SMTPSNOOP_SCRIPT_PLACE_H

#include "base/bytes.h"

/* In a directory, or it is one, that web applications keep for their visitors' files. */
bool script_in_uploads(struct bytes path);

/* The file's name begins with a dot, or ends as an image, a style sheet, a document or a log does, in whatever case. */
bool script_is_hidden(struct bytes path);

#endif
