/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * when.h - moments that people write
 */
#ifndef SMTPSNOOP_WHEN_H
#define SMTPSNOOP_WHEN_H

#include <stdint.h>

#define WHEN_NEED                                                                                  \
	"a time is needed: 90m, 24h, 7d or 2w ago, now, today, yesterday, 19:00, 2026-11-01, "     \
	"2026-11-01T19 or 2026-11-01T19:00, with Z behind it for UTC"

/*
 * "90m" (s, m, h, d, w: so long before now), "now", "today" and "yesterday" (their beginning), "19:00" and "19:00:30" (today's, or
 * yesterday's where that is still to come), "2026-11-01", "2026-11-01T12", "2026-11-01T12:00", "2026-11-01T12:00:30", a blank for the
 * T, all of these with "Z" for UTC; else the local zone counts. now and *out are Unix ns. 0, or -EINVAL; *out is set only with 0.
 */
int when_parse(const char *text, int64_t now, int64_t *out);

#endif
