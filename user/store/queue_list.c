/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * queue_list.c - what an MTA's own tool says of its queue
 *
 * Pure. Lines hold what strangers wrote: addresses, and the replies of servers. They are told from a message's own line by where they
 * stand, and nothing is taken from behind them. A line that is no message's is passed over; of one that is, what can't be read is
 * not known, and it still counts. Nothing is fatal.
 */
#include "store/queue_list.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#define SECONDS_A_DAY 86400
#define TIME_MAX (INT64_C(1) << 33) /* the year 2242: nanoseconds of it are a number still */

/* base62 of Exim's ids, which is also the order of ASCII. */
static int digit62(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'Z')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'z' ? c - 'a' + 36 : -1;
}

static bool is_alnum(struct bytes text)
{
	for (size_t i = 0; i < text.length; i++)
		if (digit62(text.at[i]) < 0)
			return false;
	return text.length != 0;
}

static bool is_number(struct bytes text, int64_t *number)
{
	*number = 0;
	for (size_t i = 0; i < text.length; i++) {
		if (text.at[i] < '0' || text.at[i] > '9' || i > 11)
			return false;
		*number = *number * 10 + (text.at[i] - '0');
	}
	return text.length != 0;
}

/* What is before the first `end`, or all; *text is what follows it. */
static struct bytes take(struct bytes *text, char end)
{
	const char *at = text->length ? memchr(text->at, end, text->length) : NULL;
	struct bytes taken = {text->at, at ? (size_t)(at - text->at) : text->length};

	*text = bytes_after(*text, taken.length + 1);
	return taken;
}

/* The next word behind any number of blanks. */
static struct bytes take_word(struct bytes *text)
{
	while (text->length && *text->at == ' ')
		*text = bytes_after(*text, 1);
	return take(text, ' ');
}

static void see_time(struct queue_list *list, int64_t time)
{
	if (time > 0 && time < TIME_MAX && (!list->oldest || time < list->oldest))
		list->oldest = time;
}

/* {"queue_name": "deferred", "queue_id": "...", "arrival_time": 1795879052, ...} */
static void postfix_line(struct bytes line, struct queue_list *list)
{
	const char *queue;
	json_t *message;

	if (!bytes_begin(line, "{"))
		return;
	list->messages++;
	message = json_loadb(line.at, line.length, 0, NULL);
	queue = json_string_value(json_object_get(message, "queue_name"));
	list->deferred += queue && strcmp(queue, "deferred") == 0;
	list->held += queue && strcmp(queue, "hold") == 0;
	see_time(list, json_integer_value(json_object_get(message, "arrival_time")));
	json_decref(message);
}

/* "1xXJvC-0006gB-0n", since 4.97 "1rNxJc-00000000abc-1DeF": its first part is the time. */
static bool exim_id(struct bytes id, int64_t *time)
{
	struct bytes first = take(&id, '-'), second = take(&id, '-');

	if (first.length != 6 || !is_alnum(first) || !is_alnum(second) || !is_alnum(id) ||
	    !((second.length == 6 && id.length == 2) || (second.length == 11 && id.length == 4)))
		return false;
	*time = 0;
	for (size_t i = 0; i < first.length; i++)
		*time = *time * 62 + digit62(first.at[i]);
	return true;
}

/* " 2h  2.9K 1xXJvC-0006gB-0n <> *** frozen ***"; recipients stand further to the right. The size is missing where it is not known. */
static void exim_line(struct bytes line, struct queue_list *list)
{
	struct bytes rest = line, age, word;
	int64_t number, time;

	if (bytes_begin(line, "  "))
		return;
	age = take_word(&rest);
	if (age.length < 2 || !strchr("mhd", age.at[age.length - 1]))
		return;
	age.length--;
	if (!is_number(age, &number))
		return;
	list->messages++;
	list->held += bytes_end(line, " *** frozen ***");
	word = take_word(&rest);
	if (exim_id(word, &time) || exim_id(take_word(&rest), &time))
		see_time(list, time);
}

/* ctime(3) without seconds and year, in the host's zone: "Sat Nov 28 15:12". */
static int64_t without_year(struct bytes text, int64_t now, int32_t zone)
{
	char copy[sizeof("Sat Nov 28 15:12")];
	time_t local = (time_t)(now + zone);
	struct tm then, today;
	int64_t time;

	if (text.length < sizeof(copy) - 1 || !gmtime_r(&local, &today))
		return 0;
	memcpy(copy, text.at, sizeof(copy) - 1);
	copy[sizeof(copy) - 1] = '\0';
	memset(&then, 0, sizeof(then));
	if (!strptime(copy, "%a %b %d %H:%M", &then))
		return 0;
	then.tm_year = today.tm_year;
	time = timegm(&then) - zone;
	/* A day for clocks that were set meanwhile. */
	if (time > now + SECONDS_A_DAY) {
		then.tm_year--;
		time = timegm(&then) - zone;
	}
	return time;
}

/*
 * "6ASFBKg7006754*       6 Sat Nov 28 15:11 alice@example.org", below it the reason and the recipients, further to the right. The
 * characters behind the id say what is done with it now.
 */
static void sendmail_line(struct bytes line, int64_t now, int32_t zone, bool *deferred,
			  struct queue_list *list)
{
	size_t id = 0;
	int64_t size;

	if (bytes_begin(line, "                 (Deferred")) {
		list->deferred += *deferred;
		*deferred = false;
		return;
	}
	while (id < line.length && digit62(line.at[id]) >= 0)
		id++;
	if (id < 12 || id == line.length || !strchr(" *-X?", line.at[id]))
		return;
	list->messages++;
	*deferred = true;
	line = bytes_after(line, id);
	while (line.length && *line.at && strchr("*-X?", *line.at))
		line = bytes_after(line, 1);
	if (is_number(take_word(&line), &size))
		see_time(list, without_year(line, now, zone));
}

#define ENVELOPE_FIELDS 14 /* smtpctl(8) */
#define ENVELOPE_ID 16
#define MESSAGE_ID 8

/* How many fields there are; those over `room` are only counted. */
static unsigned int split(struct bytes line, struct bytes *fields, unsigned int room)
{
	const char *end = line.at + line.length;
	unsigned int count = 0;

	for (const char *at = line.at; at; count++) {
		const char *next = memchr(at, '|', (size_t)(end - at));

		if (count < room)
			fields[count] = (struct bytes){at, (size_t)((next ? next : end) - at)};
		at = next ? next + 1 : NULL;
	}
	return count;
}

/*
 * id|source|type|flags|sender|recipient|recipient|created|expires|tried|count|state|delay|error: a line an envelope, those of a message
 * after one another. An address or an error may have the separator in it: then nobody can say which field is which.
 */
static void opensmtpd_line(struct bytes line, struct bytes *message, bool *deferred,
			   struct queue_list *list)
{
	struct bytes fields[ENVELOPE_FIELDS];
	unsigned int count = split(line, fields, ENVELOPE_FIELDS);
	int64_t created;

	if (count < 2 || fields[0].length != ENVELOPE_ID || !is_alnum(fields[0]))
		return;
	fields[0].length = MESSAGE_ID;
	if (!bytes_equal(fields[0], *message)) {
		list->messages++;
		*message = fields[0];
		*deferred = true;
	}
	if (count != ENVELOPE_FIELDS)
		return;
	if (is_number(fields[7], &created))
		see_time(list, created);
	if (fields[13].length) {
		list->deferred += *deferred;
		*deferred = false;
	}
}

void queue_list_read(enum queue_mta mta, struct bytes text, int64_t now, int32_t zone,
		     struct queue_list *list)
{
	struct bytes message = {NULL, 0};
	bool deferred = false; /* the message in work may still be found to be */

	memset(list, 0, sizeof(*list));
	if (mta == QUEUE_EXIM)
		list->deferred = QUEUE_UNTOLD;
	if (mta == QUEUE_SENDMAIL || mta == QUEUE_OPENSMTPD)
		list->held = QUEUE_UNTOLD;
	while (text.length) {
		struct bytes line = take(&text, '\n');

		switch (mta) {
		case QUEUE_POSTFIX:
			postfix_line(line, list);
			break;
		case QUEUE_EXIM:
			exim_line(line, list);
			break;
		case QUEUE_SENDMAIL:
			sendmail_line(line, now, zone, &deferred, list);
			break;
		default:
			opensmtpd_line(line, &message, &deferred, list);
		}
	}
}
