/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * php.h - is a file PHP, and how are its globals laid out?
 *
 * Pure: looks at the bytes of an ELF file, which may be anybody's. The caller has given up its rights.
 */
#ifndef SMTPSNOOP_PHP_H
#define SMTPSNOOP_PHP_H

#include <stdbool.h>
#include <stddef.h>

#include "event_script.h"

/*
 * An executable or a library that has PHP's symbols. Addresses are as in the file, layout->text is where its first executable
 * segment goes. Returns false: it is no PHP. layout->status says whether PHP's own memory can be read (SCRIPT_READ). libelf may
 * write to the image, which is why it is not const.
 */
bool php_layout(char *image, size_t size, struct script_layout *layout);

/* Offsets of a version, 802 for 8.2. False: not known. */
bool php_version_known(unsigned int version, struct script_layout *layout);

#endif
