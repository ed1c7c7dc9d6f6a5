/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * record_script.h - which script it was, as the member "script" of the record
 */
#ifndef SMTPSNOOP_RECORD_SCRIPT_H
#define SMTPSNOOP_RECORD_SCRIPT_H

#include "present/json.h"
#include "store/connection.h"

void record_login(struct json *json, const struct connection *connection); /* "session" */
void record_script(struct json *json, const struct connection *connection);

#endif
