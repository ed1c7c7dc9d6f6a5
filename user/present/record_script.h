/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * record_script.h - which script it was, as the member "script" of the record
 */
#ifndef SMTPSNOOP_RECORD_SCRIPT_H
#define SMTPSNOOP_RECORD_SCRIPT_H

#include "enrich/script_file.h"
#include "present/json.h"
#include "store/connection.h"

void record_login(struct json *json, const struct connection *connection); /* "session" */
/* script.file there, not escaped: borrows from the connection or from `room`. Empty = none is known. */
struct bytes record_script_file(const struct connection *connection, struct script_file *room);
/* The other file that somebody has to look at: what a PHP script ran, or else the one that was asked for and included this one. */
struct bytes record_script_other(const struct connection *connection, struct script_file *room);
/* What the interpreter that writes was started with. False: it is none, or not known. */
bool record_script_started(const struct connection *connection, struct script_file *file);

void record_script(struct json *json, const struct connection *connection);

#endif
