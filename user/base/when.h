/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * when.h - moments that people write
 */
#ifndef SMTPSNOOP_WHEN_H
#define SMTPSNOOP_WHEN_H

#include <stdint.h>

#define WHEN_NEED                                                                                  \
	"a time is needed: 90m, 24h or 7d ago, now, today, yesterday, 2026-11-01 or "              \
	"2026-11-01T12:00, with Z behind it for UTC"

/*
 * "90m" (s, m, h, d, w: so long before now), "now", "today" and "yesterday" (their beginning), "2026-11-01", "2026-11-01T12:00",
 * "2026-11-01T12:00:30", both with "Z" for UTC; else the local zone counts. now and *out are Unix ns. 0, or -EINVAL; *out is set
 * only with 0.
 */
int when_parse(const char *text, int64_t now, int64_t *out);

#endif
