/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * json_read.h - reads a record back, member by member
 *
 * RFC 8259, strictly, for the records that json.h writes: bounded in depth, without allocating, in one pass. What it hands out is
 * foreign: strings may hold any character, and lie in a buffer of their own until the callback returns.
 */
#ifndef SMTPSNOOP_JSON_READ_H
#define SMTPSNOOP_JSON_READ_H

#include "base/bytes.h"

#define JSON_READ_DEPTH 8 /* as deep as json.h writes */
#define JSON_READ_PATH 256

enum json_kind {
	JSON_IS_OBJECT, /* begins */
	JSON_IS_ARRAY, /* begins */
	JSON_IS_CLOSED, /* the innermost of the two ends */
	JSON_IS_STRING,
	JSON_IS_NUMBER, /* value: as it stands there */
	JSON_IS_TRUE,
	JSON_IS_FALSE,
	JSON_IS_NULL,
};

struct json_item {
	enum json_kind kind;
	const char *key; /* letters, digits, "_" and "@"; NULL in an array and at the top */
	const char *
		path; /* "smtp.from": the keys from the top on; what is in an array has the array's */
	struct bytes value;
};

/* 0, or -EBADMSG: it is no such text; then what came before has been handed out already. */
int json_read(struct bytes text, void (*take)(void *context, const struct json_item *item),
	      void *context);

#endif
