/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * member.h - names of what is in an archive, which lead nowhere else when it is unpacked
 */
#ifndef SMTPSNOOP_MEMBER_H
#define SMTPSNOOP_MEMBER_H

#include <stdbool.h>

#include "base/bytes.h"

/*
 * Cuts "top/process-1/exe" into the folder at the top and what is below it, nothing for the folder itself. A last '/', which folders
 * have, is left out. False: it begins with '/', or one of its parts is empty, "." or "..".
 */
bool member_split(const char *name, struct bytes *top, struct bytes *below);

#endif
