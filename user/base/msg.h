/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * msg.h - what the program says about itself, on standard error: one clear sentence each
 *
 * Formats get "smtpsnoop: " in front and a newline behind. Text of foreign origin in arguments must have gone through
 * escape_text() before. Nothing here allocates, exits or changes errno.
 */
#ifndef SMTPSNOOP_MSG_H
#define SMTPSNOOP_MSG_H

#include <stdbool.h>
#include <stdint.h>

#define MSG_PRINTF __attribute__((format(printf, 1, 2)))

enum exit_status {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_CANNOT = 2, /* cannot run here, or wrong usage */
	EXIT_SEEN = 3, /* with --exit-code: a bypass or an impostor was seen */
};

/*
 * For a service: if standard error is the journal ($JOURNAL_STREAM names it), lines begin with their priority, "<4>", as
 * sd-daemon(3) has it, and the journal adds who we are.
 */
void msg_journal(void);
void msg_verbose(bool on); /* msg_debug() prints only after msg_verbose(true) */
void msg_error(const char *format, ...) MSG_PRINTF;
void msg_warn(const char *format, ...) MSG_PRINTF; /* adds "warning: " */
void msg_info(const char *format, ...) MSG_PRINTF;
void msg_debug(const char *format, ...) MSG_PRINTF;

/*
 * A sentence that may repeat: true at most once per `seconds`, with the number held back since in *held (for
 * "... (17 more)"). `now` is any monotonic clock in seconds. Zero-initialise the struct.
 */
struct msg_limit {
	uint64_t last;
	uint64_t held;
	bool used;
};
bool msg_allowed(struct msg_limit *limit, uint64_t now, uint64_t seconds, uint64_t *held);

#endif
