/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kept_record.h - a record as a store gives it back, with hostile bytes in it
 */
#ifndef SMTPSNOOP_TEST_KEPT_RECORD_H
#define SMTPSNOOP_TEST_KEPT_RECORD_H

static const char record[] =
	"{\"host\":{\"name\":\"web1\"},\"event\":{\"id\":\"ab-1\"},\"smtp\":{\"helo\":\"\\u001b["
	"31mx\\\"y\","
	"\"from\":[\"a@b\",\"c\\nd\"],\"empty\":[],\"gaps\":0},\"verdict\":{\"class\":\"bypass\","
	"\"reasons\":[]},\"process\":{\"pid\":7,\"exe\":{\"inode\":18446744073709551615,"
	"\"deleted\":true},\"ancestors\":[{\"pid\":1,\"name\":\"init\"},{\"pid\":2,\"name\":"
	"\"\xff\"}]}}";

#endif
