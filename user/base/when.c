/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * when.c - moments that people write
 *
 * Nothing is guessed: a day that the month does not have is an error and not the next month's first. An hour that summer time leaves
 * out is the one after it. Nothing is fatal.
 */
#include "base/when.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#define SECOND INT64_C(1000000000)
#define SECONDS_MAX (INT64_MAX / SECOND)

/* Exactly `digits` of them; moves on. */
static bool take(const char **at, int digits, int low, int high, int *out)
{
	int value = 0;

	for (; digits; digits--, (*at)++) {
		if (**at < '0' || **at > '9')
			return false;
		value = value * 10 + (**at - '0');
	}
	*out = value;
	return value >= low && value <= high;
}

static int days_in(int month, int year)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap);
}

/* ":00" or ":00:30", or nothing of both. */
static bool minutes(const char **at, struct tm *tm)
{
	if (**at == ':' && (++*at, !take(at, 2, 0, 59, &tm->tm_min)))
		return false;
	return **at != ':' || (++*at, take(at, 2, 0, 59, &tm->tm_sec));
}

/* It ends here, but for a Z. */
static bool ends(const char *at, bool *utc)
{
	*utc = *at == 'Z';
	return !at[*utc];
}

static bool date(const char *text, struct tm *tm, bool *utc)
{
	int year, month;

	memset(tm, 0, sizeof(*tm));
	tm->tm_isdst = -1;
	if (!take(&text, 4, 1970, 2261, &year) || *text++ != '-' ||
	    !take(&text, 2, 1, 12, &month) || *text++ != '-' ||
	    !take(&text, 2, 1, days_in(month, year), &tm->tm_mday))
		return false;
	tm->tm_year = year - 1900;
	tm->tm_mon = month - 1;
	if (*text == 'T' || *text == ' ') {
		text++;
		if (!take(&text, 2, 0, 23, &tm->tm_hour) || !minutes(&text, tm))
			return false;
	}
	return ends(text, utc);
}

/* The beginning of the day that is so many days from now's, by the local calendar. */
static time_t midnight(int64_t now, int days)
{
	time_t seconds = (time_t)(now / SECOND);
	struct tm tm;

	localtime_r(&seconds, &tm);
	tm.tm_mday += days;
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_isdst = -1;
	return mktime(&tm);
}

/* "19:00": the last one that there was. */
static bool clock_time(const char *text, int64_t now, int64_t *seconds)
{
	time_t today = (time_t)(now / SECOND);
	struct tm tm, day;
	bool utc;

	memset(&tm, 0, sizeof(tm));
	if (!take(&text, 2, 0, 23, &tm.tm_hour) || *text != ':' || !minutes(&text, &tm) ||
	    !ends(text, &utc))
		return false;
	(utc ? gmtime_r : localtime_r)(&today, &day);
	for (int back = 0; back < 2; back++) {
		struct tm then = day;

		then.tm_mday -= back;
		then.tm_hour = tm.tm_hour;
		then.tm_min = tm.tm_min;
		then.tm_sec = tm.tm_sec;
		then.tm_isdst = -1;
		*seconds = utc ? timegm(&then) : mktime(&then);
		if (*seconds <= today)
			break;
	}
	return true;
}

/* "90m": digits and one letter. */
static bool ago(const char *text, int64_t *seconds)
{
	static const struct {
		char letter;
		int64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
	int64_t value = 0;
	const char *at = text;

	for (; *at >= '0' && *at <= '9'; at++) {
		value = value * 10 + (*at - '0');
		if (value > SECONDS_MAX / 604800)
			return false;
	}
	if (at == text || !at[0] || at[1])
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (*at != units[i].letter)
			continue;
		*seconds = value * units[i].seconds;
		return true;
	}
	return false;
}

int when_parse(const char *text, int64_t now, int64_t *out)
{
	int64_t seconds;
	struct tm tm;
	bool utc;

	if (strcmp(text, "now") == 0) {
		*out = now;
		return 0;
	}
	if (ago(text, &seconds)) {
		/* Before 1970 is as good as the beginning. */
		*out = seconds > now / SECOND ? 0 : now - seconds * SECOND;
		return 0;
	}
	if (strcmp(text, "today") == 0)
		seconds = midnight(now, 0);
	else if (strcmp(text, "yesterday") == 0)
		seconds = midnight(now, -1);
	else if (clock_time(text, now, &seconds))
		;
	else if (!date(text, &tm, &utc))
		return -EINVAL;
	else
		seconds = utc ? timegm(&tm) : mktime(&tm);
	*out = seconds * SECOND;
	return 0;
}
