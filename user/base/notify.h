/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * notify.h - tells the service manager how it goes, as sd_notify(3) does; nothing where there is none
 */
#ifndef SMTPSNOOP_NOTIFY_H
#define SMTPSNOOP_NOTIFY_H

#include <stdint.h>

struct notify {
	int fd; /* -1 = nobody wants to know */
	uint64_t watchdog; /* ns within which it wants to hear WATCHDOG=1; 0 = it does not */
};

/* From $NOTIFY_SOCKET, $WATCHDOG_USEC and $WATCHDOG_PID, which are taken out of the environment. 0, or -errno: it can't be reached. */
int notify_open(struct notify *notify);
void notify_close(struct notify *notify);

/* "READY=1", several separated by newlines. It never waits; what the manager has no room for is not heard. */
void notify_say(const struct notify *notify, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
