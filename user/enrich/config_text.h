/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * config_text.h - what the judge needs of a configuration, as the text of one: for the half that can't read the file
 */
#ifndef SMTPSNOOP_CONFIG_TEXT_H
#define SMTPSNOOP_CONFIG_TEXT_H

#include <stddef.h>

#include "enrich/config.h"

/*
 * Ports, thresholds, relays and allow rules; users as numbers, since their names can't be looked up there. config_parse() makes the same
 * of it. MTAs are left out: which executable is one is found by the half that reads files. Allocated; NULL = out of memory.
 */
char *config_text(const struct config *config, size_t *length);

#endif
